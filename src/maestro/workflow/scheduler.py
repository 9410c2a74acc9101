"""The pure scheduler: a state and a signal give the state after it and commands to the host.

No clock, no input or output, no lots: the same signals always give the same commands.
"""

from collections import deque
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
    _settle(state, list(state.steps), commands)


@_take.register
def _succeeded(signal: AttemptSucceeded, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.RUNNING)
    commands.append(EndStep(signal.step_id, StepStatus.SUCCEEDED))
    if signal.extend:
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
    _enqueue(state, signal.step_id)


@_take.register
def _judged(signal: ConditionJudged, state: RunState, commands: Commands) -> None:
    _expect(state, signal.step_id, StepStatus.PENDING)
    if state.steps[signal.step_id].open_needs:
        return  # a need was reset meanwhile; the condition is judged again after it
    if signal.verdict is ConditionOutcome.HOLDS:
        _enqueue(state, signal.step_id)
    elif signal.verdict is ConditionOutcome.DOES_NOT_HOLD:
        commands.append(SkipStep(signal.step_id, ()))
        _finish(state, signal.step_id, StepStatus.SKIPPED, commands)
    else:
        commands.append(RejectStep(signal.step_id, ()))
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
    state.ended = RunStatus.CANCELLED
    commands.append(FinishRun(RunStatus.CANCELLED))


@_take.register
def _retry(signal: RetryAsked, state: RunState, commands: Commands) -> None:
    reset = _to_reset(state)
    if not reset:
        raise Conflict("nothing to retry: no step has failed, was blocked or was cancelled")
    for step_id in reset:
        own = state.steps[step_id]
        state.move(step_id, StepStatus.PENDING)
        own.forgiven = own.attempt
        for dependant in own.dependants:
            state.steps[dependant].open_needs += 1
        commands.append(ResetStep(step_id))
    state.ended = None
    _settle(state, reset, commands)


def _to_reset(state: RunState) -> list[StepId]:
    """The steps that did not end well, and what was skipped behind them."""
    found = [step_id for step_id, own in state.steps.items() if own.status in _RETRIED]
    known = set(found)
    for step_id in found:  # grows while it is walked
        for dependant in state.steps[step_id].dependants:
            if state.steps[dependant].status is StepStatus.SKIPPED and dependant not in known:
                known.add(dependant)
                found.append(dependant)
    return found


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
    """Decides about steps whose needs have all finished; a chain of skips is one walk."""
    waiting = deque(step_ids)
    while waiting:
        step_id = waiting.popleft()
        own = state.steps[step_id]
        if own.open_needs or own.status not in (StepStatus.PENDING, StepStatus.READY):
            continue
        unmet = state.unmet(step_id)
        if unmet and own.step.on_unmet is not OnUnmet.RUN:
            skip = own.step.on_unmet is OnUnmet.SKIP
            commands.append(SkipStep(step_id, unmet) if skip else RejectStep(step_id, unmet))
            state.move(step_id, StepStatus.SKIPPED if skip else StepStatus.FAILED)
            waiting.extend(_freed_by(state, step_id))
        elif own.step.when is not None and own.status is StepStatus.PENDING:
            commands.append(JudgeCondition(step_id))
        else:
            _enqueue(state, step_id)


def _enqueue(state: RunState, step_id: StepId) -> None:
    own = state.steps[step_id]
    if not own.queued:
        own.queued = True
        heappush(state.ready, (-own.step.priority, own.order, step_id))


def _start_ready(state: RunState, commands: Commands) -> None:
    if state.paused or state.ended is not None:
        return
    while state.ready and state.running < state.max_parallel:
        _, _, step_id = heappop(state.ready)
        own = state.steps[step_id]
        own.queued = False
        if own.finished or (own.status is StepStatus.PENDING and own.open_needs):
            continue  # decided otherwise, or a need was reset, while it waited for a place
        own.attempt += 1
        state.move(step_id, StepStatus.RUNNING)
        commands.append(StartStep(step_id, own.attempt))


def _close(state: RunState, commands: Commands) -> None:
    if state.ended is not None:
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
