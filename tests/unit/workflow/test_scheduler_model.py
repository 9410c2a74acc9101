"""The scheduler against the reference model, move by move, over random workflows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import ClassVar, get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from ledger import Ledger
from reference_model import ReferenceModel

from maestro.domain.run import FINISHED_STEPS, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import (
    EdgeRule,
    OnUnmet,
    RetryPolicy,
    Step,
    StepKind,
    Workflow,
    all_needs,
    topological_order,
)
from maestro.errors import Conflict
from maestro.workflow import signals
from maestro.workflow.run_state import RunState
from maestro.workflow.scheduler import advance
from maestro.workflow.signals import Command, ConditionOutcome, Signal

LIMITS = {"one": 1, "two": 2}
EXAMPLES = 500
MOVES = 50
LEAST_MOVES = 15_000

rules_for_unmet = st.sampled_from([OnUnmet.RUN, OnUnmet.RUN, OnUnmet.SKIP, OnUnmet.FAIL])
rules_of_edges = st.builds(
    EdgeRule, skipped=rules_for_unmet, failed=rules_for_unmet, alone=st.sampled_from([False, True])
)
kinds = st.sampled_from([StepKind.ACTION] * 9 + [StepKind.GATE, StepKind.APPROVAL, StepKind.SIGNAL])
numbers = st.integers(0, 119)  # so few that all are as likely
WAITS = (StepStatus.WAITING, StepStatus.AWAITING)
VERDICTS = [*ConditionOutcome, ConditionOutcome.HOLDS, ConditionOutcome.HOLDS]


@st.composite
def made_step(draw: st.DrawFn, name: str, needs: Sequence[StepId], parent: StepId | None) -> Step:
    kind = draw(kinds)
    awaits = kind in (StepKind.APPROVAL, StepKind.SIGNAL)
    return Step(
        id=StepId(name),
        kind=kind,
        action="" if awaits else "work",
        needs=tuple(needs),
        parent=parent,
        edges={need: draw(rules_of_edges) for need in needs if draw(st.booleans())},
        when=draw(st.sampled_from([None, None, None, "x"])),
        on_unmet=draw(rules_for_unmet),
        retry=RetryPolicy(max_attempts=draw(st.integers(1, 4))),
        priority=draw(st.integers(-1, 1)),
        concurrency=draw(st.sampled_from(["", "", *LIMITS])),
    )


def some_of(known: Sequence[StepId]) -> st.SearchStrategy[list[StepId]]:
    if not known:
        return st.just([])
    return st.one_of(st.just([]), st.lists(st.sampled_from(known), unique=True, max_size=2))


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Each step needs earlier ones and may be the child of a later one; told in any order."""
    names = [StepId(f"s{place}") for place in range(draw(st.sampled_from([1, 4, 5, 6, 7, 8])))]
    steps = []
    for place, name in enumerate(names):
        needs = draw(some_of(names[:place]))
        parent = draw(st.sampled_from([None, None, None, None, *names[place + 1 :]]))
        steps.append(draw(made_step(name, needs, parent)))
    return Workflow(name="w", steps=tuple(draw(st.permutations(steps))), concurrency=LIMITS)


@st.composite
def extensions(draw: st.DrawFn, workflow: Workflow) -> tuple[Step, ...]:
    """More steps: needing and holding back old ones and each other, but never in a circle."""
    added: list[Step] = []
    for _ in range(draw(st.integers(1, 2))):
        steps = (*workflow.steps, *added)
        needs = draw(some_of([step.id for step in steps]))
        before = upstream(steps, needs)
        later = [step.id for step in steps if step.id not in before]
        parent = draw(st.sampled_from([None, *later]))
        added.append(draw(made_step(f"x{len(steps)}", needs, parent)))
    return tuple(added)


def upstream(steps: Sequence[Step], first: Sequence[StepId]) -> list[StepId]:
    found = list(first)
    needs_of = all_needs(steps)
    for step_id in found:
        found += [need for need in needs_of[step_id] if need not in found]
    return found


class Special(Enum):
    """Moves that are not simply a signal."""

    EXTEND = "extend"
    CRASH = "crash"


