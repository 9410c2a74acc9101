"""The scheduler's rules one by one, then over random graphs against a fold that needs no queue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet, RetryPolicy, Step, Workflow, topological_order
from maestro.errors import Conflict
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Begin,
    CancelAsked,
    CancelStep,
    Command,
    ConditionJudged,
    ConditionOutcome,
    EndStep,
    ExtendRun,
    FinishRun,
    GiveUpStep,
    JudgeCondition,
    PauseAsked,
    RejectStep,
    RequeueStep,
    ResetStep,
    RestRun,
    ResumeAsked,
    RetryAsked,
    RetryDue,
    ScheduleRetry,
    Signal,
    SkipStep,
    StartStep,
)


def step(name: str, *needs: str, **rest: object) -> Step:
    return Step(id=StepId(name), action="work", needs=tuple(map(StepId, needs)), **rest)  # type: ignore[arg-type]


def new_state(*steps: Step, max_parallel: int = 9) -> RunState:
    return RunState.restore(
        Workflow(name="w", steps=steps), (), max_parallel=max_parallel, status=RunStatus.RUNNING
    )


def feed(state: RunState, *signals: Signal) -> list[Command]:
    """All commands that the signals give, one after another."""
    commands: list[Command] = []
    for signal in signals:
        state, given_now = advance(state, signal)
        commands.extend(given_now)
    return commands


def started(commands: Iterable[Command]) -> list[str]:
    return [command.step_id for command in commands if isinstance(command, StartStep)]


A, B, C, D = (StepId(name) for name in "abcd")


def test_a_chain_runs_in_order_and_the_run_succeeds() -> None:
    state = new_state(step("b", "a"), step("a"))
    assert feed(state, Begin()) == [StartStep(A, 1)]
    assert feed(state, AttemptSucceeded(A)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        StartStep(B, 1),
    ]
    assert feed(state, AttemptSucceeded(B)) == [
        EndStep(B, StepStatus.SUCCEEDED),
        FinishRun(RunStatus.SUCCEEDED),
    ]


def test_a_workflow_without_steps_succeeds() -> None:
    assert feed(new_state(), Begin()) == [FinishRun(RunStatus.SUCCEEDED)]


def test_a_slow_branch_does_not_hold_back_another() -> None:
    state = new_state(step("slow"), step("fast"), step("after-fast", "fast"), max_parallel=2)
    feed(state, Begin())
    assert started(feed(state, AttemptSucceeded(StepId("fast")))) == ["after-fast"]


def test_priority_decides_who_gets_a_free_place_then_the_order() -> None:
    state = new_state(
        step("first"), step("low", priority=-1), step("high", priority=5), step("second"),
        max_parallel=1,
    )  # fmt: skip
    order = started(feed(state, Begin()))
    for _ in range(3):
        order += started(feed(state, AttemptSucceeded(StepId(order[-1]))))
    assert order == ["high", "first", "second", "low"]


def test_no_more_than_max_parallel_run_at_once() -> None:
    state = new_state(*(step(f"s{i}") for i in range(5)), max_parallel=2)
    assert len(started(feed(state, Begin()))) == 2
    assert len(started(feed(state, AttemptSucceeded(StepId("s0"))))) == 1


def test_a_false_condition_skips_and_its_dependants_follow_their_rule() -> None:
    state = new_state(
        step("a", when="false"),
        step("skips", "a"),
        step("runs", "a", on_unmet=OnUnmet.RUN),
        step("fails", "a", on_unmet=OnUnmet.FAIL),
    )
    assert feed(state, Begin()) == [JudgeCondition(A)]
    assert feed(state, ConditionJudged(A, ConditionOutcome.DOES_NOT_HOLD)) == [
        SkipStep(A, ()),
        SkipStep(StepId("skips"), (A,)),
        RejectStep(StepId("fails"), (A,)),
        StartStep(StepId("runs"), 1),
    ]
    assert feed(state, AttemptSucceeded(StepId("runs")))[-1] == FinishRun(RunStatus.FAILED)


def test_a_broken_condition_fails_the_step() -> None:
    state = new_state(step("a", when="nonsense"))
    feed(state, Begin())
    assert feed(state, ConditionJudged(A, ConditionOutcome.BROKEN)) == [
        RejectStep(A, ()),
        FinishRun(RunStatus.FAILED),
    ]


def test_a_failure_lets_other_branches_go_on_and_fails_the_run() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"), step("d", "c"))
    feed(state, Begin())
    assert feed(state, AttemptFailed(A, worth_retry=False)) == [
        EndStep(A, StepStatus.FAILED),
        SkipStep(B, (A,)),
    ]
    assert started(feed(state, AttemptSucceeded(C))) == ["d"]
    assert feed(state, AttemptSucceeded(D))[-1] == FinishRun(RunStatus.FAILED)


def test_a_blocked_step_blocks_the_run_and_a_failed_one_outweighs_it() -> None:
    state = new_state(step("a"), step("b"))
    feed(state, Begin(), AttemptBlocked(A))
    assert feed(state, AttemptSucceeded(B))[-1] == FinishRun(RunStatus.BLOCKED)
    other = new_state(step("a"), step("b"))
    feed(other, Begin(), AttemptBlocked(A))
    assert feed(other, AttemptFailed(B, worth_retry=False))[-1] == FinishRun(RunStatus.FAILED)


def test_waiting_times_grow_to_the_cap_and_are_spread_by_the_given_factor() -> None:
    policy = RetryPolicy(max_attempts=4, delay_seconds=2, backoff=3, max_delay_seconds=10)
    state = new_state(step("a", retry=policy))
    feed(state, Begin())
    delays = []
    for spread in (1.0, 1.1, 0.5):
        [retry] = feed(state, AttemptFailed(A, worth_retry=True, spread=spread))
        assert isinstance(retry, ScheduleRetry)
        delays.append(retry.delay_seconds)
        assert len(started(feed(state, RetryDue(A)))) == 1
    assert delays == pytest.approx([2.0, 6.6, 5.0])
    assert feed(state, AttemptFailed(A, worth_retry=True))[0] == EndStep(A, StepStatus.FAILED)


def test_a_due_retry_counted_twice_starts_once() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=3)), step("b"), max_parallel=1)
    feed(state, Begin(), AttemptFailed(A, worth_retry=True), RetryDue(A), RetryDue(A))
    assert started(feed(state, AttemptSucceeded(B))) == ["a"]
    assert started(feed(state, AttemptFailed(A, worth_retry=True))) == []


def test_an_interrupted_attempt_counts() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=2)))
    feed(state, Begin())
    assert feed(state, AttemptInterrupted(A)) == [RequeueStep(A), StartStep(A, 2)]
    assert feed(state, AttemptInterrupted(A)) == [GiveUpStep(A), FinishRun(RunStatus.FAILED)]


def test_a_step_may_extend_the_run_by_steps_that_need_it_and_by_free_ones() -> None:
    state = new_state(step("a"))
    feed(state, Begin())
    added = (step("b", "a"), step("c"), step("d", "b", "c"))
    assert feed(state, AttemptSucceeded(A, added)) == [
        EndStep(A, StepStatus.SUCCEEDED),
        ExtendRun(added),
        StartStep(B, 1),
        StartStep(C, 1),
    ]
    assert started(feed(state, AttemptSucceeded(B), AttemptSucceeded(C))) == ["d"]


def test_pause_lets_running_steps_finish_and_starts_nothing() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"), max_parallel=1)
    feed(state, Begin())
    assert feed(state, PauseAsked()) == []
    assert feed(state, AttemptSucceeded(A)) == [EndStep(A, StepStatus.SUCCEEDED), RestRun()]
    assert started(feed(state, ResumeAsked())) == ["b"]


def test_a_paused_run_does_not_end_before_it_is_resumed() -> None:
    state = new_state(step("a"))
    feed(state, Begin(), PauseAsked())
    assert feed(state, AttemptSucceeded(A))[-1] == RestRun()
    assert feed(state, ResumeAsked()) == [FinishRun(RunStatus.SUCCEEDED)]


def test_cancel_ends_everything_unfinished() -> None:
    state = new_state(step("a"), step("b", "a"), step("c"))
    feed(state, Begin(), AttemptSucceeded(C))
    assert feed(state, CancelAsked()) == [
        CancelStep(A, running=True),
        CancelStep(B, running=False),
        FinishRun(RunStatus.CANCELLED),
    ]
    with pytest.raises(Conflict, match="'a' is cancelled, not running"):
        advance(state, AttemptSucceeded(A))


def test_retry_resets_what_failed_and_what_was_skipped_because_of_it() -> None:
    state = new_state(
        step("a"), step("b", "a"), step("c", "b"), step("d", when="false"), step("e", "d")
    )
    feed(state, Begin(), ConditionJudged(D, ConditionOutcome.DOES_NOT_HOLD))
    feed(state, AttemptFailed(A, worth_retry=False))
    assert state.ended is RunStatus.FAILED
    assert feed(state, RetryAsked()) == [
        ResetStep(A),
        ResetStep(B),
        ResetStep(C),
        StartStep(A, 2),
    ]
    done = feed(state, AttemptSucceeded(A), AttemptSucceeded(B), AttemptSucceeded(C))
    assert done[-1] == FinishRun(RunStatus.SUCCEEDED)


def test_a_retry_asked_for_gives_the_whole_budget_again() -> None:
    state = new_state(step("a", retry=RetryPolicy(max_attempts=2, delay_seconds=1, jitter=0)))
    feed(state, Begin(), AttemptFailed(A, worth_retry=True), RetryDue(A))
    feed(state, AttemptFailed(A, worth_retry=True))
    assert feed(state, RetryAsked())[-1] == StartStep(A, 3)
    assert feed(state, AttemptFailed(A, worth_retry=True)) == [ScheduleRetry(A, 1.0)]


def test_retry_takes_queued_dependants_back_when_their_need_is_reset() -> None:
    """`c` runs whatever became of `a`; it waits for a place when `a` is asked to run again."""
    state = new_state(step("a"), step("b"), step("c", "a", on_unmet=OnUnmet.RUN), max_parallel=2)
    feed(state, Begin(), PauseAsked(), AttemptFailed(A, worth_retry=False))
    assert feed(state, RetryAsked(), AttemptSucceeded(B), ResumeAsked())[-1] == StartStep(A, 2)
    assert started(feed(state, AttemptSucceeded(A))) == ["c"]


def test_a_verdict_from_before_a_retry_is_not_used() -> None:
    state = new_state(step("a"), step("b", "a", when="x", on_unmet=OnUnmet.RUN))
    feed(state, Begin())
    assert feed(state, AttemptFailed(A, worth_retry=False))[-1] == JudgeCondition(B)
    feed(state, RetryAsked())
    assert feed(state, ConditionJudged(B, ConditionOutcome.DOES_NOT_HOLD)) == []
    assert feed(state, AttemptSucceeded(A))[-1] == JudgeCondition(B)


def test_retry_without_anything_to_retry_is_refused() -> None:
    state = new_state(step("a"))
    feed(state, Begin(), AttemptSucceeded(A))
    with pytest.raises(Conflict, match="nothing to retry"):
        advance(state, RetryAsked())


def test_a_long_chain_of_skips_is_one_walk() -> None:
    chain = [step("s0"), *(step(f"s{i}", f"s{i - 1}") for i in range(1, 5000))]
    state = new_state(*chain)
    feed(state, Begin())
    commands = feed(state, AttemptFailed(StepId("s0"), worth_retry=False))
    assert sum(isinstance(command, SkipStep) for command in commands) == 4999
    assert commands[-1] == FinishRun(RunStatus.FAILED)


# --- random graphs ------------------------------------------------------------------------------

ENDS = ("ok", "fail", "hopeless", "block", "interrupt")
DECISIVE = {
    "ok": StepStatus.SUCCEEDED,
    "block": StepStatus.BLOCKED,
    "hopeless": StepStatus.FAILED,
}


@dataclass(frozen=True, kw_only=True)
class Script:
    """What the world does to a step: its condition's verdict and the end of each attempt."""

    verdict: ConditionOutcome
    ends: tuple[str, ...]


