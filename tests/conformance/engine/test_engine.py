"""What every Engine promises of the ordinary way of a run."""

import asyncio

import pytest
from engine_bench import RUN, Bench, Doorkeeper, Play, asking, failing, step, work

from maestro.domain.run import EventKind, RunStatus, StepStatus
from maestro.domain.steering import Verb
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step
from maestro.errors import Blocked, BudgetExceeded, Conflict, InvalidInput, NotFound, StepFailed
from maestro.ports import StepContext, StepHandler, StepResult

# --- the ordinary way ---------------------------------------------------------------------------


def test_steps_run_after_their_needs_and_get_inputs_and_outputs(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("b", "a"), step("a"), inputs={"text": "x"})
        assert (run.status, run.id) == (RunStatus.SUCCEEDED, RUN)
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run == await bench.store.read(lambda tx: tx.runs.get(RUN))

    bench = play({"work": work}, scenario)
    first, second = bench.contexts
    assert [first.step.id, second.step.id] == ["a", "b"]
    assert (first.run_inputs, first.outputs, first.feedback) == ({"text": "x"}, {}, ())
    assert second.outputs == {"a": {"from": "a", "attempt": 1}}


def test_the_log_tells_every_move_in_order(play: Play) -> None:
    async def speak(context: StepContext) -> StepResult:
        await context.progress("half way", done=5)
        await context.emit(EventKind.MOCK_STARTED, {"url": "http://127.0.0.1:1"})
        return StepResult()

    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"))
        told = [(event.kind, event.step_id, event.attempt) for event in await bench.told()]
        assert told == [
            (EventKind.RUN_CREATED, None, None),
            (EventKind.RUN_STARTED, None, None),
            (EventKind.STEP_STARTED, "a", 1),
            (EventKind.STEP_PROGRESS, "a", 1),
            (EventKind.MOCK_STARTED, "a", 1),
            (EventKind.STEP_SUCCEEDED, "a", 1),
            (EventKind.RUN_SUCCEEDED, None, None),
        ]
        [progress] = await bench.told(EventKind.STEP_PROGRESS)
        assert progress.data == {"message": "half way", "done": 5}

    play({"work": speak}, scenario)


