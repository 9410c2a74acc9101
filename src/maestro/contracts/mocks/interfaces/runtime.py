"""What stubs and the verification of built modules share, as source text put into both.

It runs in a consumer's or a provider's process, so it knows Python's own library alone, and its
names begin with an underscore so that they meet no name of a contract.
"""

import base64
import dataclasses
import datetime
import decimal
import enum
import math
import pathlib
import re
import uuid
from collections.abc import Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from typing import Any

_DEPTH = 40
_TAGS: dict[str, type] = {
    "bytes": bytes,
    "complex": complex,
    "date": datetime.date,
    "datetime": datetime.datetime,
    "decimal": decimal.Decimal,
    "path": pathlib.PurePath,
    "set": AbstractSet,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "tuple": tuple,
    "uuid": uuid.UUID,
}


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON; what has no JSON is named by its type."""
    if isinstance(value, enum.Enum):
        return _plain(value.value, depth + 1)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, decimal.Decimal | uuid.UUID | pathlib.PurePath | complex):
        return str(value)
    return _container(value, depth)


def _container(value: Any, depth: int) -> Any:
    parts = _parts(value)
    if depth > _DEPTH:
        return "…"
    if parts is not None:
        return {str(_plain(key)): _plain(entry, depth + 1) for key, entry in parts.items()}
    if isinstance(value, AbstractSet):
        return sorted((_plain(entry, depth + 1) for entry in value), key=repr)
    if isinstance(value, Sequence):
        return [_plain(entry, depth + 1) for entry in value]
    return {"@type": type(value).__name__}


def _parts(value: Any) -> Mapping[Any, Any] | None:
    """Names and values of what is written as a JSON object."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        named: Mapping[Any, Any] = value._asdict()
        return named
    return value if isinstance(value, Mapping) else None


def _followed(schema: Any, definitions: Mapping[str, Any]) -> Any:
    for _ in range(_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str):
            break
        schema = definitions.get(reference.removeprefix("#/$defs/"), {})
    return schema


def _build(schema: Any, value: Any, definitions: Mapping[str, Any], types: Any) -> Any:
    """A JSON value as the Python value that the schema stands for.

    `types` is the module (or its names) that has the contract's own classes.
    """
    schema = _followed(schema, definitions)
    if not isinstance(schema, Mapping) or value is None:
        return value
    for option in schema.get("anyOf", schema.get("oneOf", ())):
        made = _build(option, value, definitions, types)
        if not _faults(option, made, definitions):
            return made
    kind, _, name = str(schema.get("x-python", "")).partition(":")
    if kind == "enum":
        return _own(types, name)(value)
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        made = {
            key: _build(known.get(key, rest), entry, definitions, types)
            for key, entry in value.items()
        }
        return _own(types, name)(**made) if kind == "class" else made
    if isinstance(value, list):
        leading, items = schema.get("prefixItems", ()), schema.get("items", {})
        entries = [
            _build(leading[n] if n < len(leading) else items, entry, definitions, types)
            for n, entry in enumerate(value)
        ]
        return {"tuple": tuple, "set": set}.get(kind, list)(entries)
    if schema.get("type") == "number" and isinstance(value, int) and not kind:
        return float(value)
    return _made(kind, value)


def _own(types: Any, name: str) -> Any:
    return types[name] if isinstance(types, Mapping) else getattr(types, name)


def _made(kind: str, value: Any) -> Any:
    makers: dict[str, Any] = {
        "bytes": base64.b64decode,
        "complex": complex,
        "date": datetime.date.fromisoformat,
        "datetime": datetime.datetime.fromisoformat,
        "decimal": decimal.Decimal,
        "path": pathlib.Path,
        "time": datetime.time.fromisoformat,
        "timedelta": lambda seconds: datetime.timedelta(seconds=seconds),
        "uuid": uuid.UUID,
    }
    return makers[kind](value) if kind in makers else value


def _faults(
    schema: Any, value: Any, definitions: Mapping[str, Any], place: str = "", depth: int = 0
) -> list[str]:
    """In what a Python value differs from the schema; empty when in nothing."""
    schema = _followed(schema, definitions)
    if schema is False:
        return [f"{place or 'it'} must not be given"]
    if not isinstance(schema, Mapping) or depth > _DEPTH:
        return []
    found = _choice_faults(schema, value, definitions, place, depth)
    if found:
        return found
    for option in schema.get("allOf", ()):
        found += _faults(option, value, definitions, place, depth + 1)
    wrong = _wrong_kind(schema, value)
    if wrong:
        return [*found, f"{place or 'it'} {wrong}"]
    found += [f"{place or 'it'} {rule}" for rule in _broken_rules(schema, value)]
    parts = _parts(value)
    if parts is not None:
        found += _object_faults(schema, parts, definitions, place, depth)
    elif isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        found += _entry_faults(schema, value, definitions, place, depth)
    return found


