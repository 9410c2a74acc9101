"""Random graphs against a fold over them that needs no queue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from scheduling import new_state, step

from maestro.domain.run import FINISHED_STEPS, RunStatus, StepRun, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    OnUnmet,
    RetryPolicy,
    Step,
    Workflow,
    topological_order,
)
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Begin,
    Command,
    ConditionJudged,
    ConditionOutcome,
    EndStep,
    FinishRun,
    JudgeCondition,
    PauseAsked,
    ResumeAsked,
    RetryDue,
    ScheduleRetry,
    Signal,
    StartStep,
)

A, B, C, D = (StepId(name) for name in "abcd")

# --- random graphs --------------------------------------------------------------------------------

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

    def crash(self) -> None:
        """The process dies: the state is read back from what the journal would hold."""
        rows = [
            StepRun(step_id=key, status=own.status, attempt=own.attempt, forgiven=own.forgiven)
            for key, own in self.state.steps.items()
        ]
        workflow = Workflow(name="w", steps=tuple(own.step for own in self.state.steps.values()))
        self.state = RunState.restore(
            workflow.steps,
            workflow.concurrency,
            rows,
            max_parallel=self.state.max_parallel,
            status=RunStatus.RUNNING,
        )
        self.tell(Begin())


@settings(max_examples=200, deadline=None)
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