@st.composite
def scripted_graphs(draw: st.DrawFn) -> tuple[tuple[Step, ...], dict[StepId, Script]]:
    names = [f"s{i}" for i in range(draw(st.integers(1, 9)))]
    steps, scripts = [], {}
    for position, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:position]), unique=True)) if position else []
        attempts = draw(st.integers(1, 3))
        own = step(
            name,
            *needs,
            when="x" if draw(st.booleans()) else None,
            on_unmet=draw(st.sampled_from(OnUnmet)),
            retry=RetryPolicy(max_attempts=attempts),
            priority=draw(st.integers(-1, 1)),
        )
        steps.append(own)
        ends = draw(st.tuples(*[st.sampled_from(ENDS)] * attempts))
        scripts[own.id] = Script(verdict=draw(st.sampled_from(ConditionOutcome)), ends=ends)
    order = draw(st.permutations(steps))
    return tuple(order), scripts


def expected(steps: Iterable[Step], scripts: Mapping[StepId, Script]) -> dict[StepId, StepStatus]:
    """The only right final statuses: they do not depend on the order of execution."""
    by_id = {own.id: own for own in steps}
    found: dict[StepId, StepStatus] = {}
    for step_id in topological_order(by_id.values()):
        own = by_id[step_id]
        unmet = any(found[need] is not StepStatus.SUCCEEDED for need in own.needs)
        found[step_id] = final_status(own, scripts[step_id], unmet=unmet)
    return found


