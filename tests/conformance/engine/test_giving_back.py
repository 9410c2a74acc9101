"""What every Engine promises about work that is given back: told why, and judged again."""

import asyncio

import pytest
from engine_bench import RUN, Bench, Play, asking, step, work

from maestro.domain.run import EventKind, RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet, StepKind
from maestro.errors import Blocked, Conflict, InvalidInput, NotFound
from maestro.ports import StepContext, StepResult

GATE = {"action": "gate", "kind": StepKind.GATE, "on_unmet": OnUnmet.RUN}
FLOW = (
    step("a"),
    step("b"),
    step("gate.first", "a", **GATE),
    step("other", "b"),
    step("gate.last", "a", "b", "gate.first", **GATE),
)


async def strict(context: StepContext) -> StepResult:
    """Refuses the work of the first attempt."""
    if context.outputs[StepId("a")]["attempt"] < 2:
        raise Blocked("refused", reasons=("GATE-1: 2 stubs",))
    return StepResult(output="passed")


def test_reasons_become_feedback_and_every_gate_behind_runs_again(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(*FLOW)
        assert run.status is RunStatus.BLOCKED
        asked = asking(Verb.REWORK, payload={"a": ["no stubs", "see x.py:3"]}, comment="please")
        assert await bench.engine.steer(RUN, asked)
        statuses = await bench.statuses()
        assert statuses == {
            "a": "pending", "b": "succeeded", "other": "succeeded",
            "gate.first": "pending", "gate.last": "pending",
        }  # fmt: skip
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED
        [reset] = [e for e in await bench.told(EventKind.STEP_RESET) if e.step_id == "a"]
        assert reset.data["code"] == "rework"
        assert reset.data["message"] == "given back by ada: please"
        assert (await bench.steps())["a"].error is None

    bench = play({"work": work, "gate": strict}, scenario)
    seen = [(c.step.id, c.attempt) for c in bench.contexts]
    assert sorted(seen) == [
        ("a", 1), ("a", 2), ("b", 1), ("gate.first", 1), ("gate.first", 2), ("gate.last", 1),
        ("gate.last", 2), ("other", 1),
    ]  # fmt: skip
    feedback = {(str(c.step.id), c.attempt): c.feedback for c in bench.contexts}
    assert feedback["a", 1] == ()
    assert feedback["a", 2] == ("no stubs", "see x.py:3")
    assert feedback["gate.first", 2] == ("GATE-1: 2 stubs",)


def test_two_steps_are_given_back_in_one(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(*FLOW)
        asked = asking(Verb.REWORK, payload={"a": ["one"], "b": ["two"], "gate.last": ["three"]})
        assert await bench.engine.steer(RUN, asked)
        assert set((await bench.statuses()).values()) == {"pending"}
        errors = {name: row.error for name, row in (await bench.steps()).items()}
        assert {n: e.reasons for n, e in errors.items() if e and e.code == "rework"} == {
            "a": ("one",), "b": ("two",), "gate.last": ("three",),
        }  # fmt: skip
        [resumed] = await bench.told(EventKind.RUN_RESUMED)
        assert set(resumed.data["rework"]) == {step.id for step in FLOW}
        assert not await bench.engine.steer(RUN, asked), "asked twice, done once"
        with pytest.raises(Conflict, match="'a' is pending"):
            await bench.engine.steer(RUN, asking(Verb.REWORK, payload={"a": ["other"]}))

    play({"work": work, "gate": strict}, scenario)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (None, "needs reasons by step"),
        ({}, "needs reasons by step"),
        ({"a": []}, "needs a list of reasons"),
        ({"a": "no stubs"}, "needs a list of reasons"),
        ({"a": ["good", ""]}, "needs a list of reasons"),
        ({"a": [1]}, "needs a list of reasons"),
    ],
)
def test_nothing_is_given_back_without_a_reason(play: Play, payload: object, told: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(*FLOW)
        before = await bench.statuses()
        with pytest.raises(InvalidInput, match=told):
            await bench.engine.steer(RUN, asking(Verb.REWORK, payload=payload))
        assert await bench.statuses() == before

    play({"work": work, "gate": strict}, scenario)


def test_one_wrong_step_gives_nothing_back(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(*FLOW)
        before = await bench.statuses()
        with pytest.raises(NotFound, match="'nowhere'"):
            await bench.engine.steer(
                RUN, asking(Verb.REWORK, payload={"a": ["x"], "nowhere": ["y"]})
            )
        assert await bench.statuses() == before

    play({"work": work, "gate": strict}, scenario)


def test_work_that_is_not_finished_is_not_given_back(play: Play) -> None:
    inside, out = asyncio.Event(), asyncio.Event()

    async def slow(context: StepContext) -> StepResult:
        inside.set()
        await out.wait()
        return StepResult()

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a"), step("b", "a", action="slow"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await inside.wait()
        for name in ("a", "b"):
            with pytest.raises(Conflict, match="'b'"):
                await bench.engine.steer(RUN, asking(Verb.REWORK, payload={name: ["x"]}))
        out.set()
        assert (await execution).status is RunStatus.SUCCEEDED

    play({"work": work, "slow": slow}, scenario)
