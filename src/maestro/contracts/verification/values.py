"""Valid, distinct and repeatable values for fields that a contract describes."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import jsonschema_rs

from maestro.domain.values import JsonObject

FIRST_DAY = date(2031, 1, 1)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class NoValue(Exception):
    """No value could be made that the schema accepts; becomes a failed check."""


def value(name: str, schema: JsonObject, number: int) -> Any:
    """The `number`-th value (from 1) for a field; greater numbers give greater values of its type.

    Raises:
        NoValue: nothing that was tried is valid.
    """
    accepts = validator(schema)
    for candidate in _candidates(name, schema, number):
        if accepts(candidate):
            return candidate
    raise NoValue(f"no value for {name!r} fits its schema {json.dumps(schema)[:200]}")


def validator(schema: JsonObject) -> Callable[[Any], bool]:
    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True).is_valid


def kinds(schema: JsonObject) -> tuple[str, ...]:
    """Types the schema accepts, null apart."""
    declared = schema.get("type", ())
    names = (declared,) if isinstance(declared, str) else tuple(declared)
    return tuple(name for name in names if name != "null")


def is_nullable(schema: JsonObject) -> bool:
    declared = schema.get("type", ())
    return declared == "null" or (not isinstance(declared, str) and "null" in declared)


def members(schema: JsonObject) -> list[Any]:
    """Members of an enumeration, null apart; empty when it is none."""
    return [member for member in schema.get("enum", ()) if member is not None]


def _candidates(name: str, schema: JsonObject, number: int) -> Iterator[Any]:
    if members(schema):
        yield members(schema)[(number - 1) % len(members(schema))]
    for kind in kinds(schema):
        yield from _of_kind(kind, name, schema, number)
    yield from schema.get("examples", ())
    if "example" in schema:
        yield schema["example"]
    if "default" in schema:
        yield schema["default"]


def _of_kind(kind: str, name: str, schema: JsonObject, number: int) -> Iterator[Any]:
    if kind == "boolean":
        yield number % 2 == 0
    elif kind == "integer":
        yield _within(schema, number)
    elif kind == "number":
        yield _within(schema, number) + 0.25
        yield _within(schema, number)
    elif kind == "string":
        yield from _texts(name, schema, number)


def _within(schema: JsonObject, number: int) -> int:
    least = int(schema.get("minimum", 0))
    start = max(least, 0) if schema.get("maximum", 1) > 0 else least
    most = schema.get("maximum")
    if most is None or start + number - 1 <= most:
        return start + number - 1
    return start + (number - 1) % (int(most) - start + 1)


def _texts(name: str, schema: JsonObject, number: int) -> Iterator[str]:
    form = schema.get("format", "")
    day = FIRST_DAY + timedelta(days=number)
    if form == "date":
        yield day.isoformat()
    elif form == "date-time":
        yield f"{day.isoformat()}T12:00:00Z"
    elif form == "time":
        yield f"{number % 24:02d}:00:00Z"
    elif form == "uuid":
        yield f"00000000-0000-4000-8000-{number:012d}"
    elif form == "email":
        yield f"check.{word(number)}@example.com"
    elif form in ("uri", "url"):
        yield f"https://example.com/{word(number)}"
    most = int(schema.get("maxLength", 255))
    for text in (f"{name} {word(number)}", word(number), word(number)[-most:]):
        yield text.ljust(int(schema.get("minLength", 0)), "x")


def word(number: int) -> str:
    """Five small letters that grow with the number, whatever the alphabet's order."""
    text = ""
    for _ in range(5):
        number, rest = divmod(number, len(LETTERS))
        text = LETTERS[rest] + text
    return text


def same(left: Any, right: Any) -> bool:
    """Whether two values of a field mean the same (moments in any spelling, 1 and 1.0)."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return abs(left - right) < 1e-9
    if isinstance(left, str) and isinstance(right, str) and left != right:
        return _moment(left) is not None and _moment(left) == _moment(right)
    return bool(left == right)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