def final_status(own: Step, script: Script, *, unmet: bool) -> StepStatus:
    if unmet and own.on_unmet is not OnUnmet.RUN:
        return StepStatus.SKIPPED if own.on_unmet is OnUnmet.SKIP else StepStatus.FAILED
    if own.when and script.verdict is not ConditionOutcome.HOLDS:
        broken = script.verdict is ConditionOutcome.BROKEN
        return StepStatus.FAILED if broken else StepStatus.SKIPPED
    last = next((end for end in script.ends if end in DECISIVE), "fail")
    return DECISIVE.get(last, StepStatus.FAILED)


@dataclass
class World:
    """Plays the host of one run and checks every command on the way."""

    state: RunState
    scripts: dict[StepId, Script]
    running: dict[StepId, int] = field(default_factory=dict)
    waiting: set[StepId] = field(default_factory=set)
    succeeded: list[StepId] = field(default_factory=list)
    finishes: list[RunStatus] = field(default_factory=list)
    history: list[Command] = field(default_factory=list)

    def tell(self, signal: Signal) -> None:
        pending = [signal]
        while pending:
            self.state, commands = advance(self.state, pending.pop(0))
            for command in commands:
                if isinstance(command, JudgeCondition):
                    verdict = self.scripts[command.step_id].verdict
                    pending.append(ConditionJudged(command.step_id, verdict))
                else:
                    self.obey(command)

    def obey(self, command: Command) -> None:
        self.history.append(command)
        if isinstance(command, StartStep):
            self.check_start(command)
            self.running[command.step_id] = command.attempt
        elif isinstance(command, EndStep) and command.status is StepStatus.SUCCEEDED:
            self.succeeded.append(command.step_id)
        elif isinstance(command, ScheduleRetry):
            self.waiting.add(command.step_id)
        elif isinstance(command, FinishRun):
            self.finishes.append(command.status)

    def check_start(self, command: StartStep) -> None:
        own = self.state.steps[command.step_id].step
        needs = [self.state.steps[need].status for need in own.needs]
        assert not self.state.paused, "nothing starts while paused"
        assert command.step_id not in self.running, "one attempt at a time"
        assert all(need in FINISHED_STEPS for need in needs), "needs come first"
        if own.on_unmet is not OnUnmet.RUN:
            assert set(needs) <= {StepStatus.SUCCEEDED}, "unmet needs keep it from running"
        forgiven = self.state.steps[command.step_id].forgiven
        assert command.attempt - forgiven <= own.retry.max_attempts, "within the retry budget"
        assert len(self.running) < self.state.max_parallel, "within max_parallel"

    def end_attempt(self, step_id: StepId) -> None:
        attempt = self.running.pop(step_id)
        ends = self.scripts[step_id].ends
        end = ends[(attempt - 1) % len(ends)]
        signals: dict[str, Signal] = {
            "ok": AttemptSucceeded(step_id),
            "fail": AttemptFailed(step_id, worth_retry=True),
            "hopeless": AttemptFailed(step_id, worth_retry=False),
            "block": AttemptBlocked(step_id),
            "interrupt": AttemptInterrupted(step_id),
        }
        self.tell(signals[end])

    def ring(self, step_id: StepId) -> None:
        self.waiting.discard(step_id)
        self.tell(RetryDue(step_id))

    def steer(self, move: str, data: st.DataObject) -> None:
        if move == "end":
            self.end_attempt(data.draw(st.sampled_from(sorted(self.running))))
        elif move == "due":
            self.ring(min(self.waiting))
        else:
            signals: dict[str, Signal] = {
                "retry": RetryAsked(),
                "pause": PauseAsked(),
                "resume": ResumeAsked(),
            }
            self.tell(signals[move])

    def crash(self) -> None:
        """The process dies: the state is read back from what the journal would hold."""
        rows = [
            StepRun(step_id=key, status=own.status, attempt=own.attempt, forgiven=own.forgiven)
            for key, own in self.state.steps.items()
        ]
        workflow = Workflow(name="w", steps=tuple(own.step for own in self.state.steps.values()))
        self.state = RunState.restore(
            workflow, rows, max_parallel=self.state.max_parallel, status=RunStatus.RUNNING
        )
        self.tell(Begin())


