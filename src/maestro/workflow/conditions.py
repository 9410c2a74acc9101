"""A step's `when`: which names it may use, and whether it holds."""

import re
from collections.abc import Iterable, Mapping

from maestro.domain.expression import Condition, ValueType, compile_condition, holds
from maestro.domain.run import StepRun
from maestro.domain.values import JsonScalar, StepId
from maestro.domain.workflow import Step
from maestro.errors import InvalidInput


def check_conditions(steps: Iterable[Step]) -> None:
    """Raises InvalidInput for a condition that cannot be judged, naming the step and the rule."""
    by_id = {step.id: step for step in steps}
    for step in by_id.values():
        for field, kind in step.yields.items():
            _value_type(step.id, field, kind)
        if step.when is not None:
            _compile(step, by_id)


def condition_holds(
    step_id: StepId, steps: Mapping[StepId, Step], runs: Mapping[StepId, StepRun]
) -> bool:
    """Judges the condition of a step whose needs have finished.

    Raises:
        StepFailed: a value it uses is missing, because its step was skipped or did not yield it.
    """
    condition, places = _compile(steps[step_id], steps)
    values: dict[str, JsonScalar] = {}
    for name in condition.names:
        source, field = places[name]
        output = runs[source].output
        if isinstance(output, Mapping) and field in output:
            values[name] = output[field]
    return holds(condition, values)


def _compile(
    step: Step, steps: Mapping[StepId, Step]
) -> tuple[Condition, dict[str, tuple[StepId, str]]]:
    """The condition, and for each name it may use the step and the output field behind it.

    Only steps that have certainly finished may be named: the ones it needs, directly or not.
    """
    declared: dict[str, ValueType] = {}
    places: dict[str, tuple[StepId, str]] = {}
    when = step.when or ""
    for need in _ancestors(step, steps):
        known = re.sub("[-.]", "_", need)
        if known not in when:
            continue  # a long chain has many ancestors, of which a condition names few
        for field, kind in steps[need].yields.items():
            name = f"outputs.{known}.{field}"
            if name in places:
                raise InvalidInput(
                    f"step {step.id!r}: the steps {places[name][0]!r} and {need!r} look the same "
                    f"in a condition ({name!r}); rename one of them"
                )
            declared[name] = _value_type(need, field, kind)
            places[name] = (need, field)
    try:
        return compile_condition(when, declared), places
    except InvalidInput as error:
        raise InvalidInput(f"step {step.id!r}: when: {error}") from error


def _ancestors(step: Step, steps: Mapping[StepId, Step]) -> tuple[StepId, ...]:
    """Everything the step needs, directly or not, nearest first."""
    found = dict.fromkeys(step.needs)
    waiting = list(found)
    for need in waiting:  # grows while it is walked
        fresh = [further for further in steps[need].needs if further not in found]
        found.update(dict.fromkeys(fresh))
        waiting.extend(fresh)
    return tuple(found)


def _value_type(step_id: StepId, field: str, kind: str) -> ValueType:
    try:
        return ValueType(kind)
    except ValueError:
        known = ", ".join(ValueType)
        raise InvalidInput(
            f"step {step_id!r}: yields {field!r} as {kind!r}; known types: {known}"
        ) from None
