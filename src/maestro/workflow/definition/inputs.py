"""The inputs a workflow declares, and the values somebody gives for them."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

_FITS: Mapping[str, Callable[[JsonValue], bool]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "double": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    ),
    "string": lambda value: isinstance(value, str),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
IN_CONDITIONS = frozenset({"bool", "int", "double", "string"})
"""Types of inputs that conditions can use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputDeclaration:
    type: str
    """`bool`, `int`, `double`, `string`, `list` or `object`."""
    required: bool = True
    default: JsonValue = None
    """Used when no value is given; None where there is none."""
    description: str = ""

    def check(self, value: JsonValue) -> None:
        """Raises InvalidInput for a value of another type; None stands for a missing value."""
        if value is None and not self.required:
            return
        if not _FITS[self.type](value):
            raise InvalidInput(f"must be a {self.type}, got {value!r:.80}")


def checked_inputs(
    declared: Mapping[str, InputDeclaration], given: JsonObject
) -> dict[str, JsonValue]:
    """A value for every declared input.

    Raises:
        InvalidInput: an unknown or missing input, or a value of another type.
    """
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise InvalidInput(f"unknown input {name!r}; the workflow's inputs: {known}")
    values: dict[str, JsonValue] = {}
    for name, declaration in declared.items():
        if name not in given and declaration.required:
            raise InvalidInput(f"input {name!r} ({declaration.type}) is missing; give a value")
        values[name] = given.get(name, declaration.default)
        try:
            declaration.check(values[name])
        except InvalidInput as error:
            raise InvalidInput(f"input {name!r}: {error}") from None
    return values


def input_from_text(name: str, text: str, declared: Mapping[str, InputDeclaration]) -> JsonValue:
    """The value that `NAME=TEXT` on a command line gives an input.

    Raises:
        InvalidInput: an unknown input, or a text its type cannot be read from.
    """
    if name not in declared:
        known = ", ".join(declared) or "none"
        raise InvalidInput(f"unknown input {name!r}; the workflow's inputs: {known}")
    kind = declared[name].type
    if kind == "string":
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    try:
        InputDeclaration(type=kind).check(value)
    except InvalidInput as error:
        raise InvalidInput(f"input {name!r}: {error}") from None
    return value