class SchedulerMachine(RuleBasedStateMachine):
    seen: ClassVar[Counter[str]] = Counter()
    """What all examples together told and were told, by class."""

    @initialize(workflow=workflows(), max_parallel=st.integers(1, 4))
    def begin(self, workflow: Workflow, max_parallel: int) -> None:
        self.ledger = Ledger(workflow, max_parallel)
        self.state = self.ledger.restored()
        self.model = ReferenceModel(workflow.steps, LIMITS, max_parallel)
        self.move(signals.Begin())

    # --- moves -------------------------------------------------------------------------------

    @rule(lot=numbers, pick=numbers, way=numbers, data=st.data())
    def go_on(self, lot: int, pick: int, way: int, data: st.DataObject) -> None:
        """One rule for all moves: Hypothesis leaves rules out, and these need one another."""
        found = [*self.news(pick, way), *self.steering(pick, way)]
        move = found[lot % len(found)]
        if move is Special.EXTEND:
            running = self.picked(pick, StepStatus.RUNNING)
            extension = data.draw(extensions(self.ledger.workflow))
            self.move(signals.AttemptSucceeded(running, extension))
        elif move is Special.CRASH:
            self.crash(way)
        else:
            self.move(move)

    def news(self, pick: int, way: int) -> Iterator[Signal | Special]:
        """What the host may have to tell; what comes several times is that much likelier."""
        for running in self.one_of(pick, StepStatus.RUNNING):
            yield from [signals.AttemptSucceeded(running)] * 5
            spread = (1.0, 0.5, 1.1)[way % 3]
            yield from [signals.AttemptFailed(running, worth_retry=True, spread=spread)] * 2
            yield signals.AttemptFailed(running, worth_retry=False)
            yield signals.AttemptBlocked(running)
            yield signals.AttemptInterrupted(running)
            if len(self.ledger.rows) < 11:
                yield Special.EXTEND
        for waiting in self.one_of(pick, StepStatus.WAITING):
            yield from [signals.RetryDue(waiting)] * 2
        for awaiting in self.one_of(pick, StepStatus.AWAITING):
            yield from [signals.Decided(awaiting, accepted=way % 3 > 0)] * 2
            yield signals.Expired(awaiting)
        if self.ledger.judging:
            asked = sorted(self.ledger.judging)
            verdict = VERDICTS[way % len(VERDICTS)]
            yield from [signals.ConditionJudged(asked[pick % len(asked)], verdict)] * 3

    def steering(self, pick: int, way: int) -> Iterator[Signal | Special]:
        if self.state.paused:
            yield from [signals.ResumeAsked()] * 2
        if self.state.ended is None:
            yield signals.PauseAsked() if way % 3 else signals.CancelAsked()
            yield self.untimely(pick, way)
            yield from [Special.CRASH] * len(self.ledger.having(StepStatus.RUNNING, *WAITS))
        for bad in self.one_of(pick, StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED):
            yield signals.RetryAsked(bad if way % 3 else None)
        for finished in self.one_of(pick, *FINISHED_STEPS):
            yield signals.RerunAsked(finished, only_dependants=way % 3 == 0)
        if self.state.ended is not None:
            first = topological_order(self.ledger.workflow.steps)[0]
            yield from [signals.RerunAsked(first)] * 3

    def untimely(self, pick: int, way: int) -> Signal:
        """News of a step that need not fit it; those that do not, both must refuse."""
        step_id = self.picked(pick, *StepStatus)
        news: list[Signal] = [
            signals.AttemptSucceeded(step_id),
            signals.AttemptInterrupted(step_id),
            signals.RetryDue(step_id),
            signals.Expired(step_id),
            signals.RetryAsked(step_id),
            signals.RerunAsked(step_id),
        ]
        return news[way % len(news)]

    def crash(self, way: int) -> None:
        """The process dies; of the running attempts only some, which workers have, go on."""
        self.state = self.ledger.restored()
        self.model.crash()
        cut = self.ledger.having(StepStatus.RUNNING)[max(0, way % 4 - 2) :]
        self.move(*map(signals.AttemptInterrupted, cut), signals.Begin())

    # --- what each move does and checks ------------------------------------------------------

    def picked(self, pick: int, *statuses: StepStatus) -> StepId:
        found = self.ledger.having(*statuses)
        return found[pick % len(found)]

    def one_of(self, pick: int, *statuses: StepStatus) -> list[StepId]:
        """One such step, if there is any."""
        return [self.picked(pick, *statuses)] if self.ledger.having(*statuses) else []

    def move(self, *told: Signal) -> None:
        commands: list[Command] = []
        expected: list[Command] = []
        for signal in told:
            self.seen[type(signal).__name__] += 1
            try:
                expected += self.model.take(signal)
            except Conflict:
                self.refused(signal)
                continue
            self.state, given = advance(self.state, signal)
            self.ledger.told(signal)
            for command in given:
                self.obey(command)
            commands += given
        assert Counter(map(repr, commands)) == Counter(map(repr, expected)), told
        assert starts(commands) == starts(expected), told
        self.seen["moves"] += 1

    def refused(self, signal: Signal) -> None:
        before = statuses(self.state)
        try:
            advance(self.state, signal)
        except Conflict:
            self.seen["refused"] += 1
        else:
            raise AssertionError(f"{signal} should be refused")
        assert statuses(self.state) == before

    def obey(self, command: Command) -> None:
        self.seen[type(command).__name__] += 1
        if isinstance(command, signals.StartStep | signals.Await):
            self.check_start(command.step_id)
        self.ledger.write(command)

    def check_start(self, step_id: StepId) -> None:
        rows = self.ledger.rows
        unfinished = set(all_needs(self.ledger.workflow.steps)[step_id]) - set(
            self.ledger.having(*FINISHED_STEPS)
        )
        assert not unfinished, f"{step_id} starts before its needs have finished"
        begun = (StepStatus.RUNNING, StepStatus.AWAITING, *FINISHED_STEPS)
        assert rows[step_id].status not in begun, f"{step_id} starts twice"
        assert not self.state.paused, f"{step_id} starts in a paused run"

    @invariant()
    def is_where_the_model_is(self) -> None:
        rows = self.ledger.rows.values()
        assert statuses(self.state) == self.model.status
        assert {row.step_id: row.status for row in rows} == self.model.status
        for row in rows:
            own = self.state.steps[row.step_id]
            numbers = (self.model.attempt[row.step_id], self.model.forgiven[row.step_id])
            assert (own.attempt, own.forgiven) == (row.attempt, row.forgiven) == numbers
            assert own.attempt - own.forgiven <= own.step.retry.max_attempts
            assert own.extended == row.extended == (row.step_id in self.model.extended)
        assert (self.state.paused, self.state.ended) == (self.model.paused, self.model.ended)

    @invariant()
    def limits_hold(self) -> None:
        running = [self.state.steps[key] for key in self.ledger.having(StepStatus.RUNNING)]
        assert len(running) <= self.state.max_parallel
        for key, limit in LIMITS.items():
            assert sum(own.step.concurrency == key for own in running) <= limit

    @invariant()
    def never_stuck(self) -> None:
        with_somebody = self.ledger.having(StepStatus.RUNNING, StepStatus.AWAITING)
        if not (with_somebody or self.ledger.timers or self.ledger.judging or self.state.paused):
            assert self.state.ended is not None, "nothing goes on, but the run has not ended"

    @invariant()
    def books_are_right(self) -> None:
        """The scheduler's counters and queues against what they count."""
        state, now = self.state, statuses(self.state)
        needs_of = all_needs(self.ledger.workflow.steps)
        assert state.counts == {kind: list(now.values()).count(kind) for kind in StepStatus}
        for key, own in state.steps.items():
            assert tuple(own.needs) == needs_of[key]
            assert own.open_needs == sum(now[need] not in FINISHED_STEPS for need in own.needs)
            queues = [state.asking, *map(ids, (state.ready, *state.held.values()))]
            assert sum(queue.count(key) for queue in queues) == own.queued, key
        running = [own for own in state.steps.values() if own.status is StepStatus.RUNNING]
        keys = [own.step.concurrency for own in running]
        assert state.in_use == {key: keys.count(key) for key in LIMITS}


def statuses(state: RunState) -> dict[StepId, StepStatus]:
    return {key: own.status for key, own in state.steps.items()}


def starts(commands: Sequence[Command]) -> list[Command]:
    return [command for command in commands if isinstance(command, signals.StartStep)]


def ids(places: Sequence[tuple[int, int, StepId]]) -> list[StepId]:
    return [step_id for _, _, step_id in places]


def test_the_scheduler_does_what_the_model_does_at_every_move() -> None:
    SchedulerMachine.seen.clear()
    run_state_machine_as_test(
        SchedulerMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=MOVES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    seen = SchedulerMachine.seen
    assert seen["moves"] >= LEAST_MOVES
    kinds = (*get_args(Signal), *get_args(Command))
    assert not [kind.__name__ for kind in kinds if seen[kind.__name__] < 50], seen
