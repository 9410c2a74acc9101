"""What a workflow file may say about the actions that come with Maestro."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from maestro.domain.values import JsonObject, JsonValue
from maestro.workflow.definition.source import FilePlace

BEGIN, EXPAND, COLLECT = "flow.begin", "flow.expand", "flow.collect"
"""Actions of the steps that maps and sub-workflows are lowered to."""
NOTIFY, COMMAND, SET = "notify", "command.run", "value.set"
_OWN = frozenset({BEGIN, EXPAND, COLLECT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


_KNOWN: Mapping[str, _Signature] = {
    COMMAND: _Signature(
        required=("argv",),
        optional=("cwd", "env"),
        outputs=("exit_status", "stdout", "stderr", "json"),
    ),
    NOTIFY: _Signature(required=("message",), outputs=("message",)),
}


def output_fields(action: str, inputs: JsonObject) -> tuple[str, ...]:
    """Fields an action puts out whatever the step's `yields` say."""
    if action == SET:
        return tuple(inputs)
    known = _KNOWN.get(action)
    return known.outputs if known else ()


def check_action(
    action: str, inputs: JsonObject, place: FilePlace, actions: Collection[str] | None
) -> None:
    """Refuses an unknown action, and inputs that a known one does not take.

    Raises:
        InvalidInput: names the place.
    """
    if action in _OWN:
        raise (place / "action").refused(
            f"{action!r} belongs to maps and sub-workflows; use kind map or workflow"
        )
    if actions is not None and action not in actions:
        known = ", ".join(sorted(set(actions) - _OWN)) or "none"
        raise (place / "action").refused(f"unknown action {action!r}; known: {known}")
    if action in _KNOWN:
        _check_inputs(action, _KNOWN[action], inputs, place / "inputs")
    if action == COMMAND and not _is_list_to_be(inputs["argv"]):
        raise (place / "inputs" / "argv").refused(
            "must be a list, the program and its arguments; there is no shell that splits a text"
        )


def _check_inputs(action: str, signature: _Signature, inputs: JsonObject, place: FilePlace) -> None:
    for name in signature.required:
        if name not in inputs:
            raise place.refused(f"{action} needs the input {name!r}")
    for name in inputs:
        if name not in signature.required + signature.optional:
            known = ", ".join(signature.required + signature.optional)
            raise (place / name).refused(f"{action} has no input {name!r}; known: {known}")


def _is_list_to_be(value: JsonValue) -> bool:
    """Whether it is a list with something in it, or refers to what may be one."""
    if isinstance(value, str):
        return value.startswith("${") and value.endswith("}")
    return isinstance(value, list) and bool(value)


def live_inputs(action: str, inputs: JsonObject) -> tuple[str, ...]:
    """The inputs in which references count; the others of Maestro's own steps are kept as written,
    because they are for later steps or are values already.
    """
    if action in _OWN:
        return tuple(name for name in ("over", "values") if name in inputs)
    return tuple(inputs)
