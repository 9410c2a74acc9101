"""Each event of a journal is counted once, whoever counts, and whatever dies in between."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maestro.delivery.counting import FigureCounting, counted
from maestro.domain.figures import FigureKey, ReadingPurpose, RunNews, TimedCall
from maestro.domain.models import CallEntry, JournaledCall
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import Event, EventKind, StepError
from maestro.domain.values import Digest, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, StepFailed
from maestro.ports import StepContext, StepResult, Store, Transaction
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

RUN, NOW = RunId("run-1"), datetime(2026, 5, 4, 12, tzinfo=UTC)
A, B, GATE, VERIFY = (StepId(name) for name in ("a", "b", "gate.x", "verify.api"))
FLOW = Workflow(
    name="mine", steps=(Step(id=A, action="value.set"), Step(id=B, needs=(A,), action="value.set"))
)


async def _pass(_: StepContext) -> StepResult:
    return StepResult(output=1)


async def _ran(store: Store, run_id: str) -> None:
    engine = EmbeddedEngine(store, SystemClock(), {"value.set": _pass})
    await engine.start(FLOW, inputs={}, max_parallel=1, run_id=RunId(run_id))
    await engine.execute(RunId(run_id))


async def _totals(store: Store) -> Mapping[FigureKey, float]:
    return await store.read(lambda tx: tx.listing.counting.totals())


def _expect(totals: Mapping[FigureKey, float], runs: int) -> None:
    assert totals["maestro_runs", "", "succeeded"] == runs
    assert totals["maestro_steps", "", "", "succeeded"] == 2 * runs
    waits = [n for key, n in totals.items() if key[0] == "maestro_queue_wait_seconds"]
    assert sum(n for n in waits if n == int(n)) >= 2 * runs
    spread = {key: n for key, n in totals.items() if key[0] == "maestro_step_duration_seconds"}
    assert sum(n for key, n in spread.items() if key[-1] != "sum") == 2 * runs


def test_every_event_is_counted_once_whoever_counts(location: str | Path) -> None:
    async def play() -> None:
        one = await open_store(location, seal_key=b"seal")
        two = await open_store(location, seal_key=b"seal")
        for number in range(25):
            await _ran(one, f"run-{number}")
        both = (FigureCounting(one), FigureCounting(two))
        assert await asyncio.gather(*(each.catch_up(30) for each in both)) == [0, 0]
        _expect(await _totals(one), 25)
        await one.close()
        await two.close()
        again = await open_store(location, seal_key=b"seal")  # after a restart
        assert await FigureCounting(again).catch_up(30) == 0
        _expect(await _totals(again), 25)
        await _ran(again, "run-26")
        assert await again.read(lambda tx: tx.listing.counting.backlog(ReadingPurpose.FIGURES)) == 1
        await FigureCounting(again).catch_up(30)
        _expect(await _totals(again), 26)
        await again.close()

    asyncio.run(play())


def test_without_time_what_is_left_is_told(tmp_path: Path) -> None:
    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        for number in range(21):
            await _ran(store, f"run-{number}")
        assert await FigureCounting(store).catch_up(0) == 1
        assert await FigureCounting(store).catch_up(0) == 0
        await store.close()

    asyncio.run(play())


def test_a_cursor_that_moved_is_a_conflict_and_nothing_is_added(location: str | Path) -> None:
    async def play() -> None:
        store = await open_store(location, seal_key=b"seal")
        await _ran(store, "run-1")

        def twice(tx: Transaction) -> None:
            tx.listing.counting.add({("x",): 1.0})
            tx.listing.counting.advance(ReadingPurpose.FIGURES, {RUN: (0, 3)})
            tx.listing.counting.advance(ReadingPurpose.FIGURES, {RUN: (0, 3)})

        with pytest.raises(Conflict, match="read by another"):
            await store.write(twice)
        assert await _totals(store) == {}
        await store.close()

    asyncio.run(play())


def test_counting_does_not_wait_for_drivers_nor_they_for_it(postgres_url: str) -> None:
    """They would for each other: a server commits what it drives and counts together."""

    async def play() -> None:
        one = await open_store(postgres_url, seal_key=b"seal", lease_seconds=90)
        two = await open_store(postgres_url, seal_key=b"seal", lease_seconds=90)
        await _ran(one, RUN)
        holding, counted_meanwhile = threading.Event(), threading.Event()

        def drive(_: Transaction) -> bool:
            holding.set()
            return counted_meanwhile.wait(10)

        driving = asyncio.create_task(one.write(drive, about=RUN))
        await asyncio.to_thread(holding.wait)
        assert await FigureCounting(two).catch_up(30) == 0
        counted_meanwhile.set()
        assert await driving
        await one.close()
        await two.close()

    asyncio.run(play())


def test_a_team_of_any_shape_is_no_blueprint(tmp_path: Path) -> None:
    """Steps of people's own workflows may be called as those of builds are."""
    own = Workflow(name="own", steps=(Step(id=StepId("plan.assemble"), action="value.set"),))

    async def give(_: StepContext) -> StepResult:
        return StepResult(output={"team": None})

    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        engine = EmbeddedEngine(store, SystemClock(), {"value.set": give})
        await engine.start(own, inputs={}, max_parallel=1, run_id=RUN)
        await engine.execute(RUN)
        assert await FigureCounting(store).catch_up(30) == 0
        assert (await _totals(store))["maestro_runs", "", "succeeded"] == 1
        await store.close()

    asyncio.run(play())