@settings(max_examples=300, deadline=None)
@given(graph=scripted_graphs(), max_parallel=st.integers(1, 4), data=st.data())
def test_any_graph_ends_as_the_fold_says_whatever_the_order(
    graph: tuple[tuple[Step, ...], dict[StepId, Script]], max_parallel: int, data: st.DataObject
) -> None:
    steps, scripts = graph
    world = World(new_state(*steps, max_parallel=max_parallel), scripts)
    world.tell(Begin())
    for _ in range(200):
        moves = [("end", key) for key in sorted(world.running)]
        moves += [("due", key) for key in sorted(world.waiting)]
        moves += [("resume" if world.state.paused else "pause", StepId(""))]
        if not world.state.paused:
            moves += [("crash", StepId(""))]
        if world.finishes:
            break
        kind, key = data.draw(st.sampled_from(moves))
        if kind == "end":
            world.end_attempt(key)
        elif kind == "due":
            world.ring(key)
        elif kind == "crash":
            # a retry that is due but has no place yet waits in memory only: it is due again
            world.waiting |= {
                k for k, own in world.state.steps.items() if own.status is StepStatus.WAITING
            }
            world.crash()
        else:
            world.tell(PauseAsked() if kind == "pause" else ResumeAsked())
    drain(world)
    wanted = expected(steps, scripts)
    assert {key: own.status for key, own in world.state.steps.items()} == wanted
    assert len(world.succeeded) == len(set(world.succeeded))
    ends = set(wanted.values())
    worst = RunStatus.FAILED if StepStatus.FAILED in ends else RunStatus.BLOCKED
    bad = ends & {StepStatus.FAILED, StepStatus.BLOCKED}
    assert world.finishes == [worst if bad else RunStatus.SUCCEEDED]