def test_a_workflow_without_steps_succeeds(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        assert (await bench.run()).status is RunStatus.SUCCEEDED

    play({}, scenario)


def test_independent_steps_overlap_and_a_slow_one_holds_nobody_back(play: Play) -> None:
    release = asyncio.Event()

    async def slow(context: StepContext) -> StepResult:
        await release.wait()
        return StepResult()

    async def last(context: StepContext) -> StepResult:
        release.set()
        return StepResult()

    async def scenario(bench: Bench) -> None:
        run = await bench.run(
            step("slow", action="slow"),
            step("fast"),
            step("after-fast", "fast", action="last"),
            max_parallel=2,
        )
        assert run.status is RunStatus.SUCCEEDED
        assert (await bench.told(EventKind.STEP_SUCCEEDED))[-1].step_id == "slow"

    play({"work": work, "slow": slow, "last": last}, scenario)


def test_no_more_than_max_parallel_are_at_work(play: Play) -> None:
    at_work = peak = 0

    async def count(context: StepContext) -> StepResult:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        await context.progress("here")
        at_work -= 1
        return StepResult()

    async def scenario(bench: Bench) -> None:
        await bench.run(*(step(f"s{n}") for n in range(12)), max_parallel=3)

    play({"work": count}, scenario)
    assert peak == 3


def test_a_thousand_way_join_gets_every_output_from_its_own_step(play: Play) -> None:
    names = [f"s{number}" for number in range(1000)]

    async def scenario(bench: Bench) -> None:
        run = await bench.run(*map(step, names), step("join", *names), max_parallel=16)
        assert run.status is RunStatus.SUCCEEDED
        outputs = bench.contexts[-1].outputs
        assert outputs == {name: {"from": name, "attempt": 1} for name in names}

    play({"work": work}, scenario)


# --- failing ------------------------------------------------------------------------------------


def test_a_retryable_error_is_tried_again_with_growing_waits_and_feedback(play: Play) -> None:
    policy = RetryPolicy(max_attempts=3, delay_seconds=10, backoff=2, jitter=0)

    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", retry=policy))
        assert run.status is RunStatus.SUCCEEDED
        assert bench.clock.sleeps == [10, 20]
        retrying = await bench.told(EventKind.STEP_RETRYING)
        assert [event.attempt for event in retrying] == [1, 2]
        assert retrying[0].data["message"] == "not yet"
        row = (await bench.steps())["a"]
        assert (row.attempt, row.output, row.error, row.retry_at) == (3, 3, None, None)

    bench = play({"work": failing(StepFailed("not yet"), times=2)}, scenario)
    assert [context.feedback for context in bench.contexts] == [(), ("not yet",), ("not yet",)]


def test_the_waits_are_spread_within_the_jitter(play: Play) -> None:
    policy = RetryPolicy(
        max_attempts=9, delay_seconds=100, backoff=1, max_delay_seconds=100, jitter=0.2
    )

    async def scenario(bench: Bench) -> None:
        await bench.run(step("a", retry=policy))
        assert all(80 <= seconds <= 120 for seconds in bench.clock.sleeps)
        assert len(set(bench.clock.sleeps)) > 1

    play({"work": failing(StepFailed("no"))}, scenario)


@pytest.mark.parametrize(
    ("error", "retry_on", "attempts"),
    [
        (StepFailed("no"), (), 3),
        (StepFailed("no"), ("step_failed",), 3),
        (StepFailed("no"), ("model_failed",), 1),
        (BudgetExceeded("spent"), (), 1),
        (BudgetExceeded("spent"), ("budget",), 3),
        (InvalidInput("bad"), (), 1),
        (ValueError("a bug"), (), 1),
    ],
    ids=repr,
)
def test_which_errors_are_worth_another_attempt(
    play: Play, error: Exception, retry_on: tuple[str, ...], attempts: int
) -> None:
    policy = RetryPolicy(max_attempts=3, retry_on=retry_on)

    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", retry=policy))
        assert run.status is RunStatus.FAILED
        assert (await bench.steps())["a"].attempt == attempts

    play({"work": failing(error)}, scenario)


def test_an_unforeseen_error_fails_the_step_as_internal_with_its_trace(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a"), step("b", "a"), step("c"))
        assert run.status is RunStatus.FAILED
        assert await bench.statuses() == {"a": "failed", "b": "skipped", "c": "succeeded"}
        error = (await bench.steps())["a"].error
        assert error is not None
        assert (error.code, error.message) == ("internal", "ZeroDivisionError: by zero")
        assert "in handler" in error.detail["traceback"]
        [failed] = await bench.told(EventKind.RUN_FAILED)
        assert failed.data == {"failed": ["a"]}

    async def mixed(context: StepContext) -> StepResult:
        broken = failing(ZeroDivisionError("by zero"))
        return await (broken if context.step.id == "a" else work)(context)

    play({"work": mixed}, scenario)


def test_a_refusal_blocks_the_step_and_the_run_with_its_reasons(play: Play) -> None:
    refusal = Blocked("gate says no", reasons=("tests.failed > 0", "no evidence"), detail={"n": 2})

    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", retry=RetryPolicy(max_attempts=3)), step("b", "a"))
        assert run.status is RunStatus.BLOCKED
        assert await bench.statuses() == {"a": "blocked", "b": "skipped"}
        error = (await bench.steps())["a"].error
        assert error is not None
        assert (error.code, error.message) == ("blocked", "gate says no")
        assert (error.reasons, error.detail) == (refusal.reasons, {"n": 2})
        [event] = await bench.told(EventKind.STEP_BLOCKED)
        assert event.data["reasons"] == list(refusal.reasons)

    play({"work": failing(refusal)}, scenario)


def test_a_step_that_takes_too_long_is_ended(play: Play) -> None:
    ended: list[str] = []

    async def stuck(context: StepContext) -> StepResult:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(context.step.id)
        return StepResult()

    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", timeout_seconds=0.05))
        assert run.status is RunStatus.FAILED
        error = (await bench.steps())["a"].error
        assert error is not None
        assert error.code == "step_timed_out"
        assert "0.05 s" in error.message
        assert ended == ["a"]

    play({"work": stuck}, scenario)


def test_a_time_limit_of_the_handlers_own_is_not_the_steps(play: Play) -> None:
    async def impatient(context: StepContext) -> StepResult:
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
        return StepResult()

    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"))
        error = (await bench.steps())["a"].error
        assert error is not None
        assert (error.code, error.message) == ("internal", "TimeoutError: ")

    play({"work": impatient}, scenario)


def test_a_handler_that_cancels_itself_fails(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        assert (await bench.run(step("a"))).status is RunStatus.FAILED

    async def quits(context: StepContext) -> StepResult:
        raise asyncio.CancelledError

    play({"work": quits}, scenario)


def test_errors_of_a_task_group_keep_their_meaning(play: Play) -> None:
    async def together(context: StepContext) -> StepResult:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing(Blocked("refused", reasons=("r",)))(context))
            group.create_task(asyncio.sleep(0))
        return StepResult()

    async def scenario(bench: Bench) -> None:
        assert (await bench.run(step("a"))).status is RunStatus.BLOCKED

    play({"work": together}, scenario)


@pytest.mark.parametrize("output", [{1, 2}, float("nan"), object()], ids=["set", "nan", "object"])
def test_an_output_that_is_not_json_fails_the_step(play: Play, output: object) -> None:
    async def odd(context: StepContext) -> StepResult:
        return StepResult(output=output)

    async def scenario(bench: Bench) -> None:
        assert (await bench.run(step("a"))).status is RunStatus.FAILED
        error = (await bench.steps())["a"].error
        assert error is not None
        assert "output is not JSON" in error.message

    play({"work": odd}, scenario)


def test_needs_that_did_not_succeed_are_handled_as_each_step_says(play: Play) -> None:
    async def choose(context: StepContext) -> StepResult:
        if context.step.id == "a":
            raise Blocked("no")
        return StepResult(output=sorted(context.outputs))

    async def scenario(bench: Bench) -> None:
        run = await bench.run(
            step("a"),
            step("skips", "a"),
            step("runs", "a", on_unmet=OnUnmet.RUN),
            step("fails", "a", on_unmet=OnUnmet.FAIL),
        )
        assert run.status is RunStatus.FAILED
        assert await bench.statuses() == {
            "a": "blocked",
            "skips": "skipped",
            "runs": "succeeded",
            "fails": "failed",
        }
        rows = await bench.steps()
        assert rows["fails"].error is not None
        assert rows["fails"].error.message == "'a' ended blocked"
        assert rows["runs"].output == []
        [skipped] = await bench.told(EventKind.STEP_SKIPPED)
        assert skipped.data == {"reason": "'a' ended blocked", "unmet": ["a"]}

    play({"work": choose}, scenario)


# --- conditions ---------------------------------------------------------------------------------


async def judge(context: StepContext) -> StepResult:
    return StepResult(output=context.step.inputs.get("output"))


@pytest.mark.parametrize(("score", "status"), [(0.9, "succeeded"), (0.1, "skipped")])
def test_a_condition_on_an_earlier_output_decides(play: Play, score: float, status: str) -> None:
    first = step("plan.a-1", yields={"score": "double"}, inputs={"output": {"score": score}})

    async def scenario(bench: Bench) -> None:
        run = await bench.run(first, step("b", "plan.a-1", when="outputs.plan_a_1.score > 0.5"))
        assert run.status is RunStatus.SUCCEEDED
        assert (await bench.statuses())["b"] == status

    play({"work": judge}, scenario)


@pytest.mark.parametrize("output", [None, {}, {"ok": "yes"}, {"ok": None}], ids=repr)
def test_a_condition_that_cannot_be_judged_fails_the_step(play: Play, output: object) -> None:
    first = step("a", yields={"ok": "bool"}, inputs={"output": output})

    async def scenario(bench: Bench) -> None:
        assert (await bench.run(first, step("b", "a", when="outputs.a.ok"))).status == "failed"
        row = (await bench.steps())["b"]
        assert (row.status, row.attempt) == (StepStatus.FAILED, 0)
        assert row.error is not None
        assert row.error.code == "condition_failed"

    play({"work": judge}, scenario)


@pytest.mark.parametrize(
    "when", ["outputs.a.nothing", "outputs.other.ok", "nonsense (", "1 + 1", ""]
)
def test_a_condition_over_what_is_not_there_is_refused_at_start(play: Play, when: str) -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(InvalidInput, match="step 'b'"):
            await bench.begin(
                step("a", yields={"ok": "bool"}),
                step("other", yields={"ok": "bool"}),
                step("b", "a", when=when),
            )
        with pytest.raises(NotFound):
            await bench.store.read(lambda tx: tx.runs.get(RUN))

    play({"work": work}, scenario)


# --- extending ----------------------------------------------------------------------------------


def extending(*steps: Step) -> StepHandler:
    async def handler(context: StepContext) -> StepResult:
        return StepResult(output="planned", extend=steps)

    return handler


def test_a_step_extends_its_own_run(play: Play) -> None:
    handlers = {"plan": extending(step("b", "a"), step("c", "b"), step("free")), "work": work}

    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", action="plan"))
        assert run.status is RunStatus.SUCCEEDED
        assert set((await bench.statuses()).values()) == {"succeeded"}
        kinds = [event.kind for event in await bench.told()][3:5]
        assert kinds == [EventKind.STEP_SUCCEEDED, EventKind.RUN_EXTENDED]
        [extended] = await bench.told(EventKind.RUN_EXTENDED)
        assert [step["id"] for step in extended.data["steps"]] == ["b", "c", "free"]
        workflow = await bench.store.read(lambda tx: tx.runs.workflow(RUN))
        assert [own.id for own in workflow.steps] == ["a", "b", "c", "free"]

    play(handlers, scenario)


@pytest.mark.parametrize(
    "extension",
    [
        step("a"),
        step("b", "nobody"),
        step("b", action="unknown"),
        step("b", when="x.y"),
        step("b", inputs={"set": {1}}),
    ],
    ids=["taken", "orphan", "action", "condition", "json"],
)
def test_an_extension_that_cannot_run_fails_the_step_and_adds_nothing(
    play: Play, extension: Step
) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a", action="plan", retry=RetryPolicy(max_attempts=3)))
        assert run.status is RunStatus.FAILED
        rows = await bench.steps()
        assert list(rows) == ["a"]
        assert rows["a"].error is not None
        assert (rows["a"].error.code, rows["a"].attempt) == ("invalid_input", 1)

    play({"plan": extending(step("fine"), extension), "work": work}, scenario)


# --- starting -----------------------------------------------------------------------------------


def test_what_cannot_run_is_refused_at_start(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(InvalidInput, match=r"unknown action 'mystery'; known: work"):
            await bench.begin(step("a", action="mystery"))
        with pytest.raises(InvalidInput, match="max_parallel"):
            await bench.begin(step("a"), max_parallel=0)
        with pytest.raises(InvalidInput, match="inputs is not JSON"):
            await bench.begin(step("a"), inputs={"x": {1}})
        await bench.begin(step("a"))
        with pytest.raises(Conflict, match="already taken"):
            await bench.begin(step("a"))

    play({"work": work}, scenario)


def test_an_unknown_run_is_not_found(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        engine = bench.engine
        with pytest.raises(NotFound, match="'run-1'"):
            await engine.execute(RUN)
        for verb in Verb:
            with pytest.raises(NotFound, match="'run-1'"):
                await engine.steer(RUN, asking(verb, "a"))
        with pytest.raises(NotFound):
            await anext(engine.events(RUN))

    play({"work": work}, scenario)


def test_a_run_that_has_ended_is_not_executed_again(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"))
        with pytest.raises(Conflict, match="has ended succeeded"):
            await bench.engine.execute(RUN)
        for verb in (Verb.PAUSE, Verb.RESUME, Verb.CANCEL, Verb.RETRY):
            with pytest.raises(Conflict):
                await bench.engine.steer(RUN, asking(verb))
        assert len(bench.contexts) == 1

    play({"work": work}, scenario)


# --- steering -----------------------------------------------------------------------------------


def test_a_paused_run_finishes_what_runs_and_goes_on_later(play: Play) -> None:
    door = Doorkeeper()

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a", action="door"), step("b", "a"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await door.inside.wait()
        await bench.engine.steer(RUN, asking(Verb.PAUSE))
        door.out.set()
        assert (await execution).status is RunStatus.PAUSED
        assert await bench.statuses() == {"a": "succeeded", "b": "pending"}
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED
        kinds = [event.kind for event in await bench.told() if event.kind.value.startswith("run.")]
        assert kinds == [
            EventKind.RUN_CREATED,
            EventKind.RUN_STARTED,
            EventKind.RUN_PAUSED,
            EventKind.RUN_RESUMED,
            EventKind.RUN_SUCCEEDED,
        ]

    play({"work": work, "door": door}, scenario)


def test_a_run_waiting_for_a_retry_rests_at_once_when_paused(play: Play) -> None:
    async def pauses(context: StepContext) -> StepResult:
        if context.attempt == 1:
            await benches[0].engine.steer(RUN, asking(Verb.PAUSE))
            raise StepFailed("later")
        return StepResult()

    benches: list[Bench] = []

    async def whole(bench: Bench) -> None:
        benches.append(bench)
        await bench.begin(step("a", retry=RetryPolicy(max_attempts=2)))
        assert (await bench.engine.execute(RUN)).status is RunStatus.PAUSED
        assert (await bench.statuses())["a"] == "waiting"
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED

    play({"work": pauses}, whole)


def test_cancelling_reaches_the_running_handlers(play: Play) -> None:
    door = Doorkeeper()

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a", action="door"), step("b", "a"), step("c"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await door.inside.wait()
        await bench.engine.steer(RUN, asking(Verb.CANCEL))
        run = await execution
        assert (run.status, door.ended) == (RunStatus.CANCELLED, ["cancelled"])
        assert run.ended_at is not None
        statuses = await bench.statuses()
        assert (statuses["a"], statuses["b"]) == ("cancelled", "cancelled")
        assert (await bench.told())[-1].kind is EventKind.RUN_CANCELLED
        with pytest.raises(Conflict):
            await bench.engine.steer(RUN, asking(Verb.RETRY))
        with pytest.raises(Conflict):
            await bench.engine.execute(RUN)

    play({"work": work, "door": door}, scenario)


def test_a_run_that_nobody_executes_can_be_cancelled(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a"))
        await bench.engine.steer(RUN, asking(Verb.CANCEL))
        assert await bench.statuses() == {"a": "cancelled"}

    assert play({"work": work}, scenario).contexts == []


def test_retry_runs_what_failed_and_what_waited_for_it_but_nothing_else(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        run = await bench.run(step("a"), step("b", action="fails"), step("c", "a", "b"))
        assert run.status is RunStatus.FAILED
        await bench.engine.steer(RUN, asking(Verb.RETRY))
        assert await bench.statuses() == {"a": "succeeded", "b": "pending", "c": "pending"}
        assert (await bench.engine.execute(RUN)).status is RunStatus.SUCCEEDED
        reset = await bench.told(EventKind.STEP_RESET)
        assert [event.step_id for event in reset] == ["b", "c"]

    bench = play({"work": work, "fails": failing(StepFailed("once"), times=1)}, scenario)
    ran = [(context.step.id, context.attempt) for context in bench.contexts]
    assert sorted(ran) == [("a", 1), ("b", 1), ("b", 2), ("c", 1)]
    [again] = [context for context in bench.contexts if context.attempt == 2]
    assert again.feedback == ("once",)


def test_a_failed_branch_can_be_retried_while_another_still_runs(play: Play) -> None:
    door = Doorkeeper()

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a", action="door"), step("b", action="fails"), step("c", "b"))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        async for event in bench.engine.events(RUN):
            if event.kind is EventKind.STEP_SKIPPED:
                await bench.engine.steer(RUN, asking(Verb.RETRY))
            if (event.kind, event.step_id) == (EventKind.STEP_SUCCEEDED, "c"):
                door.out.set()
        assert (await execution).status is RunStatus.SUCCEEDED

    bench = play(
        {"work": work, "door": door, "fails": failing(StepFailed("once"), times=1)}, scenario
    )
    assert sum(context.step.id == "a" for context in bench.contexts) == 1


# --- events -------------------------------------------------------------------------------------


def test_events_are_stored_ones_then_live_ones_until_the_end(play: Play) -> None:
    door = Doorkeeper()

    async def watch(bench: Bench, after: int) -> list[int]:
        return [event.sequence async for event in bench.engine.events(RUN, after=after)]

    async def scenario(bench: Bench) -> None:
        await bench.begin(step("a", action="door"), step("b", "a"))
        early = asyncio.create_task(watch(bench, 0))
        execution = asyncio.create_task(bench.engine.execute(RUN))
        await door.inside.wait()
        late = asyncio.create_task(watch(bench, 2))
        door.out.set()
        await execution
        whole = [event.sequence for event in await bench.told()]
        assert await early == whole
        assert await late == whole[2:]
        assert await watch(bench, 0) == whole

    play({"work": work, "door": door}, scenario)


def test_a_step_may_not_tell_what_only_the_engine_tells(play: Play) -> None:
    async def liar(context: StepContext) -> StepResult:
        await context.emit(EventKind.RUN_SUCCEEDED, {})
        return StepResult()

    async def scenario(bench: Bench) -> None:
        assert (await bench.run(step("a"))).status is RunStatus.FAILED
        assert await bench.told(EventKind.RUN_SUCCEEDED) == []

    play({"work": liar}, scenario)


def test_an_attempt_that_is_over_can_tell_no_more(play: Play) -> None:
    kept: list[StepContext] = []

    async def keep(context: StepContext) -> StepResult:
        kept.append(context)
        return StepResult()

    async def scenario(bench: Bench) -> None:
        await bench.run(step("a"))
        with pytest.raises(Conflict, match="is over"):
            await kept[0].progress("hello?")

    play({"work": keep}, scenario)