def test_a_step_that_is_tried_again_is_a_retry(tmp_path: Path) -> None:
    async def fail(_: StepContext) -> StepResult:
        raise StepFailed("no")

    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        step = Step(id=A, action="value.set")
        step = replace(
            step,
            retry=replace(step.retry, max_attempts=2, delay_seconds=0, retry_on=("step_failed",)),
        )
        engine = EmbeddedEngine(store, SystemClock(), {"value.set": fail})
        await engine.start(
            Workflow(name="mine", steps=(step,)), inputs={}, max_parallel=1, run_id=RUN
        )
        await engine.execute(RUN)
        await FigureCounting(store).catch_up(30)
        totals = await _totals(store)
        assert totals["maestro_step_retries", "step_failed"] == 1
        assert totals["maestro_steps", "", "", "failed"] == 1
        await store.close()

    asyncio.run(play())


def _event(kind: EventKind, step: StepId, seconds: float) -> Event:
    at = NOW + timedelta(seconds=seconds)
    return Event(run_id=RUN, sequence=1, kind=kind, at=at, step_id=step, attempt=1)


def _attempt(output: object, error: StepError | None = None) -> AttemptRecord:
    return AttemptRecord(
        attempt=1,
        status="succeeded",
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=7),
        output=output,
        error=error,
    )


def test_what_steps_of_a_build_put_out_is_counted() -> None:
    results = [{"gate": "tests", "verdict": "PASS"}, {"gate": "cover", "verdict": "NOT_MEASURED"}]
    refused = StepError(code="blocked", message="", detail={"verdict": {"results": results}})
    checks = [{"id": "1", "passed": True}, {"id": "2", "passed": False}]
    call = CallEntry(
        run_id=RUN,
        step_id=A,
        attempt=1,
        phase="p",
        persona="x",
        session=Digest(""),
        kind=JournaledCall.MODEL,
        digest=Digest(""),
        name="http://user:word@127.0.0.1:4711/v1#small",
        input_tokens=11,
        output_tokens=5,
        cost=0.25,
    )
    news = RunNews(
        run_id=RUN,
        project="default",
        workflow="build",
        created_at=NOW,
        before=0,
        events=[
            _event(EventKind.STEP_STARTED, GATE, 3),
            _event(EventKind.STEP_BLOCKED, GATE, 10),
            _event(EventKind.STEP_SUCCEEDED, VERIFY, 10),
        ],
        steps={
            GATE: Step(id=GATE, action="quality.gate", phase="review", needs=(A,)),
            VERIFY: Step(id=VERIFY, action="contract.verify", persona="qa <script>"),
        },
        attempts={
            (GATE, 1): _attempt(None, refused),
            (VERIFY, 1): _attempt({"contract": "api", "checks": checks}),
        },
        waited={(VERIFY, 1): 2.0},
        ended={A: NOW + timedelta(seconds=1)},
        calls=[TimedCall(entry=call, at=0.0)],
        kinds={"api": "rest"},
    )
    found = counted(news)
    assert found["maestro_gate_decisions", "tests", "PASS"] == 1
    assert found["maestro_gate_decisions", "cover", "NOT_MEASURED"] == 1
    assert found["maestro_contract_checks", "rest", "passed"] == 1
    assert found["maestro_contract_checks", "rest", "failed"] == 1
    assert found["maestro_steps", "review", "", "blocked"] == 1
    assert found["maestro_steps", "", "other", "succeeded"] == 1
    assert found["maestro_step_duration_seconds", "quality.gate", "blocked", "15.0"] == 1
    assert found["maestro_queue_wait_seconds", "5.0"] == 2
    assert found["maestro_queue_wait_seconds", "sum"] == 4
    assert found["maestro_model_tokens", "small", "input"] == 11
    assert found["maestro_model_cost_dollars", "small"] == 0.25
    assert not any("run-1" in label or "4711" in label for key in found for label in key)


def test_a_wait_is_not_counted_where_what_was_needed_was_done_again() -> None:
    news = RunNews(
        run_id=RUN,
        project="default",
        workflow="mine",
        created_at=NOW,
        before=0,
        events=[_event(EventKind.STEP_STARTED, B, 3)],
        steps={B: FLOW.steps[1]},
        attempts={},
        waited={},
        ended={A: NOW + timedelta(seconds=9)},
    )
    assert counted(news) == {}
