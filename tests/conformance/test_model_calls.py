"""What every Store promises about the journal of calls, on SQLite and on PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from stores import Using

from maestro.delivery.call_journal import StoredCalls
from maestro.domain.models import Budgets, CallEntry, Caps, JournaledCall
from maestro.domain.run import Run, RunStatus
from maestro.domain.values import Digest, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import BudgetExceeded
from maestro.ports import Store

RUN, STEP, SESSION = RunId("run-1"), StepId("work.a"), Digest("sha256:s")
CALL = CallEntry(
    run_id=RUN,
    step_id=STEP,
    attempt=1,
    phase="design",
    persona="a",
    session=SESSION,
    kind=JournaledCall.MODEL,
    digest=Digest("sha256:q"),
    name="m",
    reserved_tokens=100,
    reserved_cost=1.0,
    longest_seconds=60,
)
DONE = replace(CALL, answer={"text": "x"}, input_tokens=10, output_tokens=5, cost=0.25)
FREE = Budgets()


def test_answered_calls_of_a_session_come_back_in_order(using: Using) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        for name in ("first", "second"):
            position = await journal.begin(CALL, FREE)
            await journal.finish(position, replace(DONE, name=name))
        await journal.begin(replace(CALL, name="unanswered"), FREE)
        other = Digest("sha256:other")
        await journal.begin(replace(CALL, session=other), FREE)
        found = await journal.open(RUN, STEP, SESSION)
        assert [entry.name for entry in found] == ["first", "second"]
        assert found[0].answer == {"text": "x"}
        assert found[0].position < found[1].position
        assert await journal.open(RUN, StepId("work.b"), SESSION) == []
        assert await journal.open(RUN, STEP, other) == []

    using(scenario)


def test_a_result_closes_what_came_before_it(using: Using) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        await journal.finish(await journal.begin(CALL, FREE), DONE)
        assert await journal.samples(RUN, STEP) == 0
        await journal.end(replace(CALL, kind=JournaledCall.END, reserved_cost=0.0))
        assert await journal.open(RUN, STEP, SESSION) == []
        assert await journal.samples(RUN, STEP) == 1
        await journal.finish(await journal.begin(CALL, FREE), replace(DONE, name="later"))
        assert [entry.name for entry in await journal.open(RUN, STEP, SESSION)] == ["later"]
        kinds = [e.kind for e in await store.read(lambda tx: tx.model_calls.of_run(RUN))]
        assert kinds == [JournaledCall.MODEL, JournaledCall.MODEL]

    using(scenario)


def test_sums_count_what_is_under_way_at_its_most_and_lost_calls_as_unknown(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        await journal.finish(await journal.begin(CALL, FREE), DONE)
        await journal.begin(CALL, FREE)
        spent = await store.read(lambda tx: tx.model_calls.spent(RUN))
        assert (spent.cost, spent.tokens, spent.model_calls) == (1.25, 115, 2)
        assert (spent.under_way, spent.unknown) == (1, 0)
        await journal.open(RUN, STEP, SESSION)
        spent = await store.read(lambda tx: tx.model_calls.spent(RUN))
        assert (spent.cost, spent.under_way, spent.unknown) == (1.25, 0, 1)
        unknown = await journal.begin(CALL, FREE)
        await journal.finish(unknown, replace(DONE, cost=None))
        spent = await store.read(lambda tx: tx.model_calls.spent(RUN))
        assert (spent.cost, spent.unknown) == (2.25, 2)

    using(scenario)


def test_a_failed_call_of_unknown_cost_counts_at_its_most(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        failed = replace(CALL, answer={"failed": "cut"}, cost=None)
        await journal.finish(await journal.begin(CALL, FREE), failed)
        spent = await store.read(lambda tx: tx.model_calls.spent(RUN))
        assert (spent.cost, spent.tokens, spent.unknown) == (1.0, 100, 1)
        await journal.finish(await journal.begin(CALL, FREE), replace(failed, cost=0.0))
        spent = await store.read(lambda tx: tx.model_calls.spent(RUN))
        assert (spent.cost, spent.tokens, spent.unknown) == (1.0, 100, 1), "it was unpaid"

    using(scenario)


def test_a_result_that_was_never_recorded_is_taken_back(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        await journal.finish(await journal.begin(CALL, FREE), DONE)
        await journal.end(replace(CALL, kind=JournaledCall.END, reserved_cost=0.0))
        await store.write(lambda tx: tx.model_calls.reopen(RUN, STEP, 2))
        assert await journal.open(RUN, STEP, SESSION) == [], "another attempt's result stays"
        await store.write(lambda tx: tx.model_calls.reopen(RUN, STEP, 1))
        assert len(await journal.open(RUN, STEP, SESSION)) == 1
        assert await journal.samples(RUN, STEP) == 0

    using(scenario)


@pytest.mark.parametrize("scope", ["run", "phase", "step"])
def test_a_scope_that_is_used_up_takes_no_more(using: Using, scope: str) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        budgets = Budgets(**{scope: Caps(cost=0.2)})
        await journal.finish(await journal.begin(CALL, budgets), DONE)
        with pytest.raises(BudgetExceeded, match=scope):
            await journal.begin(CALL, budgets)
        elsewhere = replace(CALL, step_id=StepId("work.b"), phase="testing")
        if scope == "run":
            with pytest.raises(BudgetExceeded):
                await journal.begin(elsewhere, budgets)
        else:
            assert await journal.begin(elsewhere, budgets) > 0
        await store.write(lambda tx: tx.model_calls.raise_limits(RUN, Caps(cost=0.1)))
        await store.write(lambda tx: tx.model_calls.raise_limits(RUN, Caps(cost=5.0, tokens=1)))
        assert await store.read(lambda tx: tx.model_calls.raised(RUN)) == Caps(cost=5.1, tokens=1)
        assert await journal.begin(CALL, budgets) > 0

    using(scenario)


def test_a_call_waits_while_others_may_use_up_what_is_left(
    using: Using,
) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        budgets = Budgets(run=Caps(cost=0.9))
        first = await journal.begin(CALL, budgets)
        second = asyncio.create_task(journal.begin(CALL, budgets))
        waiting = await store.write(lambda tx: tx.model_calls.begin(CALL, budgets))
        assert waiting is None
        assert not second.done()
        await journal.finish(first, DONE)
        assert await second > first
        check = replace(CALL, kind=JournaledCall.CHECK, reserved_cost=0.0)
        assert await journal.begin(check, budgets) > first, "checks cost nothing and never wait"

    using(scenario)


def test_a_project_s_runs_share_its_budget(using: Using) -> None:
    async def scenario(store: Store) -> None:
        journal = StoredCalls(store)
        first, second = CALL, replace(CALL, run_id=RunId("run-2"))
        for entry, project in ((first, "shop"), (second, "shop"), (CALL, "other")):
            run_id = RunId("run-9") if project == "other" else entry.run_id
            run = _run(run_id, project)
            await store.write(lambda tx, r=run: tx.runs.insert(r, _FLOW))  # type: ignore[misc]
        await store.write(lambda tx: tx.projects.set_budget("shop", Caps(cost=0.5, tokens=10**6)))
        await journal.finish(await journal.begin(first, FREE), DONE)
        await journal.finish(await journal.begin(second, FREE), replace(DONE, run_id=second.run_id))
        assert (await store.read(lambda tx: tx.projects.spent("shop"))).cost == 0.5
        with pytest.raises(BudgetExceeded, match="project 'shop' is used up: cost"):
            await journal.begin(second, FREE)
        await journal.begin(replace(CALL, run_id=RunId("run-9")), FREE)  # of another project
        await store.write(lambda tx: tx.projects.set_budget("shop", Caps(cost=9.0)))
        await journal.begin(second, FREE)
        unpriced = replace(CALL, reserved_cost=None)
        with pytest.raises(BudgetExceeded, match="nobody knows the price of 'm'"):
            await journal.begin(unpriced, FREE)
        await store.write(lambda tx: tx.projects.set_budget("shop", Caps()))
        await journal.begin(unpriced, FREE)

    using(scenario)


_FLOW = Workflow(name="flow", steps=(Step(id=STEP, action="work"),))


def _run(run_id: RunId, project: str) -> Run:
    return Run(
        id=run_id,
        workflow="flow",
        status=RunStatus.PENDING,
        inputs={},
        max_parallel=1,
        created_at=datetime(2026, 5, 4, tzinfo=UTC),
        project=project,
    )