def drain(world: World) -> None:
    """Lets everything happen that still can."""
    if world.state.paused:
        world.tell(ResumeAsked())
    while world.running or world.waiting:
        while world.waiting:
            world.ring(min(world.waiting))
        for key in sorted(world.running):
            world.end_attempt(key)


def check_books(state: RunState) -> None:
    """The scheduler's counters and queue against the plain definition of what they count."""
    statuses = {key: own.status for key, own in state.steps.items()}
    for key, own in state.steps.items():
        open_needs = {need for need in own.step.needs if statuses[need] not in FINISHED_STEPS}
        assert own.open_needs == len(open_needs), key
        waits_for_nothing = own.status is StepStatus.PENDING and not open_needs
        assert not waits_for_nothing or own.queued, f"{key} is forgotten"
    assert state.counts == {kind: list(statuses.values()).count(kind) for kind in StepStatus}
    may_start = not state.paused and state.ended is None and state.running < state.max_parallel
    assert not (may_start and state.ready), "a place stays empty although something is ready"
    assert (state.ended is not None) == (set(statuses.values()) <= FINISHED_STEPS) or state.paused


@settings(max_examples=300, deadline=None)
@given(graph=scripted_graphs(), max_parallel=st.integers(1, 3), data=st.data())
def test_steering_at_any_moment_keeps_the_books_and_ends_well(
    graph: tuple[tuple[Step, ...], dict[StepId, Script]], max_parallel: int, data: st.DataObject
) -> None:
    """Retries and pauses at random moments; then nothing fails any more and all must succeed."""
    steps, scripts = graph
    steps = tuple(replace(own, when=None, on_unmet=OnUnmet.SKIP) for own in steps)
    world = World(new_state(*steps, max_parallel=max_parallel), scripts)
    world.tell(Begin())
    for _ in range(data.draw(st.integers(0, 25))):
        statuses = {own.status for own in world.state.steps.values()}
        moves = ["retry"] if statuses & {StepStatus.FAILED, StepStatus.BLOCKED} else []
        moves += ["end"] if world.running else []
        moves += ["due"] if world.waiting else []
        moves += ["resume"] if world.state.paused else ["pause"]
        world.steer(data.draw(st.sampled_from(moves)), data)
        check_books(world.state)
    world.scripts = {own.id: Script(verdict=ConditionOutcome.HOLDS, ends=("ok",)) for own in steps}
    if any(
        own.status in (StepStatus.FAILED, StepStatus.BLOCKED) for own in world.state.steps.values()
    ):
        world.steer("retry", data)
    drain(world)
    assert {own.status for own in world.state.steps.values()} == {StepStatus.SUCCEEDED}
    assert sorted(world.succeeded) == sorted(own.id for own in steps)
    assert world.finishes[-1] is RunStatus.SUCCEEDED


@settings(max_examples=60, deadline=None)
@given(graph=scripted_graphs(), max_parallel=st.integers(1, 4))
def test_the_same_signals_give_the_same_commands(
    graph: tuple[tuple[Step, ...], dict[StepId, Script]], max_parallel: int
) -> None:
    steps, scripts = graph
    histories = []
    for _ in range(2):
        world = World(new_state(*steps, max_parallel=max_parallel), scripts)
        world.tell(Begin())
        drain(world)
        histories.append(world.history)
    assert histories[0] == histories[1]
