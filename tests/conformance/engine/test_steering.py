"""What every Engine promises about approvals, signals, edited outputs, retries and re-runs."""

import asyncio
from dataclasses import replace

import pytest
from engine_bench import RUN, Bench, Doorkeeper, Play, asking, failing, step, work

from maestro.domain.run import EventKind, RunStatus
from maestro.domain.steering import LEGAL, Verb
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, StepKind
from maestro.errors import Conflict, InvalidInput, NotFound, StepFailed
from maestro.ports import StepContext, StepResult
from maestro.workflow.control import RESUMES

APPROVAL = {"action": "", "kind": StepKind.APPROVAL}
SIGNAL = {"action": "", "kind": StepKind.SIGNAL}


async def reached(bench: Bench, kind: EventKind, name: str) -> None:
    """Waits until the log tells `kind` of the step."""
    async for event in bench.engine.events(RUN):
        if (event.kind, event.step_id) == (kind, name):
            return
    raise AssertionError(f"the run ended without {kind} of {name}")


def test_an_approval_is_waited_for_and_its_comment_reaches_the_next_step(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.begin(step("ask", "a", **APPROVAL), step("a"), step("b", "ask"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await reached(bench, EventKind.STEP_AWAITING, "ask")
        assert (await bench.statuses())["ask"] == "awaiting"
        asked = asking(Verb.APPROVE, "ask", comment="looks good")
        assert await bench.engine.steer(RUN, asked)
        assert not await bench.engine.steer(RUN, asked), "asked twice, done once"
        assert (await execution).status is RunStatus.SUCCEEDED
        again = replace(asking(Verb.APPROVE, "ask"), by="bob")
        assert not await bench.engine.steer(RUN, again), "approved already, whoever says so"
        for verb, comment in ((Verb.REJECT, ""), (Verb.APPROVE, "looks better")):
            with pytest.raises(Conflict, match=r"'ask' is succeeded and has its decision: .*good"):
                await bench.engine.steer(RUN, asking(verb, "ask", comment=comment))

    bench = play({"work": work}, scenario)
    decision = {"approved": True, "by": "ada", "comment": "looks good"}
    assert bench.contexts[-1].outputs[StepId("ask")] == decision


@pytest.mark.parametrize("resumed", ["a", "nobody", ["a"]])
def test_an_answer_that_nothing_waits_for_any_more_is_taken(play: Play, resumed: object) -> None:
    """The step that had asked may have been tried again meanwhile, and done without it."""

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a"), step("ask", "a", inputs={RESUMES: resumed}, **APPROVAL))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await reached(bench, EventKind.STEP_AWAITING, "ask")
        assert await bench.engine.steer(RUN, asking(Verb.APPROVE, "ask"))
        assert (await execution).status is RunStatus.SUCCEEDED

    assert len(play({"work": work}, scenario).contexts) == 1


def test_a_rejection_blocks_the_step_and_the_run_with_the_comment(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.begin(step("ask", **APPROVAL), step("b", "ask"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await reached(bench, EventKind.STEP_AWAITING, "ask")
        await bench.engine.steer(RUN, asking(Verb.REJECT, "ask", comment="not on a Friday"))
        assert (await execution).status is RunStatus.BLOCKED
        assert await bench.statuses() == {"ask": "blocked", "b": "skipped"}
        error = (await bench.steps())["ask"].error
        assert error is not None
        assert error.reasons == ("rejected by ada: not on a Friday",)

    assert play({"work": work}, scenario).contexts == []


def test_waiting_takes_no_place_and_outlives_the_engine(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.begin(
            step("ask", **APPROVAL), step("a"), step("b", "a"), step("c", "ask"), max_parallel=1
        )
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await reached(bench, EventKind.STEP_SUCCEEDED, "b")
        execution.cancel()
        with pytest.raises(asyncio.CancelledError):
            await execution
        assert (await bench.statuses())["ask"] == "awaiting"
        await bench.engine.steer(RUN, asking(Verb.APPROVE, "ask"))  # while nobody drives the run
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED

    bench = play({"work": work}, scenario)
    assert [context.step.id for context in bench.contexts] == ["a", "b", "c"]


def test_an_approval_that_nobody_gives_expires(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("ask", expires_seconds=30, **APPROVAL), step("b", "ask"))
        assert run.status is RunStatus.FAILED
        error = (await bench.steps())["ask"].error
        assert error is not None
        assert (error.code, "30 s" in error.message) == ("step_timed_out", True)
        assert bench.clock.sleeps == [30.0]

    play({"work": work}, scenario)


def test_a_signal_carries_its_payload_also_when_it_comes_early(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.begin(step("late", **SIGNAL), step("early", "late", **SIGNAL))
        assert await bench.engine.steer(RUN, asking(Verb.SIGNAL, "early", payload=[1]))
        with pytest.raises(Conflict, match="already"):
            await bench.engine.steer(RUN, asking(Verb.SIGNAL, "early", payload=[2]))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await reached(bench, EventKind.STEP_AWAITING, "late")
        await bench.engine.steer(RUN, asking(Verb.SIGNAL, "late", payload={"tag": "v1"}))
        assert (await execution).status is RunStatus.SUCCEEDED
        outputs = {name: row.output for name, row in (await bench.steps()).items()}
        assert outputs == {
            "late": {"payload": {"tag": "v1"}, "by": "ada"},
            "early": {"payload": [1], "by": "ada"},
        }

    play({"work": work}, scenario)


def test_the_wrong_question_is_refused_with_what_is_allowed(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a"))
        assert run.status is RunStatus.SUCCEEDED
        for request, error, told in (
            (asking(Verb.APPROVE, "a"), Conflict, "approval"),
            (asking(Verb.PAUSE), Conflict, "running"),
            (asking(Verb.RETRY, "a"), Conflict, "succeeded"),
            (asking(Verb.CANCEL), Conflict, "succeeded"),
            (asking(Verb.RERUN, "nowhere"), NotFound, "nowhere"),
            (asking(Verb.RERUN), InvalidInput, "name it"),
        ):
            with pytest.raises(error, match=told):
                await bench.engine.steer(RUN, request)
        before = await bench.told()
        assert [event.kind for event in before][-1] is EventKind.RUN_SUCCEEDED

    play({"work": work}, scenario)
    assert set(LEGAL) == set(Verb)


def test_a_rerun_takes_the_step_and_everything_behind_it(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"), step("b", "a"), step("c", "b"), step("d", "a"))
        assert await bench.engine.steer(RUN, asking(Verb.RERUN, "b"))
        assert not await bench.engine.steer(RUN, asking(Verb.RERUN, "b"))
        assert await bench.statuses() == {
            "a": "succeeded", "b": "pending", "c": "pending", "d": "succeeded",
        }  # fmt: skip
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED

    bench = play({"work": work}, scenario)
    ran = sorted((context.step.id, context.attempt) for context in bench.contexts)
    assert ran == [("a", 1), ("b", 1), ("b", 2), ("c", 1), ("c", 2), ("d", 1)]


def test_an_edited_output_is_what_the_following_steps_work_with(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"), step("b", "a"), step("gate", kind=StepKind.GATE))
        edit = asking(Verb.EDIT_OUTPUT, "a", payload={"from": "ada"}, comment="by hand")
        assert await bench.engine.steer(RUN, edit)
        assert not await bench.engine.steer(RUN, edit)
        with pytest.raises(Conflict, match="gate"):
            await bench.engine.steer(RUN, asking(Verb.EDIT_OUTPUT, "gate", payload=1))
        assert await bench.statuses() == {"a": "succeeded", "b": "pending", "gate": "succeeded"}
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED
        [told] = await bench.told(EventKind.STEP_EDITED)
        assert (told.data["by"], told.data["comment"]) == ("ada", "by hand")
        assert told.data["before"] != told.data["after"]

    bench = play({"work": work}, scenario)
    assert bench.contexts[-1].step.id == "b"
    assert bench.contexts[-1].outputs[StepId("a")] == {"from": "ada"}


def test_one_failed_step_can_be_retried_alone(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", action="fails"), step("b", action="fails"), step("c", "a"))
        assert run.status is RunStatus.FAILED
        assert await bench.engine.steer(RUN, asking(Verb.RETRY, "a"))
        assert not await bench.engine.steer(RUN, asking(Verb.RETRY, "a"))
        assert (await bench.engine.execute(RUN)).status is RunStatus.FAILED
        assert await bench.statuses() == {"a": "succeeded", "b": "failed", "c": "succeeded"}

    play({"work": work, "fails": failing(StepFailed("once"), times=1)}, scenario)


def test_pause_and_resume_are_told_once_however_often_they_are_asked(play: Play) -> None:
    door = Doorkeeper()

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a", action="door"), step("b", "a"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await door.inside.wait()
        assert await bench.engine.steer(RUN, asking(Verb.PAUSE))
        assert not await bench.engine.steer(RUN, asking(Verb.PAUSE))
        assert await bench.engine.steer(RUN, asking(Verb.RESUME))
        assert not await bench.engine.steer(RUN, asking(Verb.RESUME))
        door.out.set()
        assert (await execution).status is RunStatus.SUCCEEDED
        assert len(await bench.told(EventKind.RUN_PAUSED, EventKind.RUN_RESUMED)) == 2

    play({"work": work, "door": door}, scenario)


def test_a_concurrency_key_limits_its_steps_and_nobody_else(play: Play) -> None:
    at_work: list[str] = []
    most: list[int] = []

    async def counted(context: StepContext) -> StepResult:
        at_work.append(context.step.id)
        most.append(sum(name.startswith("k") for name in at_work))
        await asyncio.sleep(0.01)
        at_work.remove(context.step.id)
        return StepResult()

    async def scenario(bench: Bench) -> None:
        steps = [step(f"k{i}", concurrency="disk") for i in range(6)]
        steps += [step(f"o{i}") for i in range(4)]
        run = await bench.run(*steps, max_parallel=8, concurrency={"disk": 2})
        assert run.status is RunStatus.SUCCEEDED
        assert run.concurrency == {"disk": 2}

    play({"work": counted}, scenario)
    assert max(most) == 2


def test_children_hold_their_parent_back_and_reach_it_with_their_outputs(play: Play) -> None:
    async def expand(context: StepContext) -> StepResult:
        children = [step(f"m.{i}", "m.items", parent="m") for i in range(3)]
        return StepResult(output=3, extend=tuple(children))

    async def scenario(bench: Bench) -> None:
        run = await bench.run(
            step("m.items", action="expand"), step("m", "m.items"), step("after", "m")
        )
        assert run.status is RunStatus.SUCCEEDED
        with pytest.raises(Conflict, match="added steps"):
            await bench.engine.steer(RUN, asking(Verb.RERUN, "m.items"))

    bench = play({"work": work, "expand": expand}, scenario)
    order = [context.step.id for context in bench.contexts]
    assert order[0] == "m.items"
    assert set(order[1:4]) == {"m.0", "m.1", "m.2"}
    assert order[4:] == ["m", "after"]
    assert set(bench.contexts[4].outputs) == {"m.items", "m.0", "m.1", "m.2"}


@pytest.mark.parametrize(
    ("added", "told"),
    [
        (step("c", "a", concurrency="nothing"), "concurrency"),
        (step("c", "a", parent="other"), "'other' is succeeded"),
    ],
)
def test_an_extension_that_could_not_be_kept_to_is_refused(
    play: Play, added: Step, told: str
) -> None:
    async def extend(context: StepContext) -> StepResult:
        return StepResult(extend=(added,))

    async def scenario(bench: Bench) -> None:
        steps = (step("other", priority=1), step("a", action="extend"))
        run = await bench.run(*steps, max_parallel=1)
        assert run.status is RunStatus.FAILED
        error = (await bench.steps())["a"].error
        assert error is not None
        assert told in error.message

    play({"work": work, "extend": extend}, scenario)
