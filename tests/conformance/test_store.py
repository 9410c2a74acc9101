"""What every Store promises. A new implementation is added to `OPENERS`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from maestro.domain.access import AuditRecord
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.run import EventKind, Run, RunStatus, StepError, StepRun, StepStatus
from maestro.domain.values import RequirementId, RunId, StepId
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step, Workflow
from maestro.errors import Conflict, InvalidInput, NotFound, SchemaMismatch, StorageUnavailable
from maestro.ports import Store, Transaction
from maestro.storage.sqlite import SqliteStore

Opener = Callable[[Path], Awaitable[Store]]


async def open_sqlite(folder: Path) -> Store:
    return await SqliteStore.open(folder / "maestro.db")


OPENERS: dict[str, Opener] = {"sqlite": open_sqlite}

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
RUN = RunId("run-1")
A, B = StepId("a"), StepId("b")
FLOW = Workflow(
    name="flow",
    steps=(
        Step(id=A, action="work", inputs={"n": 1, "deep": {"list": [1, None, "ü"]}}),
        Step(
            id=B,
            action="work",
            needs=(A,),
            when="outputs.a.ok",
            on_unmet=OnUnmet.FAIL,
            retry=RetryPolicy(max_attempts=3, retry_on=("step_failed",)),
        ),
    ),
)


@pytest.fixture(params=sorted(OPENERS))
def opener(request: pytest.FixtureRequest) -> Opener:
    return OPENERS[request.param]


def using(opener: Opener, folder: Path, scenario: Callable[[Store], Awaitable[None]]) -> None:
    async def play() -> None:
        store = await opener(folder)
        try:
            await scenario(store)
        finally:
            await store.close()

    asyncio.run(play())


def new_run(run_id: str = RUN, **changes: object) -> Run:
    run = Run(
        id=RunId(run_id),
        workflow=FLOW.name,
        status=RunStatus.PENDING,
        inputs={"text": "build it"},
        max_parallel=2,
        created_at=NOW,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def save(tx: Transaction, step: StepRun) -> None:
    tx.runs.save_step(RUN, step, definition=FLOW.step(step.step_id).digest())


def row(step_id: StepId, status: StepStatus, attempt: int, **rest: object) -> StepRun:
    return StepRun(step_id=step_id, status=status, attempt=attempt, **rest)  # type: ignore[arg-type]


def test_a_run_is_read_back_as_it_was_written(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        assert await store.read(lambda tx: tx.runs.get(RUN)) == new_run()
        assert await store.read(lambda tx: tx.runs.workflow(RUN)) == FLOW
        steps = await store.read(lambda tx: tx.runs.steps(RUN))
        assert list(steps) == [row(A, StepStatus.PENDING, 0), row(B, StepStatus.PENDING, 0)]
        changed = new_run(status=RunStatus.SUCCEEDED, started_at=NOW, ended_at=NOW)
        await store.write(lambda tx: tx.runs.update(changed))
        assert await store.read(lambda tx: tx.runs.get(RUN)) == changed

    using(opener, tmp_path, scenario)


def test_what_was_written_is_there_after_closing(opener: Opener, tmp_path: Path) -> None:
    async def write(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))

    async def read(store: Store) -> None:
        assert await store.read(lambda tx: tx.runs.get(RUN)) == new_run()

    using(opener, tmp_path, write)
    using(opener, tmp_path, read)


def test_a_taken_run_id_is_a_conflict(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        with pytest.raises(Conflict, match="'run-1' is already taken"):
            await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))

    using(opener, tmp_path, scenario)


def test_unknown_things_are_not_found(opener: Opener, tmp_path: Path) -> None:
    nobody = RunId("run-0")
    queries: list[Callable[[Transaction], object]] = [
        lambda tx: tx.runs.get(nobody),
        lambda tx: tx.runs.steps(nobody),
        lambda tx: tx.runs.workflow(nobody),
        lambda tx: tx.requirements.get("req-0"),
    ]
    changes: list[Callable[[Transaction], object]] = [
        lambda tx: tx.runs.update(new_run("run-0")),
        lambda tx: tx.runs.extend(nobody, ()),
        lambda tx: tx.runs.save_step(nobody, row(A, StepStatus.RUNNING, 1), definition=""),
        lambda tx: tx.events.append(nobody, EventKind.RUN_STARTED, NOW),
    ]

    async def scenario(store: Store) -> None:
        for query in queries:
            with pytest.raises(NotFound):
                await store.read(query)
        for change in changes:
            with pytest.raises(NotFound):
                await store.write(change)

    using(opener, tmp_path, scenario)


def test_recent_runs_come_newest_first_and_by_status(opener: Opener, tmp_path: Path) -> None:
    def insert(tx: Transaction) -> None:
        for number in range(4):
            status = RunStatus.FAILED if number % 2 else RunStatus.RUNNING
            made = NOW + timedelta(seconds=number // 2)
            tx.runs.insert(new_run(f"run-{number}", created_at=made, status=status), FLOW)

    async def scenario(store: Store) -> None:
        await store.write(insert)
        runs = await store.read(lambda tx: tx.runs.recent(3))
        assert [run.id for run in runs] == ["run-3", "run-2", "run-1"]
        failed = await store.read(lambda tx: tx.runs.recent(9, RunStatus.FAILED))
        assert [run.id for run in failed] == ["run-3", "run-1"]

    using(opener, tmp_path, scenario)


def test_a_step_keeps_its_output_error_and_times(opener: Opener, tmp_path: Path) -> None:
    error = StepError(code="step_failed", message="no", reasons=("r1", "r2"), detail={"a": [1]})
    waiting = row(A, StepStatus.WAITING, 1, error=error, started_at=NOW, ended_at=NOW, retry_at=NOW)
    done = row(A, StepStatus.SUCCEEDED, 2, output={"ok": True, "n": 1.5}, started_at=NOW)

    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        await store.write(lambda tx: save(tx, row(A, StepStatus.RUNNING, 1)))
        await store.write(lambda tx: save(tx, waiting))
        assert (await store.read(lambda tx: tx.runs.steps(RUN)))[0] == waiting
        await store.write(lambda tx: save(tx, row(A, StepStatus.RUNNING, 2)))
        await store.write(lambda tx: save(tx, done))
        assert (await store.read(lambda tx: tx.runs.steps(RUN)))[0] == done

    using(opener, tmp_path, scenario)


@pytest.mark.parametrize(
    "second",
    [
        row(A, StepStatus.SUCCEEDED, 1, output="other"),
        row(A, StepStatus.FAILED, 1),
        row(A, StepStatus.RUNNING, 1),
        row(A, StepStatus.RUNNING, 2),
        row(A, StepStatus.SUCCEEDED, 2),
    ],
    ids=lambda step: f"{step.status.value}-{step.attempt}",
)
def test_a_second_result_of_an_attempt_is_a_conflict(
    opener: Opener, tmp_path: Path, second: StepRun
) -> None:
    first = row(A, StepStatus.SUCCEEDED, 1, output="first")

    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        await store.write(lambda tx: save(tx, row(A, StepStatus.RUNNING, 1)))
        await store.write(lambda tx: save(tx, first))
        with pytest.raises(Conflict, match="'a'"):
            await store.write(lambda tx: save(tx, second))
        assert (await store.read(lambda tx: tx.runs.steps(RUN)))[0] == first

    using(opener, tmp_path, scenario)


def test_a_late_result_of_an_interrupted_attempt_is_a_conflict(
    opener: Opener, tmp_path: Path
) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        for status, attempt in (
            (StepStatus.RUNNING, 1),
            (StepStatus.READY, 1),
            (StepStatus.RUNNING, 2),
        ):
            await store.write(lambda tx, s=status, n=attempt: save(tx, row(A, s, n)))  # type: ignore[misc]
        with pytest.raises(Conflict):
            await store.write(lambda tx: save(tx, row(A, StepStatus.SUCCEEDED, 1)))

    using(opener, tmp_path, scenario)


def test_another_definition_of_a_step_is_a_schema_mismatch(opener: Opener, tmp_path: Path) -> None:
    other = replace(FLOW.steps[0], timeout_seconds=1.0).digest()

    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        with pytest.raises(SchemaMismatch, match="'a'"):
            await store.write(
                lambda tx: tx.runs.save_step(RUN, row(A, StepStatus.RUNNING, 1), definition=other)
            )

    using(opener, tmp_path, scenario)


def test_a_run_is_extended_in_order_and_bad_graphs_are_refused(
    opener: Opener, tmp_path: Path
) -> None:
    extra = Step(id=StepId("c"), action="work", needs=(B,))
    orphan = Step(id=StepId("d"), action="work", needs=(StepId("nobody"),))

    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        await store.write(lambda tx: tx.runs.extend(RUN, (extra,)))
        with pytest.raises(InvalidInput, match="'nobody'"):
            await store.write(lambda tx: tx.runs.extend(RUN, (orphan,)))
        workflow = await store.read(lambda tx: tx.runs.workflow(RUN))
        assert workflow == FLOW.extended((extra,))
        steps = await store.read(lambda tx: tx.runs.steps(RUN))
        assert [step.step_id for step in steps] == ["a", "b", "c"]

    using(opener, tmp_path, scenario)


def test_events_count_from_one_per_run_without_gaps(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        for run_id in ("run-1", "run-2"):
            await store.write(lambda tx, r=run_id: tx.runs.insert(new_run(r), FLOW))  # type: ignore[misc]

        def fail(tx: Transaction) -> None:
            tx.events.append(RUN, EventKind.STEP_PROGRESS, NOW)
            raise Conflict("taken back")

        async def append(number: int) -> None:
            await store.write(
                lambda tx: tx.events.append(
                    RunId(f"run-{number % 2 + 1}"),
                    EventKind.STEP_PROGRESS,
                    NOW,
                    step_id=A,
                    attempt=1,
                    data={"number": number},
                )
            )

        await asyncio.gather(*(append(number) for number in range(20)))
        with pytest.raises(Conflict, match="taken back"):
            await store.write(fail)
        await append(20)
        events = await store.read(lambda tx: tx.events.after(RunId("run-1"), 0))
        assert [event.sequence for event in events] == list(range(1, 12))
        assert [event.data["number"] for event in events] == list(range(0, 21, 2))
        later = await store.read(lambda tx: tx.events.after(RunId("run-1"), 4, limit=3))
        assert [event.sequence for event in later] == [5, 6, 7]

    using(opener, tmp_path, scenario)


def test_a_change_that_raises_is_rolled_back_alone(opener: Opener, tmp_path: Path) -> None:
    def break_off(tx: Transaction) -> None:
        tx.runs.insert(new_run("run-bad"), FLOW)
        raise ValueError("no")

    async def scenario(store: Store) -> None:
        results = await asyncio.gather(
            store.write(lambda tx: tx.runs.insert(new_run("run-1"), FLOW)),
            store.write(break_off),
            store.write(lambda tx: tx.runs.insert(new_run("run-2"), FLOW)),
            return_exceptions=True,
        )
        assert results[0] is None
        assert results[2] is None
        assert isinstance(results[1], ValueError)
        runs = await store.read(lambda tx: tx.runs.recent(9))
        assert {run.id for run in runs} == {"run-1", "run-2"}

    using(opener, tmp_path, scenario)


def test_a_read_sees_everything_written_before_it(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
        for number in range(1, 30):
            await store.write(lambda tx: tx.events.append(RUN, EventKind.STEP_PROGRESS, NOW))
            assert len(await store.read(lambda tx: tx.events.after(RUN, 0))) == number

    using(opener, tmp_path, scenario)


def test_two_stores_on_one_database_see_each_other(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        other = await opener(tmp_path)
        try:
            await store.write(lambda tx: tx.runs.insert(new_run(), FLOW))
            assert await other.read(lambda tx: tx.runs.get(RUN)) == new_run()
            await asyncio.gather(
                *(
                    writer.write(lambda tx: tx.events.append(RUN, EventKind.STEP_PROGRESS, NOW))
                    for writer in (store, other) * 25
                )
            )
            events = await store.read(lambda tx: tx.events.after(RUN, 0))
            assert [event.sequence for event in events] == list(range(1, 51))
        finally:
            await other.close()

    using(opener, tmp_path, scenario)


def test_requirements_and_audit_are_kept(opener: Opener, tmp_path: Path) -> None:
    requirement = Requirement(
        id=RequirementId("req-1"),
        project="shop",
        text="Build a shop.\nNow.",
        constraints=Constraints(quality_threshold=0.9, allow_partial=True),
        submitted_by="local",
        submitted_at=NOW,
    )
    records = [
        AuditRecord(at=NOW, principal="p", action=f"do-{n}", target="t", allowed=n != 1)
        for n in range(3)
    ]

    def write(tx: Transaction) -> None:
        tx.requirements.insert(requirement)
        for record in records:
            tx.audit.append(record)

    async def scenario(store: Store) -> None:
        await store.write(write)
        assert await store.read(lambda tx: tx.requirements.get("req-1")) == requirement
        assert list(await store.read(lambda tx: tx.audit.recent(2))) == records[:0:-1]
        with pytest.raises(Conflict, match="'req-1'"):
            await store.write(lambda tx: tx.requirements.insert(requirement))

    using(opener, tmp_path, scenario)


def test_a_run_has_one_owner_at_a_time(opener: Opener, tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        async with store.own(RUN), store.own(RunId("run-2")):
            with pytest.raises(Conflict, match="'run-1' is being executed by process"):
                async with store.own(RUN):
                    pass
        async with store.own(RUN):
            pass

    using(opener, tmp_path, scenario)


def test_a_closed_store_takes_no_more(opener: Opener, tmp_path: Path) -> None:
    async def play() -> None:
        store = await opener(tmp_path)
        await store.close()
        await store.close()
        with pytest.raises(StorageUnavailable, match="closed"):
            await store.write(lambda tx: tx.runs.recent(1))
        with pytest.raises(StorageUnavailable, match="closed"):
            await store.read(lambda tx: tx.runs.recent(1))

    asyncio.run(play())
