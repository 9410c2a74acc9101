"""One attempt of a step: the handler runs, and whatever happens becomes a value."""

import asyncio
import json
import traceback
from collections.abc import Iterator
from math import isfinite
from typing import Any

from maestro.domain.encoding import encode
from maestro.domain.hot_values import hot_dataclass
from maestro.domain.run import StepError
from maestro.domain.values import JsonValue, StepId
from maestro.domain.workflow import Step
from maestro.errors import (
    Blocked,
    BudgetExceeded,
    InvalidInput,
    MaestroError,
    ModelFailed,
    StepTimedOut,
)
from maestro.ports import StepContext, StepHandler, StepResult
from maestro.workflow.time_limits import TimeLimits

_STRICT = json.JSONEncoder(allow_nan=False)
_ATOMS = frozenset({str, bool, type(None)})
_SAFE_BITS = 64
"""Python writes no integer of thousands of digits."""
INTERNAL = "internal"
"""Code of errors nobody raised on purpose."""


class _NotPlain(Exception):
    """A value of other types than JSON gives, or with a circle in it."""


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    step_id: StepId
    attempt: int
    output: JsonValue = None
    extend: tuple[Step, ...] = ()
    error: StepError | None = None
    """None: it succeeded."""
    blocked: bool = False
    worth_retry: bool = False


async def run_attempt(handler: StepHandler, context: StepContext, limits: TimeLimits) -> AttemptEnd:
    """Runs the handler within its time limit. Raises only when it is cancelled from outside."""
    step, attempt = context.step, context.attempt
    try:
        result = await _within_limit(handler, context, limits)
        for added in result.extend:
            plain_json(added.inputs, f"the step {added.id!r} that extends the run: inputs")
        return AttemptEnd(
            step_id=step.id,
            attempt=attempt,
            output=plain_json(result.output, "the step's output"),
            extend=result.extend,
        )
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        error = StepError(code=INTERNAL, message="CancelledError: the handler cancelled itself")
        return AttemptEnd(step_id=step.id, attempt=attempt, error=error)
    except Exception as error:  # noqa: BLE001 -- the step boundary
        return failed_end(step, attempt, error, context.feedback)


async def _within_limit(
    handler: StepHandler, context: StepContext, limits: TimeLimits
) -> StepResult:
    seconds = context.step.timeout_seconds
    limit = limits.limit(seconds)
    try:
        with limit:
            result = await handler(context)
    except TimeoutError:
        if not limit.expired:
            raise
    if limit.expired:
        raise StepTimedOut(
            f"step {context.step.id!r} was ended at its limit of {seconds:g} s; give it a higher "
            "timeout or less to do"
        )
    return result


def failed_end(
    step: Step, attempt: int, error: Exception, feedback: tuple[str, ...] = ()
) -> AttemptEnd:
    """What an exception means for the step, whose attempt was answering the feedback."""
    cause = _cause(error)
    code = cause.code if isinstance(cause, MaestroError) else INTERNAL
    curable = isinstance(cause, MaestroError) and cause.retryable
    blocked = isinstance(cause, Blocked)
    return AttemptEnd(
        step_id=step.id,
        attempt=attempt,
        error=_describe(cause, code, feedback),
        blocked=blocked,
        worth_retry=not blocked
        and (code in step.retry.retry_on if step.retry.retry_on else curable),
    )


def expired_end(step: Step) -> AttemptEnd:
    """What it means that nobody answered an approval or signal step in time."""
    message = f"nobody answered step {step.id!r} within {step.expires_seconds:g} s"
    return AttemptEnd(
        step_id=step.id, attempt=0, error=StepError(code=StepTimedOut.code, message=message)
    )


def plain_json(value: object, what: str) -> JsonValue:
    """`value` as a reader of the journal will see it, so that a recovered run sees no other.

    Raises:
        InvalidInput: it cannot be written as JSON.
    """
    try:
        return _copied(value)
    except (_NotPlain, RecursionError):
        pass
    try:
        return json.loads(_json(value))
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{what} is not JSON: {error}") from error


def _copied(value: Any) -> JsonValue:
    """What writing `value` as JSON and reading it again gives, for a value of plain types."""
    kind = type(value)
    if kind in _ATOMS or (kind is int and value.bit_length() <= _SAFE_BITS):
        return value
    if kind is dict and all(type(key) is str for key in value):
        return {key: _copied(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_copied(item) for item in value]
    if kind is float and isfinite(value):
        return value
    raise _NotPlain


def _json(value: object) -> str:
    """Most values are plain already; the others are domain values."""
    try:
        return _STRICT.encode(value)
    except TypeError:
        return _STRICT.encode(encode(value))


def _describe(cause: BaseException, code: str, feedback: tuple[str, ...]) -> StepError:
    if isinstance(cause, Blocked):
        detail = _json_or_text(cause.detail)
        return StepError(code=code, message=str(cause), reasons=cause.reasons, detail=detail)
    if isinstance(cause, BudgetExceeded):
        return StepError(code=code, message=str(cause), reasons=cause.reasons)
    if isinstance(cause, ModelFailed | StepTimedOut):  # not over: the next one goes on with it
        return StepError(code=code, message=str(cause), reasons=feedback)
    if isinstance(cause, MaestroError):
        return StepError(code=code, message=str(cause))
    trace = "".join(traceback.format_exception(cause))
    message = f"{type(cause).__name__}: {cause}"
    return StepError(code=code, message=message, detail={"traceback": trace})


def _json_or_text(detail: object) -> JsonValue:
    try:
        return plain_json(detail, "the detail")
    except InvalidInput:
        return repr(detail)


def _cause(error: Exception) -> BaseException:
    """Of a task group's errors the one that says most: the first raised on purpose."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = list(_leaves(error))
    unplanned = [leaf for leaf in leaves if not isinstance(leaf, MaestroError)]
    if not unplanned or len(leaves) == 1:
        return leaves[0]
    return error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
