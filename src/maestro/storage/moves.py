"""Which moves of a step the journal takes, and how an attempt ended."""

from collections.abc import Mapping

from maestro.domain.run import EventKind, StepRun, StepStatus
from maestro.domain.values import RunId
from maestro.errors import Conflict

_S = StepStatus
_NOT_STARTED = frozenset({_S.PENDING, _S.READY, _S.WAITING})
_GIVEN_UP = frozenset({_S.PENDING, _S.SKIPPED, _S.FAILED, _S.CANCELLED})
_AGAIN = frozenset({_S.PENDING})
_WITHIN_ATTEMPT: Mapping[StepStatus, frozenset[StepStatus]] = {
    _S.PENDING: _GIVEN_UP | {_S.AWAITING},
    _S.READY: _GIVEN_UP | {_S.AWAITING},
    _S.WAITING: _GIVEN_UP,
    _S.RUNNING: frozenset(
        {_S.PENDING, _S.READY, _S.WAITING, _S.SUCCEEDED, _S.FAILED, _S.BLOCKED, _S.CANCELLED}
    ),
    _S.AWAITING: frozenset({_S.SUCCEEDED, _S.BLOCKED, _S.FAILED, _S.CANCELLED, _S.PENDING}),
    _S.SUCCEEDED: _AGAIN,
    _S.FAILED: _AGAIN,
    _S.BLOCKED: _AGAIN,
    _S.SKIPPED: _AGAIN,
    _S.CANCELLED: _AGAIN,
}
"""What a step may become without another attempt starting."""
_IN_PLACE: Mapping[EventKind, frozenset[StepStatus]] = {
    EventKind.STEP_EDITED: frozenset({_S.SUCCEEDED}),
    EventKind.STEP_SIGNALLED: _NOT_STARTED,
}
"""Events that tell of another output of a step that stays what it is."""


def check_step_move(run_id: RunId, kind: EventKind, before: StepRun, after: StepRun) -> None:
    """Raises Conflict for a move that would commit a second result or start out of turn."""
    if before.step_id != after.step_id:
        raise Conflict(f"a move of step {before.step_id!r} cannot end at {after.step_id!r}")
    if after.status is _S.RUNNING:
        legal = before.status in _NOT_STARTED and after.attempt == before.attempt + 1
    elif kind in _IN_PLACE:
        legal = (
            before.status is after.status
            and after.status in _IN_PLACE[kind]
            and before.attempt == after.attempt
        )
    else:
        legal = after.status in _WITHIN_ATTEMPT[before.status] and before.attempt == after.attempt
    if not legal:
        raise Conflict(
            f"step {after.step_id!r} of run {run_id!r} is {before.status.value} at attempt "
            f"{before.attempt}; it cannot become {after.status.value} at attempt {after.attempt}: "
            "that attempt already has its result or another one is due"
        )


def attempt_result(status: StepStatus) -> str:
    """How an attempt ended, from what its step became."""
    if status in (StepStatus.READY, StepStatus.PENDING):
        return "interrupted"
    return str(StepStatus.FAILED if status is StepStatus.WAITING else status)
