"""The pure scheduler: a state and a signal give the state after it and commands to the host.

No clock, no input or output, no lots: the same signals always give the same commands.
"""

from collections import deque
from collections.abc import Callable
from functools import singledispatch
from heapq import heappop, heappush

from maestro.domain.run import RunStatus, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import OnUnmet
from maestro.errors import Conflict
from maestro.workflow.backoff import waiting_time
from maestro.workflow.run_state import RunState
from maestro.workflow.signals import (
    AttemptBlocked,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    Await,
    Begin,
    CancelAsked,
    CancelStep,
    Command,
    ConditionJudged,
    ConditionOutcome,
    Decided,
    EndStep,
    Expired,
    ExtendRun,
    FinishRun,
    GiveUpStep,
    JudgeCondition,
    PauseAsked,
    RejectStep,
    RequeueStep,
    RerunAsked,
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

Commands = list[Command]

_RETRIED = frozenset({StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED})


def advance(state: RunState, signal: Signal) -> tuple[RunState, tuple[Command, ...]]:
    """Takes the state over, moves it on and hands it back with what is to be done, in order.

    Raises:
        Conflict: the signal does not fit the state (a result of a step that is not running).
    """
    commands: Commands = []
    _take(signal, state, commands)
    _start_ready(state, commands)
    _close(state, commands)
    return state, tuple(commands)


@singledispatch
def _take(signal: Signal, state: RunState, commands: Commands) -> None:
    raise TypeError(f"not a signal: {signal!r}")


@_take.register
def _begin(signal: Begin, state: RunState, commands: Commands) -> None:
    state.begun = True
    _settle(state, list(state.steps), commands)


@_take.register
def _succeeded(signal: AttemptSucceeded, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.RUNNING)
    commands.append(EndStep(signal.step_id, StepStatus.SUCCEEDED))
    if signal.extend:
        state.steps[signal.step_id].extended = True
        state.add(signal.extend)
        commands.append(ExtendRun(signal.extend))
    added = [step.id for step in signal.extend if state.steps[step.id].open_needs == 0]
    _finish(state, signal.step_id, StepStatus.SUCCEEDED, commands)
    _settle(state, added, commands)


@_take.register
def _failed(signal: AttemptFailed, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.RUNNING)
    own = state.steps[signal.step_id]
    if signal.worth_retry and own.attempts_left:
        state.move(signal.step_id, StepStatus.WAITING)
        delay = waiting_time(own.step.retry, own.attempt - own.forgiven, signal.spread)
        commands.append(ScheduleRetry(signal.step_id, delay))
    else:
        commands.append(EndStep(signal.step_id, StepStatus.FAILED))
        _finish(state, signal.step_id, StepStatus.FAILED, commands)


@_take.register
def _blocked(signal: AttemptBlocked, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.RUNNING)
    commands.append(EndStep(signal.step_id, StepStatus.BLOCKED))
    _finish(state, signal.step_id, StepStatus.BLOCKED, commands)


@_take.register
def _interrupted(signal: AttemptInterrupted, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.RUNNING)
    if state.steps[signal.step_id].attempts_left:
        state.move(signal.step_id, StepStatus.READY)
        commands.append(RequeueStep(signal.step_id))
        _enqueue(state, signal.step_id)
    else:
        commands.append(GiveUpStep(signal.step_id))
        _finish(state, signal.step_id, StepStatus.FAILED, commands)


@_take.register
def _due(signal: RetryDue, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.WAITING)
    state.steps[signal.step_id].due = True
    _settle(state, [signal.step_id], commands)


@_take.register
def _judged(signal: ConditionJudged, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.PENDING)
    own = state.steps[signal.step_id]
    if own.open_needs:
        return  # a need was reset meanwhile; the condition is judged again after it
    if signal.verdict is ConditionOutcome.HOLDS:
        own.judged = True
        _enqueue(state, signal.step_id)
    elif signal.verdict is ConditionOutcome.DOES_NOT_HOLD:
        commands.append(SkipStep(signal.step_id, ()))
        _finish(state, signal.step_id, StepStatus.SKIPPED, commands)
    else:
        commands.append(RejectStep(signal.step_id, ()))
        _finish(state, signal.step_id, StepStatus.FAILED, commands)


@_take.register
def _decided(signal: Decided, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.AWAITING)
    status = StepStatus.SUCCEEDED if signal.accepted else StepStatus.BLOCKED
    commands.append(EndStep(signal.step_id, status))
    _finish(state, signal.step_id, status, commands)


@_take.register
def _expired(signal: Expired, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.AWAITING)
    commands.append(EndStep(signal.step_id, StepStatus.FAILED))
    _finish(state, signal.step_id, StepStatus.FAILED, commands)


@_take.register
def _pause(signal: PauseAsked, state: RunState, commands: Commands) -> None:
    state.paused = True


@_take.register
def _resume(signal: ResumeAsked, state: RunState, commands: Commands) -> None:
    state.paused = False


@_take.register
def _cancel(signal: CancelAsked, state: RunState, commands: Commands) -> None:
    for step_id, own in state.steps.items():
        if not own.finished:
            commands.append(CancelStep(step_id, own.status is StepStatus.RUNNING))
            state.move(step_id, StepStatus.CANCELLED)
            for dependant in own.dependants:
                state.steps[dependant].open_needs -= 1
    state.paused = False
    state.ended = RunStatus.CANCELLED
    commands.append(FinishRun(RunStatus.CANCELLED))


@_take.register
def _retry(signal: RetryAsked, state: RunState, commands: Commands) -> None:
    if signal.step_id is None:
        asked = [step_id for step_id, own in state.steps.items() if own.status in _RETRIED]
    elif state.steps[signal.step_id].status in _RETRIED:
        asked = [signal.step_id]
    else:
        status = state.steps[signal.step_id].status.value
        raise Conflict(f"step {signal.step_id!r} is {status}; only what did not succeed is retried")
    if not asked:
        raise Conflict("nothing to retry: no step has failed, was blocked or was cancelled")
    again = _with_dependants(state, asked, lambda step_id: _fell_to_needs(state, step_id))
    _reset(state, again, commands)
    _settle(state, again, commands)


@_take.register
def _rerun(signal: RerunAsked, state: RunState, commands: Commands) -> None:
    if not state.steps[signal.step_id].finished:
        status = state.steps[signal.step_id].status.value
        raise Conflict(f"step {signal.step_id!r} is {status}; only a finished step is run again")
    concerned = _with_dependants(state, [signal.step_id], lambda _: True)
    if signal.only_dependants:
        concerned.remove(signal.step_id)
    for step_id in concerned:
        own = state.steps[step_id]
        if own.status in (StepStatus.RUNNING, StepStatus.WAITING):
            raise Conflict(
                f"step {step_id!r} depends on {signal.step_id!r} and is {own.status.value}; let it "
                "end first, then ask again"
            )
        if own.extended:
            raise Conflict(
                f"step {step_id!r} added steps to the run and cannot be run again; start a new run"
            )
    untouched = StepStatus.PENDING
    again = [step_id for step_id in concerned if state.steps[step_id].status is not untouched]
    _reset(state, again, commands)
    _settle(state, concerned, commands)


def _with_dependants(
    state: RunState, first: list[StepId], wanted: Callable[[StepId], bool]
) -> list[StepId]:
    """These steps, and all wanted ones that one comes to from them over wanted ones."""
    found = list(first)
    known = set(found)
    for step_id in found:  # grows while it is walked
        for dependant in state.steps[step_id].dependants:
            if dependant not in known and wanted(dependant):
                known.add(dependant)
                found.append(dependant)
    return found


def _fell_to_needs(state: RunState, step_id: StepId) -> bool:
    """Whether it was skipped, or failed without an attempt because of its needs."""
    status = state.steps[step_id].status
    return status is StepStatus.SKIPPED or (
        status is StepStatus.FAILED
        and state.reaction(step_id, state.unmet(step_id)) is OnUnmet.FAIL
    )


def _reset(state: RunState, step_ids: list[StepId], commands: Commands) -> None:
    for step_id in step_ids:
        own = state.steps[step_id]
        if own.finished:
            for dependant in own.dependants:
                state.steps[dependant].open_needs += 1
        state.move(step_id, StepStatus.PENDING)
        own.forgiven = own.attempt
        own.due = False
        commands.append(ResetStep(step_id))
    state.ended = None


def _expect(state: RunState, step_id: StepId, status: StepStatus) -> None:
    actual = state.steps[step_id].status
    if actual is not status:
        raise Conflict(f"step {step_id!r} is {actual.value}, not {status.value}")


def _finish(state: RunState, step_id: StepId, status: StepStatus, commands: Commands) -> None:
    """Gives a step its last status and settles whatever waited for it."""
    state.move(step_id, status)
    _settle(state, _freed_by(state, step_id), commands)


def _freed_by(state: RunState, step_id: StepId) -> list[StepId]:
    """The dependants for which `step_id` was the last need to finish."""
    freed = []
    for dependant in state.steps[step_id].dependants:
        own = state.steps[dependant]
        own.open_needs -= 1
        if own.open_needs == 0:
            freed.append(dependant)
    return freed


def _settle(state: RunState, step_ids: list[StepId], commands: Commands) -> None:
    """Decides about steps whose needs have all finished; a chain of skips is one walk.

    A step that has begun goes on whatever became of its needs. Before `Begin`, which settles every
    step, nothing is decided.
    """
    if not state.begun or not step_ids:
        return
    waiting = deque(step_id for step_id in step_ids if state.steps[step_id].open_needs == 0)
    while waiting:  # the others come in when the walk frees them, so that each comes once
        step_id = waiting.popleft()
        own = state.steps[step_id]
        if not own.idle:
            continue
        if own.status is not StepStatus.PENDING:
            _enqueue(state, step_id)
            continue
        unmet = state.unmet(step_id)
        reaction = state.reaction(step_id, unmet) if unmet else OnUnmet.RUN
        if reaction is not OnUnmet.RUN:
            skip = reaction is OnUnmet.SKIP
            commands.append(SkipStep(step_id, unmet) if skip else RejectStep(step_id, unmet))
            state.move(step_id, StepStatus.SKIPPED if skip else StepStatus.FAILED)
            waiting.extend(_freed_by(state, step_id))
        elif own.step.when is not None:
            own.judged = False
            commands.append(JudgeCondition(step_id))
        else:
            _enqueue(state, step_id)


def _enqueue(state: RunState, step_id: StepId) -> None:
    own = state.steps[step_id]
    if own.queued:
        return
    own.queued = True
    if own.step.awaits:
        state.asking.append(step_id)
    else:
        heappush(state.ready, (-own.step.priority, own.order, step_id))


def _start_ready(state: RunState, commands: Commands) -> None:
    if state.paused or state.ended is not None or not state.begun:
        return
    for step_id in _leave_queue(state, state.asking):
        state.move(step_id, StepStatus.AWAITING)
        commands.append(Await(step_id))
    state.asking.clear()
    while state.ready and state.running < state.max_parallel:
        place = heappop(state.ready)
        step_id = place[2]
        own = state.steps[step_id]
        if not own.may_start:
            own.queued = False
            state.release(own.step.concurrency)
        elif state.must_wait(own.step):
            heappush(state.held[own.step.concurrency], place)
        else:
            own.queued = own.due = False
            own.attempt += 1
            state.move(step_id, StepStatus.RUNNING)
            commands.append(StartStep(step_id, own.attempt))


def _leave_queue(state: RunState, step_ids: list[StepId]) -> list[StepId]:
    """Takes them out of the queue; gives those that may go on."""
    for step_id in step_ids:
        state.steps[step_id].queued = False
    return [step_id for step_id in step_ids if state.steps[step_id].may_start]


def _close(state: RunState, commands: Commands) -> None:
    if state.ended is not None or not state.begun:
        return
    if state.paused:
        if state.running == 0:
            commands.append(RestRun())
    elif state.open == 0:
        state.ended = _result(state)
        commands.append(FinishRun(state.ended))


def _result(state: RunState) -> RunStatus:
    if state.counts[StepStatus.FAILED]:
        return RunStatus.FAILED
    return RunStatus.BLOCKED if state.counts[StepStatus.BLOCKED] else RunStatus.SUCCEEDED
