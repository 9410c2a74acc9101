"""`${...}` inside a step's inputs: what it may say, and the value it stands for.

    ${inputs.version}   ${outputs.build.files[0].name}   ${outputs['pack.begin'].x}   ${item.id}

A text that is nothing but one reference becomes the value itself, of whatever type; inside a
longer text a value is written as text, everything but texts as JSON. `$${` stands for `${`.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from maestro.domain.values import JsonValue, StepId
from maestro.errors import InvalidInput, StepFailed

_STEPS = r"\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,9}\]|\['[^'{}]*'\]"
_PART = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_BODY = re.compile(rf"(inputs|outputs|item)((?:{_STEPS})*)")
_STEP = re.compile(_STEPS)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

Key = str | int
RULE = (
    "write ${inputs.name}, ${outputs.step.field} or ${item}, with .name, [0] or ['name'] to go "
    "deeper; $${ stands for a plain ${"
)


class ReferenceFailed(StepFailed):
    """A value that a step's inputs refer to is not there."""

    code = "reference_failed"
    retryable = False


@dataclass(frozen=True, slots=True)
class Reference:
    root: str
    """`inputs`, `outputs` or `item`."""
    path: tuple[Key, ...] = ()

    def __str__(self) -> str:
        return "${" + self.root + "".join(_written(key) for key in self.path) + "}"


Parts = list[str | Reference]
Rename = Callable[[Reference], Reference]


def parse_text(text: str) -> Parts:
    """The text and the references it is made of. Raises InvalidInput for bad syntax."""
    parts: Parts = []
    position = 0
    for found in _PART.finditer(text):
        _append(parts, text[position : found.start()])
        position = found.end()
        if found.group() == "$${":
            _append(parts, "${")
        else:
            parts.append(_parsed(found.group(1), text[found.start() : found.start() + 80]))
    _append(parts, text[position:])
    return parts


def rename_references(value: JsonValue, rename: Rename) -> JsonValue:
    """The value with every reference in it replaced; what is escaped stays escaped."""
    if isinstance(value, str):
        if "${" not in value:
            return value
        return "".join(
            part.replace("${", "$${") if isinstance(part, str) else str(rename(part))
            for part in parse_text(value)
        )
    if isinstance(value, Mapping):
        return {key: rename_references(entry, rename) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rename_references(entry, rename) for entry in value]
    return value


def references_in(value: JsonValue) -> Iterator[Reference]:
    """Every reference in a value. Raises InvalidInput for bad syntax."""
    if isinstance(value, str):
        if "${" in value:
            yield from (part for part in parse_text(value) if isinstance(part, Reference))
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from references_in(entry)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from references_in(entry)


def resolve(value: JsonValue, look_up: Callable[[Reference], JsonValue], where: str) -> JsonValue:
    """The value with every reference replaced by what it stands for.

    Raises:
        ReferenceFailed: there is no such value; the message names the place.
    """
    if isinstance(value, str):
        if "${" not in value:
            return value
        return _resolved_text(value, look_up, where)
    if isinstance(value, Mapping):
        return {key: resolve(entry, look_up, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [resolve(entry, look_up, f"{where}[{i}]") for i, entry in enumerate(value)]
    return value


def from_outputs(outputs: Mapping[StepId, JsonValue]) -> Callable[[Reference], JsonValue]:
    """Looks references up in the outputs of the steps that succeeded."""

    def look_up(reference: Reference) -> JsonValue:
        if reference.root != "outputs" or not reference.path:
            raise ReferenceFailed(f"{reference} has no value here; only outputs of steps do")
        step_id = StepId(str(reference.path[0]))
        if step_id not in outputs:
            raise ReferenceFailed(
                f"{reference}: step {step_id!r} has no output, it was skipped or did not succeed"
            )
        return descend(outputs[step_id], reference, 1)

    return look_up


def descend(value: JsonValue, reference: Reference, start: int = 0) -> JsonValue:
    """What lies at the reference's path from `start` on, below a value."""
    for key in reference.path[start:]:
        if isinstance(value, Mapping):
            if str(key) not in value:
                known = ", ".join(sorted(value)[:20]) or "none"
                raise ReferenceFailed(f"{reference}: there is no {key!r}; fields: {known}")
            value = value[str(key)]
        elif isinstance(value, list | tuple) and isinstance(key, int):
            if key >= len(value):
                raise ReferenceFailed(f"{reference}: the list has {len(value)} entries")
            value = value[key]
        else:
            kind = "nothing" if value is None else type(value).__name__
            raise ReferenceFailed(f"{reference}: there is no {key!r} in {kind}")
    return value


def _resolved_text(text: str, look_up: Callable[[Reference], JsonValue], where: str) -> JsonValue:
    try:
        parts = parse_text(text)
        if len(parts) == 1 and isinstance(parts[0], Reference):
            return look_up(parts[0])
        return "".join(part if isinstance(part, str) else as_text(look_up(part)) for part in parts)
    except (InvalidInput, ReferenceFailed) as error:
        raise ReferenceFailed(f"{where}: {error}") from None


def as_text(value: JsonValue) -> str:
    """A value inside a longer text: texts as they are, everything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _append(parts: Parts, text: str) -> None:
    if text and parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


def _parsed(body: str | None, shown: str) -> Reference:
    if body is None:
        raise InvalidInput(f"{shown!r} holds a reference that does not end; {RULE}")
    found = _BODY.fullmatch(body.strip())
    if found is None:
        raise InvalidInput(f"{'${' + body[:80] + '}'!r} is no reference; {RULE}")
    return Reference(found.group(1), tuple(_key(step) for step in _STEP.findall(found.group(2))))


def _key(step: str) -> Key:
    if step.startswith("."):
        return step[1:]
    return step[2:-2] if step.startswith("['") else int(step[1:-1])


def _written(key: Key) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _WORD.fullmatch(key) else f"['{key}']"
