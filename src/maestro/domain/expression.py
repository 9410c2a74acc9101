"""Safe conditions in CEL, shared by a step's `when` and by quality gates.

Google's CEL binding reports evaluation errors as values whose text is truthy, so nothing outside
this module may look at a CEL result: `holds` returns a real bool or raises.

Everything CEL would find out too late is refused when a condition is compiled: unknown names (even
behind `||`), mixed number types, a result that is not a bool, comprehensions (they can eat all
memory from 400 characters of source), and what can make a NaN, for which `>=` is silently false.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput, StepFailed

MAX_SOURCE_BYTES = 4096
MAX_TEXT_CHARACTERS = 65_536

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_MACROS = ("all", "exists", "exists_one", "map", "filter", "has")
# `dyn` switches type checking off; the others turn something else into a double, which may be NaN.
_REFUSED_OVERLOADS = {
    "to_dyn": "dyn() switches type checking off",
    "divide_double": "dividing doubles can give NaN; compare products instead",
    "string_to_double": "a text cannot be trusted to be a finite number",
}
_INT64 = range(-(2**63), 2**63)


class ValueType(StrEnum):
    """What a declared name may hold."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"


class ConditionFailed(StepFailed):
    """A condition could not be judged; the answer is unknown, which is neither true nor false."""

    code = "condition_failed"
    retryable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that was compiled and type-checked against the names it may use."""

    source: str
    names: tuple[str, ...]
    """The declared names it refers to, sorted."""
    types: Mapping[str, ValueType]
    """Of `names`."""
    program: Any = field(repr=False, compare=False)
    """The compiled CEL expression; for `holds` only."""


def compile_condition(source: str, declared: Mapping[str, ValueType]) -> Condition:
    """The condition, ready to be judged as often as needed.

    Raises:
        InvalidInput: too long, bad syntax, an undeclared name, mixed types, not a bool.
    """
    if not source.strip():
        raise InvalidInput(
            "condition is empty; leave it out or write one, e.g. 'tests.failed == 0'"
        )
    size = len(source.encode(errors="replace"))
    if size > MAX_SOURCE_BYTES:
        raise InvalidInput(f"condition has {size} bytes; at most {MAX_SOURCE_BYTES} are allowed")
    if not _is_unicode(source):
        raise InvalidInput(f"condition {source!r} holds lone surrogates; write plain text")
    return _compile(source, tuple(sorted(declared.items())))


def holds(condition: Condition, values: Mapping[str, JsonScalar]) -> bool:
    """Whether the condition is true for these values; other names in `values` are ignored.

    Raises:
        ConditionFailed: a value is missing, of another type or not finite, or CEL could not
            evaluate (division by zero, overflow).
    """
    data = {
        name: _checked(condition.source, name, kind, values)
        for name, kind in condition.types.items()
    }
    outcome = condition.program.eval(data=data)
    answer = outcome.plain_value()
    if outcome.type().name() != "BOOL" or not isinstance(answer, bool):
        raise ConditionFailed(
            f"condition {condition.source!r} could not be evaluated: {answer}; values {data!r}"
        )
    return answer


@lru_cache(maxsize=1024)
def _compile(source: str, declared: tuple[tuple[str, ValueType], ...]) -> Condition:
    types = dict(declared)
    try:
        program = _environment(declared).compile(source)
    except RuntimeError as error:
        raise InvalidInput(f"condition {source!r}: {_explained(str(error))}") from None
    kind = program.return_type().name()
    if kind != "BOOL":
        raise InvalidInput(f"condition {source!r} gives {kind.lower()}; it must be a bool")
    references = tuple(_references(program.serialize()))
    for _, overloads in references:
        for overload in overloads:
            if overload in _REFUSED_OVERLOADS:
                raise InvalidInput(f"condition {source!r}: {_REFUSED_OVERLOADS[overload]}")
    used = {name for name, overloads in references if not overloads and name in types}
    names = tuple(sorted(used))
    return Condition(
        source=source, names=names, types={name: types[name] for name in names}, program=program
    )


@lru_cache(maxsize=64)
def _environment(declared: tuple[tuple[str, ValueType], ...]) -> Any:
    from cel_expr_python import cel  # noqa: PLC0415  (50 MB; `maestro --help` must stay quick)

    known = {
        ValueType.BOOL: cel.Type.BOOL,
        ValueType.INT: cel.Type.INT,
        ValueType.DOUBLE: cel.Type.DOUBLE,
        ValueType.STRING: cel.Type.STRING,
    }
    for name, _ in declared:
        if _NAME.fullmatch(name) is None:
            raise InvalidInput(f"{name!r} cannot be used in a condition: write words joined by '.'")
    config = cel.NewEnvConfigFromYaml(f"stdlib:\n  exclude_macros: [{', '.join(_MACROS)}]\n")
    return cel.NewEnv(config=config, variables={name: known[kind] for name, kind in declared})


def _explained(message: str) -> str:
    """CEL's first complaint in one line, with the way out where people stumble."""
    text = message.removeprefix("INVALID_ARGUMENT: ").splitlines()[0]
    text = text.removeprefix("ERROR: ").removesuffix(" [INVALID_ARGUMENT]").strip()
    if "(double, int)" in text or "(int, double)" in text:
        return f"{text}; write whole numbers next to a double with a point, e.g. 80.0"
    macro = next((name for name in _MACROS if re.search(rf"'{name}'|\b{name}\(", message)), None)
    return f"{text}; {macro}() is not available in conditions" if macro else text


def _checked(
    source: str, name: str, kind: ValueType, values: Mapping[str, JsonScalar]
) -> JsonScalar:
    if name not in values:
        raise ConditionFailed(f"condition {source!r} needs {name!r}, which has no value")
    value = values[name]
    if kind is ValueType.DOUBLE and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not _fits(kind, value):
        raise ConditionFailed(f"condition {source!r}: {name!r} must be a {kind}, got {value!r:.80}")
    return value


def _fits(kind: ValueType, value: JsonScalar) -> bool:
    if kind is ValueType.BOOL:
        return isinstance(value, bool)
    if kind is ValueType.INT:
        return isinstance(value, int) and not isinstance(value, bool) and value in _INT64
    if kind is ValueType.DOUBLE:
        return isinstance(value, float) and math.isfinite(value)
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARACTERS and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON can carry and CEL cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _references(serialized: bytes) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(name, overloads) of everything a compiled expression refers to; variables have none.

    Reads the reference_map (field 2) of cel.expr.CheckedExpr inside google.protobuf.Any (field 2),
    which spares the protobuf runtime.
    """
    checked = next(body for number, body in _fields(serialized) if number == 2)
    for number, entry in _fields(checked):
        if number != 2:
            continue
        reference = tuple(_fields(next(body for key, body in _fields(entry) if key == 2)))
        name = next((body.decode() for key, body in reference if key == 1), "")
        yield name, tuple(body.decode() for key, body in reference if key == 3)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message; numbers are skipped over.

    None of the messages read here has fields of a fixed width.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        length, position = _varint(message, position)
        if key & 7 != 0:
            yield key >> 3, message[position : position + length]
            position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = message[position]
        number |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return number, position
        shift += 7
