"""What every Store promises, on SQLite and on a PostgreSQL that the tests start themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from maestro.domain.access import AuditRecord
from maestro.domain.requirement import Constraints, Requirement
from maestro.domain.run import EventKind, Run, RunStatus, StepError, StepRun, StepStatus
from maestro.domain.values import JsonObject, RequirementId, RunId, StepId
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step, Workflow
from maestro.errors import (
    Conflict,
    InvalidInput,
    LeaseLost,
    NotFound,
    SchemaMismatch,
    StorageUnavailable,
)
from maestro.ports import Entry, Guard, StepMove, Store, Task, Transaction
from maestro.storage.opening import open_store

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
RUN = RunId("run-1")
A, B, C = StepId("a"), StepId("b"), StepId("c")
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
        Step(id=C, action="work", capability="gpu", priority=2, concurrency="cards"),
    ),
    concurrency={"cards": 2},
)
S, K = StepStatus, EventKind
KIND_OF = {
    S.PENDING: K.STEP_RESET,
    S.READY: K.STEP_INTERRUPTED,
    S.RUNNING: K.STEP_STARTED,
    S.WAITING: K.STEP_RETRYING,
    S.AWAITING: K.STEP_AWAITING,
    S.SUCCEEDED: K.STEP_SUCCEEDED,
    S.FAILED: K.STEP_FAILED,
    S.BLOCKED: K.STEP_BLOCKED,
    S.SKIPPED: K.STEP_SKIPPED,
    S.CANCELLED: K.STEP_CANCELLED,
}


@dataclass(frozen=True)
class Desk:
    """A database and ways to open it."""

    location: str | Path

    async def open(self, **options: Any) -> Store:
        return await open_store(self.location, **options, seal_key=b"seal")


@pytest.fixture
def desk(location: str | Path) -> Desk:
    return Desk(location)


def using(desk: Desk, scenario: Callable[[Store], Awaitable[None]]) -> None:
    async def play() -> None:
        store = await desk.open()
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
        concurrency=FLOW.concurrency,
    )
    return replace(run, **changes)  # type: ignore[arg-type]


def row(step_id: StepId, status: StepStatus, attempt: int = 0, **rest: object) -> StepRun:
    return StepRun(step_id=step_id, status=status, attempt=attempt, **rest)  # type: ignore[arg-type]


def moved(
    before: StepRun, after: StepRun, kind: EventKind | None = None, *, offered: bool = False
) -> Entry:
    move = StepMove(
        before=before,
        after=after,
        definition=FLOW.step(after.step_id).digest(),
        input_digest="0" * 64,
        offered=offered,
    )
    return Entry(kind=kind or KIND_OF[after.status], step=move, data={"was": before.status.value})


def path(*rows: StepRun) -> list[Entry]:
    return [moved(before, after) for before, after in pairwise(rows)]


async def begin(store: Store, run_id: str = RUN) -> None:
    await store.write(lambda tx: tx.runs.insert(new_run(run_id), FLOW))


async def record(
    store: Store, entries: Sequence[Entry], guard: Guard | None = None, run_id: RunId = RUN
) -> int | None:
    return await store.write(lambda tx: tx.runs.record(run_id, entries, NOW, guard=guard))


async def tell(store: Store, data: JsonObject, run_id: str = RUN, fence: int | None = None) -> int:
    event = await store.write(
        lambda tx: tx.events.append(
            RunId(run_id), K.STEP_PROGRESS, NOW, step_id=A, attempt=1, data=data, fence=fence
        )
    )
    return event.sequence


async def steps(store: Store) -> dict[StepId, StepRun]:
    return {step.step_id: step for step in await store.read(lambda tx: tx.runs.steps(RUN))}


async def kinds(store: Store) -> list[tuple[int, str]]:
    events = await store.read(lambda tx: tx.events.after(RUN, 0))
    return [(event.sequence, event.kind.value) for event in events]


# --- runs ------------------------------------------------------------------------------------


def test_a_run_is_read_back_as_it_was_written(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        assert await store.read(lambda tx: tx.runs.get(RUN)) == new_run()
        assert await store.read(lambda tx: tx.runs.workflow(RUN)) == FLOW
        found = await store.read(lambda tx: tx.runs.steps(RUN))
        assert list(found) == [row(step.id, S.PENDING) for step in FLOW.steps]
        changed = new_run(status=RunStatus.SUCCEEDED, started_at=NOW, ended_at=NOW)
        assert await record(store, [Entry(kind=K.RUN_SUCCEEDED, run=changed)]) == 1
        assert await store.read(lambda tx: tx.runs.get(RUN)) == changed

    using(desk, scenario)


def test_what_was_written_is_there_after_closing(desk: Desk) -> None:
    async def read(store: Store) -> None:
        assert await store.read(lambda tx: tx.runs.get(RUN)) == new_run()

    using(desk, begin)
    using(desk, read)


def test_a_taken_run_id_is_a_conflict(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        with pytest.raises(Conflict, match="'run-1' is already taken"):
            await begin(store)

    using(desk, scenario)


def test_unknown_things_are_not_found(desk: Desk) -> None:
    nobody = RunId("run-0")
    queries: list[Callable[[Transaction], object]] = [
        lambda tx: tx.runs.get(nobody),
        lambda tx: tx.runs.steps(nobody),
        lambda tx: tx.runs.workflow(nobody),
        lambda tx: tx.runs.steered(nobody),
        lambda tx: tx.requirements.get("req-0"),
    ]
    ghost = moved(row(A, S.PENDING), row(A, S.SKIPPED))
    assert ghost.step is not None
    entry = replace(
        ghost,
        step=replace(
            ghost.step,
            before=row(StepId("z"), S.PENDING),
            after=row(StepId("z"), S.SKIPPED),
        ),
    )
    changes: list[Callable[[Transaction], object]] = [
        lambda tx: tx.runs.record(nobody, [entry], NOW, guard=None),
        lambda tx: tx.runs.record(nobody, [entry], NOW, guard=Guard(fence=1, steered=0)),
        lambda tx: tx.runs.record(RUN, [entry], NOW, guard=None),
        lambda tx: tx.events.append(nobody, K.STEP_PROGRESS, NOW, step_id=A, attempt=1, data={}),
    ]

    async def scenario(store: Store) -> None:
        await begin(store)
        for query in queries:
            with pytest.raises(NotFound):
                await store.read(query)
        for change in changes:
            with pytest.raises(NotFound):
                await store.write(change)
        with pytest.raises(NotFound):
            async with store.own(nobody):
                pass

    using(desk, scenario)


def test_recent_runs_come_newest_first_and_by_status(desk: Desk) -> None:
    def insert(tx: Transaction) -> None:
        for number in range(4):
            status = RunStatus.FAILED if number % 2 else RunStatus.RUNNING
            made = NOW + timedelta(microseconds=number // 2)
            tx.runs.insert(new_run(f"run-{number}", created_at=made, status=status), FLOW)

    async def scenario(store: Store) -> None:
        await store.write(insert)
        runs = await store.read(lambda tx: tx.runs.recent(3))
        assert [run.id for run in runs] == ["run-3", "run-2", "run-1"]
        failed = await store.read(lambda tx: tx.runs.recent(9, RunStatus.FAILED))
        assert [run.id for run in failed] == ["run-3", "run-1"]

    using(desk, scenario)


# --- the journal -----------------------------------------------------------------------------


def test_a_step_keeps_its_output_error_and_times(desk: Desk) -> None:
    error = StepError(code="step_failed", message="no", reasons=("r1", "r2"), detail={"a": [1]})
    waiting = row(A, S.WAITING, 1, error=error, started_at=NOW, ended_at=NOW, retry_at=NOW)
    running = row(A, S.RUNNING, 2, error=error, started_at=NOW)
    done = row(A, S.SUCCEEDED, 2, output={"ok": True, "n": 1.5}, started_at=NOW, extended=True)

    async def scenario(store: Store) -> None:
        await begin(store)
        assert await record(store, path(row(A, S.PENDING), row(A, S.RUNNING, 1))) == 1
        assert await record(store, path(row(A, S.RUNNING, 1), waiting)) == 2
        assert (await steps(store))[A] == waiting
        assert await record(store, path(waiting, running)) == 3
        assert await record(store, path(running, done)) == 4
        assert (await steps(store))[A] == done
        assert await kinds(store) == [
            (1, "step.started"),
            (2, "step.retrying"),
            (3, "step.started"),
            (4, "step.succeeded"),
        ]
        first = (await store.read(lambda tx: tx.events.after(RUN, 0)))[0]
        assert (first.step_id, first.attempt, first.at) == (A, 1, NOW)
        assert first.data == {"was": "pending"}

    using(desk, scenario)


def test_a_step_may_move_several_times_in_one_call(desk: Desk) -> None:
    """An interrupted attempt, and in the same transaction the next one."""
    again = [row(A, S.RUNNING, 1), row(A, S.READY, 1), row(A, S.RUNNING, 2, started_at=NOW)]

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(A, S.PENDING), again[0]))
        assert await record(store, [*path(*again), *path(row(B, S.PENDING), row(B, S.SKIPPED))])
        assert (await steps(store))[A] == again[-1]
        assert (await steps(store))[B] == row(B, S.SKIPPED)
        whole = [again[-1], row(A, S.SUCCEEDED, 2), row(A, S.PENDING, 2), row(A, S.RUNNING, 3)]
        await record(store, path(*whole, row(A, S.FAILED, 3)))
        assert (await steps(store))[A] == row(A, S.FAILED, 3)
        assert [sequence for sequence, _ in await kinds(store)] == list(range(1, 9))

    using(desk, scenario)


def test_entries_of_a_step_must_follow_from_each_other(desk: Desk) -> None:
    torn = [
        *path(row(A, S.PENDING), row(A, S.RUNNING, 1)),
        *path(row(A, S.READY, 1), row(A, S.RUNNING, 2)),
    ]

    async def scenario(store: Store) -> None:
        await begin(store)
        with pytest.raises(Conflict, match=r"'a'.* the entry before left it running at attempt 1"):
            await record(store, torn)
        assert (await steps(store))[A] == row(A, S.PENDING)

    using(desk, scenario)


@pytest.mark.parametrize(
    "second",
    [
        row(A, S.SUCCEEDED, 1, output="other"),
        row(A, S.FAILED, 1),
        row(A, S.RUNNING, 1),
        row(A, S.RUNNING, 2),
        row(A, S.SUCCEEDED, 2),
        row(A, S.AWAITING, 1),
    ],
    ids=lambda step: f"{step.status.value}-{step.attempt}",
)
@pytest.mark.parametrize("told", [S.RUNNING, S.SUCCEEDED])
def test_a_second_result_of_an_attempt_is_a_conflict(
    desk: Desk, second: StepRun, told: StepStatus
) -> None:
    """Whether the writer knows of the first one or not."""
    first = row(A, S.SUCCEEDED, 1, output="first")

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(A, S.PENDING), row(A, S.RUNNING, 1), first))
        with pytest.raises(Conflict, match="'a'"):
            await record(store, path(row(A, told, 1), second))
        assert (await steps(store))[A] == first
        assert len(await kinds(store)) == 2

    using(desk, scenario)


def test_a_late_result_of_an_interrupted_attempt_is_a_conflict(desk: Desk) -> None:
    way = [row(A, S.PENDING), row(A, S.RUNNING, 1), row(A, S.READY, 1), row(A, S.RUNNING, 2)]

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(*way))
        with pytest.raises(Conflict, match="'a' of run 'run-1' is running at attempt 2"):
            await record(store, path(row(A, S.RUNNING, 1), row(A, S.SUCCEEDED, 1)))

    using(desk, scenario)


def test_one_misfit_among_many_moves_writes_nothing(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(B, S.PENDING), row(B, S.SKIPPED)))
        both = [
            *path(row(A, S.PENDING), row(A, S.RUNNING, 1)),
            *path(row(B, S.PENDING), row(B, S.RUNNING, 1)),
        ]
        with pytest.raises(Conflict, match="'b' of run 'run-1' is skipped at attempt 0"):
            await record(store, both)
        assert (await steps(store))[A] == row(A, S.PENDING)
        assert await kinds(store) == [(1, "step.skipped")]

    using(desk, scenario)


def test_another_definition_of_a_step_is_a_schema_mismatch(desk: Desk) -> None:
    entry = moved(row(A, S.PENDING), row(A, S.RUNNING, 1))
    assert entry.step is not None
    other = replace(FLOW.steps[0], timeout_seconds=1.0).digest()
    changed = replace(entry, step=replace(entry.step, definition=other))

    async def scenario(store: Store) -> None:
        await begin(store)
        with pytest.raises(SchemaMismatch, match="'a'"):
            await record(store, [changed])

    using(desk, scenario)


def test_waiting_for_somebody_takes_no_attempt_and_keeps_the_answer(desk: Desk) -> None:
    awaiting = row(A, S.AWAITING, started_at=NOW, retry_at=NOW)
    approved = row(A, S.SUCCEEDED, output={"approved": True, "by": "ann"}, started_at=NOW)

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(A, S.PENDING), awaiting))
        assert (await steps(store))[A] == awaiting
        await record(store, path(awaiting, approved))
        assert (await steps(store))[A] == approved
        await record(store, path(approved, row(A, S.PENDING), awaiting, row(A, S.BLOCKED)))
        assert (await steps(store))[A] == row(A, S.BLOCKED)

    using(desk, scenario)


def test_a_signal_may_come_before_its_step_waits(desk: Desk) -> None:
    early = row(A, S.PENDING, output={"payload": 1})

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, [moved(row(A, S.PENDING), early, K.STEP_SIGNALLED)])
        assert (await steps(store))[A] == early

    using(desk, scenario)


def test_an_output_is_edited_and_a_finished_step_runs_again(desk: Desk) -> None:
    done, edited = row(A, S.SUCCEEDED, 1, output=1), row(A, S.SUCCEEDED, 1, output={"now": 2})

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(A, S.PENDING), row(A, S.RUNNING, 1), done))
        await record(store, [moved(done, edited, K.STEP_EDITED)])
        assert (await steps(store))[A] == edited
        again = [edited, row(A, S.PENDING, 1, forgiven=1), row(A, S.RUNNING, 2, forgiven=1)]
        await record(store, path(*again))
        assert (await steps(store))[A] == again[-1]
        with pytest.raises(Conflict):
            await record(store, [moved(again[-1], again[-1], K.STEP_EDITED)])

    using(desk, scenario)


# --- extending -------------------------------------------------------------------------------


def extension(*added: Step) -> list[Entry]:
    return [Entry(kind=K.RUN_EXTENDED, extend=added)]


def test_a_run_is_extended_in_order(desk: Desk) -> None:
    extra = Step(id=StepId("d"), action="work", needs=(B,), parent=C, concurrency="cards")
    more = Step(id=StepId("e"), action="work", needs=(StepId("d"),))

    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, extension(extra, more))
        assert await store.read(lambda tx: tx.runs.workflow(RUN)) == FLOW.extended((extra, more))
        assert list(await steps(store)) == ["a", "b", "c", "d", "e"]

    using(desk, scenario)


def test_a_step_may_extend_the_run_as_it_succeeds_and_the_new_one_start(desk: Desk) -> None:
    new = Step(id=StepId("b.0"), action="work", needs=(A,), parent=B)
    starts = StepMove(
        before=row(new.id, S.PENDING), after=row(new.id, S.RUNNING, 1), definition=new.digest()
    )

    async def scenario(store: Store) -> None:
        await begin(store)
        done = path(row(A, S.PENDING), row(A, S.RUNNING, 1), row(A, S.SUCCEEDED, 1, extended=True))
        await record(store, [*done, *extension(new), Entry(kind=K.STEP_STARTED, step=starts)])
        found = await steps(store)
        assert found[A].extended
        assert found[new.id] == row(new.id, S.RUNNING, 1)

    using(desk, scenario)


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ([Step(id=StepId("d"), action="work", needs=(StepId("nobody"),))], "'nobody'"),
        ([Step(id=StepId("d"), action="work", parent=StepId("nobody"))], "'nobody'"),
        ([Step(id=A, action="work")], "'a' is used twice"),
        ([Step(id=StepId("d"), action="work")] * 2, "'d' is used twice"),
        ([Step(id=StepId("d"), action="work", concurrency="x")], "unknown concurrency key 'x'"),
        (
            [
                Step(id=StepId("d"), action="work", needs=(StepId("e"),)),
                Step(id=StepId("e"), action="work", needs=(StepId("d"),)),
            ],
            "circle",
        ),
        ([Step(id=StepId("d"), action="work", needs=(A,), parent=A)], "circle"),
        ([Step(id=StepId("d"), action="work", needs=(B,), parent=A)], "circle"),
    ],
    ids=["need", "parent", "taken", "twice", "key", "circle", "own-parent", "through-old-steps"],
)
def test_an_extension_that_cannot_run_is_refused(
    desk: Desk, added: list[Step], reason: str
) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        with pytest.raises(InvalidInput, match=reason):
            await record(store, extension(*added))
        assert await store.read(lambda tx: tx.runs.workflow(RUN)) == FLOW
        assert await kinds(store) == []

    using(desk, scenario)


def test_a_step_at_work_cannot_wait_for_new_ones(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        await record(store, path(row(A, S.PENDING), row(A, S.RUNNING, 1)))
        with pytest.raises(InvalidInput, match="'a' is running"):
            await record(store, extension(Step(id=StepId("d"), action="work", parent=A)))

    using(desk, scenario)


# --- events ----------------------------------------------------------------------------------


def test_events_count_from_one_per_run_without_gaps(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store, "run-1")
        await begin(store, "run-2")

        def fail(tx: Transaction) -> None:
            tx.events.append(RUN, K.STEP_PROGRESS, NOW, step_id=A, attempt=1, data={})
            raise Conflict("taken back")

        await asyncio.gather(
            *(tell(store, {"number": number}, f"run-{number % 2 + 1}") for number in range(20))
        )
        with pytest.raises(Conflict, match="taken back"):
            await store.write(fail)
        assert await tell(store, {"number": 20}) == 11
        events = await store.read(lambda tx: tx.events.after(RUN, 0))
        assert [event.sequence for event in events] == list(range(1, 12))
        assert [event.data["number"] for event in events] == list(range(0, 21, 2))
        later = await store.read(lambda tx: tx.events.after(RUN, 4, limit=3))
        assert [event.sequence for event in later] == [5, 6, 7]

    using(desk, scenario)


def test_a_cancelled_run_takes_no_more_events_of_its_steps(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        ended = new_run(status=RunStatus.CANCELLED, ended_at=NOW)
        await record(store, [Entry(kind=K.RUN_CANCELLED, run=ended)])
        with pytest.raises(Conflict, match="cancelled"):
            await tell(store, {})

    using(desk, scenario)


def test_sequences_stay_gapless_when_two_stores_write_at_once(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        other = await desk.open()
        try:
            await begin(store)
            assert await other.read(lambda tx: tx.runs.get(RUN)) == new_run()
            told = await asyncio.gather(
                *(tell(writer, {}) for writer in (store, other) * 25),
                *(record(writer, [Entry(kind=K.RUN_PAUSED)]) for writer in (store, other) * 25),
            )
            assert set(told) == set(range(1, 101))
            events = await store.read(lambda tx: tx.events.after(RUN, 0))
            assert [event.sequence for event in events] == list(range(1, 101))
        finally:
            await other.close()

    using(desk, scenario)


# --- transactions ----------------------------------------------------------------------------


def test_a_change_that_raises_is_rolled_back_alone(desk: Desk) -> None:
    def break_off(tx: Transaction) -> None:
        tx.runs.insert(new_run("run-bad"), FLOW)
        raise ValueError("no")

    async def scenario(store: Store) -> None:
        for _ in range(2):  # together with others, and alone
            results = await asyncio.gather(
                store.write(lambda tx: tx.runs.insert(new_run("run-1"), FLOW)),
                store.write(break_off),
                store.write(lambda tx: tx.runs.insert(new_run("run-2"), FLOW)),
                return_exceptions=True,
            )
            assert isinstance(results[1], ValueError)
            with pytest.raises(ValueError, match="no"):
                await store.write(break_off)
            runs = await store.read(lambda tx: tx.runs.recent(9))
            assert {run.id for run in runs} == {"run-1", "run-2"}

    using(desk, scenario)


def test_a_read_sees_everything_written_before_it(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        for number in range(1, 30):
            await tell(store, {})
            assert len(await store.read(lambda tx: tx.events.after(RUN, 0))) == number

    using(desk, scenario)


def test_what_a_change_reads_of_a_run_stays_so_until_it_has_written(desk: Desk) -> None:
    """Two stores that both read, add one and write: nothing is lost."""

    def add_one(tx: Transaction) -> None:
        run = tx.runs.get(RUN)
        changed = replace(run, started_at=(run.started_at or NOW) + timedelta(seconds=1))
        tx.runs.record(RUN, [Entry(kind=K.RUN_RESUMED, run=changed)], NOW, guard=None)

    async def scenario(store: Store) -> None:
        other = await desk.open()
        try:
            await begin(store)
            await asyncio.gather(*(writer.write(add_one) for writer in (store, other) * 20))
            run = await store.read(lambda tx: tx.runs.get(RUN))
            assert run.started_at == NOW + timedelta(seconds=40)
            assert await store.read(lambda tx: tx.runs.steered(RUN)) == 40
        finally:
            await other.close()

    using(desk, scenario)


def test_requirements_and_audit_are_kept(desk: Desk) -> None:
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

    using(desk, scenario)


def test_a_closed_store_takes_no_more(desk: Desk) -> None:
    async def play() -> None:
        store = await desk.open()
        await store.close()
        await store.close()
        with pytest.raises(StorageUnavailable, match="closed"):
            await store.write(lambda tx: tx.runs.recent(1))
        with pytest.raises(StorageUnavailable, match="closed"):
            await store.read(lambda tx: tx.runs.recent(1))

    asyncio.run(play())


# --- owning ----------------------------------------------------------------------------------


def test_a_run_has_one_owner_at_a_time_and_every_owner_a_greater_fence(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store, "run-1")
        await begin(store, "run-2")
        async with store.own(RUN) as first, store.own(RunId("run-2")):
            with pytest.raises(Conflict, match="'run-1' is being executed by process"):
                async with store.own(RUN):
                    pass
        async with store.own(RUN) as second:
            assert second > first

    using(desk, scenario)


def test_who_looks_whether_a_run_is_driven_takes_it_from_nobody(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await begin(store)
        assert not await store.driven(RUN)
        async with store.own(RUN) as fence:
            assert await store.driven(RUN)
            assert await tell(store, {}, fence=fence) == 1, "its fence is still the run's"
        assert not await store.driven(RUN)
        async with store.own(RUN) as next_fence:
            assert next_fence == fence + 1
        with pytest.raises(NotFound):
            await store.driven(RunId("run-9"))

    using(desk, scenario)


def test_only_the_owner_s_entries_are_taken_and_none_after_steering(desk: Desk) -> None:
    start = path(row(A, S.PENDING), row(A, S.RUNNING, 1))

    async def scenario(store: Store) -> None:
        await begin(store)
        async with store.own(RUN) as stale:
            pass
        async with store.own(RUN) as fence:
            with pytest.raises(LeaseLost, match="'run-1'"):
                await record(store, start, Guard(fence=stale, steered=0))
            with pytest.raises(LeaseLost, match="'run-1'"):
                await tell(store, {}, fence=stale)
            paused = new_run(status=RunStatus.PAUSED)
            assert await record(store, [Entry(kind=K.RUN_PAUSED, run=paused)]) == 1
            assert await store.read(lambda tx: tx.runs.steered(RUN)) == 1
            assert await record(store, start, Guard(fence=fence, steered=0)) is None
            assert (await steps(store))[A] == row(A, S.PENDING)
            assert await record(store, start, Guard(fence=fence, steered=1)) == 2
            assert await tell(store, {}, fence=fence) == 3
            assert await store.read(lambda tx: tx.runs.steered(RUN)) == 1

    using(desk, scenario)


# --- tasks -----------------------------------------------------------------------------------


async def offer(store: Store, *run_ids: str) -> None:
    for run_id in run_ids:
        await begin(store, run_id)
        starts = [moved(row(C, S.PENDING), row(C, S.RUNNING, 1), offered=True)]
        await record(store, starts, run_id=RunId(run_id))


async def claim(store: Store, worker: str, *capabilities: str, lease: float = 60.0) -> Task | None:
    return await store.write(lambda tx: tx.tasks.claim(capabilities, worker, lease))


def test_a_task_goes_to_one_worker_that_can_do_it(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await offer(store, "run-1")
        assert await claim(store, "w1") is None
        assert await claim(store, "w1", "cpu") is None
        task = await claim(store, "w1", "cpu", "gpu")
        assert task == Task(run_id=RUN, step_id=C, attempt=1, token=1, worker="w1")
        assert await claim(store, "w2", "gpu") is None
        assert list(await store.read(lambda tx: tx.tasks.of_run(RUN))) == [task]
        assert await store.write(lambda tx: tx.tasks.renew(task, 60.0))
        assert await store.read(lambda tx: tx.tasks.finished(RUN)) == []
        for _ in range(2):  # a worker may say it again when it did not hear the answer
            await store.write(lambda tx: tx.tasks.finish(task, {"ok": [1]}))
        assert list(await store.read(lambda tx: tx.tasks.finished(RUN))) == [(task, {"ok": [1]})]
        await record(store, path(row(C, S.RUNNING, 1), row(C, S.SUCCEEDED, 1)))
        assert await store.read(lambda tx: tx.tasks.of_run(RUN)) == []

    using(desk, scenario)


def test_urgent_tasks_go_first_then_those_that_wait_longest(desk: Desk) -> None:
    urgent = Workflow(name="u", steps=(Step(id=C, action="w", capability="gpu", priority=9),))

    async def scenario(store: Store) -> None:
        await offer(store, "run-b", "run-a")
        await store.write(lambda tx: tx.runs.insert(new_run("run-c"), urgent))
        move = StepMove(
            before=row(C, S.PENDING),
            after=row(C, S.RUNNING, 1),
            definition=urgent.steps[0].digest(),
            offered=True,
        )
        await record(store, [Entry(kind=K.STEP_STARTED, step=move)], run_id=RunId("run-c"))
        claimed = [await claim(store, "w", "gpu") for _ in range(4)]
        assert [task and task.run_id for task in claimed] == ["run-c", "run-b", "run-a", None]

    using(desk, scenario)


def test_claims_from_two_stores_at_once_never_meet(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        other = await desk.open()
        try:
            await offer(store, *(f"run-{number}" for number in range(12)))
            claimed = await asyncio.gather(
                *(claim(worker, f"w{n}", "gpu") for n, worker in enumerate((store, other) * 8))
            )
            got = [task.run_id for task in claimed if task is not None]
            assert len(got) == len(set(got)) == 12
        finally:
            await other.close()

    using(desk, scenario)


def test_a_task_taken_back_is_no_longer_its_worker_s(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await offer(store, "run-1")
        task = await claim(store, "w1", "gpu", lease=0.0)
        assert task is not None
        assert list(await store.read(lambda tx: tx.tasks.expired(RUN))) == [task]
        interrupted = [row(C, S.RUNNING, 1), row(C, S.READY, 1), row(C, S.RUNNING, 2)]
        first, second = path(*interrupted)
        assert second.step is not None
        again = replace(second, step=replace(second.step, offered=True))
        await record(store, [first, again])
        assert not await store.write(lambda tx: tx.tasks.renew(task, 60.0))
        with pytest.raises(LeaseLost, match="attempt 1 of step 'c'"):
            await store.write(lambda tx: tx.tasks.finish(task, {}))
        fresh = await claim(store, "w2", "gpu")
        assert fresh == Task(run_id=RUN, step_id=C, attempt=2, token=1, worker="w2")
        assert await store.read(lambda tx: tx.tasks.expired(RUN)) == []
        with pytest.raises(LeaseLost):
            await store.write(lambda tx: tx.tasks.finish(task, {}))

    using(desk, scenario)


def test_cancelling_removes_the_tasks(desk: Desk) -> None:
    async def scenario(store: Store) -> None:
        await offer(store, "run-1")
        await record(
            store,
            [
                *path(row(C, S.RUNNING, 1), row(C, S.CANCELLED, 1)),
                Entry(kind=K.RUN_CANCELLED, run=new_run(status=RunStatus.CANCELLED)),
            ],
        )
        assert await claim(store, "w1", "gpu") is None

    using(desk, scenario)


def test_a_claim_does_not_wait_for_a_driver_that_ends_the_attempt(postgres_url: str) -> None:
    """It holds the attempt and wants the task next: they would wait for each other."""

    async def scenario() -> None:
        store = await open_store(postgres_url, seal_key=b"seal", lease_seconds=90)
        await offer(store, "run-1")
        with psycopg.connect(postgres_url) as driver:
            driver.execute("SELECT 1 FROM attempts FOR UPDATE")
            async with asyncio.timeout(20):
                task = await claim(store, "w1", "gpu")
        assert task is not None
        await store.close()

    asyncio.run(scenario())