def _choice_faults(
    schema: Mapping[str, Any], value: Any, definitions: Mapping[str, Any], place: str, depth: int
) -> list[str]:
    """Of several choices one has to fit; the faults are those of the nearest."""
    for options in (schema.get("anyOf"), schema.get("oneOf")):
        told = [_faults(o, value, definitions, place, depth + 1) for o in options or ()]
        if told and all(told):
            return min(told, key=len)
    return []


def _entry_faults(
    schema: Mapping[str, Any], value: Any, definitions: Mapping[str, Any], place: str, depth: int
) -> list[str]:
    leading, items = schema.get("prefixItems", ()), schema.get("items", {})
    found = []
    for n, entry in enumerate(value):
        own = leading[n] if n < len(leading) else items
        found += _faults(own, entry, definitions, f"{place}[{n}]", depth + 1)
    return found


def _object_faults(
    schema: Mapping[str, Any],
    parts: Mapping[Any, Any],
    definitions: Mapping[str, Any],
    place: str,
    depth: int,
) -> list[str]:
    known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
    dot = f"{place}." if place else ""
    found = [f"{dot}{name} is missing" for name in schema.get("required", ()) if name not in parts]
    for name, entry in parts.items():
        if name not in known and rest is False:
            found.append(f"{dot}{name} is unknown")
        else:
            own = known.get(name, rest)
            found += _faults(own, entry, definitions, f"{dot}{name}", depth + 1)
    return found


def _wrong_kind(schema: Mapping[str, Any], value: Any) -> str:
    """What is wrong with the value's type; empty when nothing is."""
    kind, _, name = str(schema.get("x-python", "")).partition(":")
    shown = type(value).__name__
    if name:
        return (
            "" if name in [c.__name__ for c in type(value).__mro__] else f"is {shown}, not {name}"
        )
    if kind in _TAGS:
        return "" if isinstance(value, _TAGS[kind]) else f"is {shown}, not {kind}"
    wanted = schema.get("type")
    options = wanted if isinstance(wanted, list) else [wanted] if wanted else []
    if not options or any(_is(option, value) for option in options):
        return ""
    return f"is {shown}, not {' or '.join(map(str, options))}"


def _is(kind: Any, value: Any) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (isinstance(value, float) and (kind == "number" or value.is_integer()))
    if kind == "array":
        listed = isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes)
        return listed or (not isinstance(value, Sized) and hasattr(value, "__iter__"))
    checks: dict[Any, bool] = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "null": value is None,
        "object": _parts(value) is not None,
    }
    return checks.get(kind, True)


def _broken_rules(schema: Mapping[str, Any], value: Any) -> list[str]:
    plain = _plain(value)
    found = []
    if "enum" in schema and plain not in schema["enum"]:
        found.append(f"{plain!r} is none of {schema['enum']!r}")
    if "const" in schema and plain != schema["const"]:
        found.append(f"{plain!r} is not {schema['const']!r}")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{plain!r} does not match {schema['pattern']!r}")
    size = len(value) if isinstance(value, Sized) else None
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    text = isinstance(value, str)
    rules: tuple[tuple[str, Any, Any], ...] = (
        ("minimum", number, lambda seen, rule: seen >= rule),
        ("maximum", number, lambda seen, rule: seen <= rule),
        ("exclusiveMinimum", number, lambda seen, rule: seen > rule),
        ("exclusiveMaximum", number, lambda seen, rule: seen < rule),
        ("minLength", size if text else None, lambda seen, rule: seen >= rule),
        ("maxLength", size if text else None, lambda seen, rule: seen <= rule),
        ("minItems", None if text else size, lambda seen, rule: seen >= rule),
        ("maxItems", None if text else size, lambda seen, rule: seen <= rule),
    )
    for name, seen, holds in rules:
        if name in schema and seen is not None and not holds(seen, schema[name]):
            found.append(f"{plain!r} breaks {name} {schema[name]!r}")
    return found
