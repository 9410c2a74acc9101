"""Domain values to JSON and back, for the journal, the contracts folder and the reports.

Covers exactly what domain types are made of: frozen dataclasses, tuples, mappings with text
keys, enumerations, dates and datetimes, scalars and optional values.
"""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, cast

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

T = TypeVar("T")
_PLAIN = frozenset({str, int, float, bool, type(None)})
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def encode(value: object) -> JsonValue:
    """The JSON form of a domain value. Raises TypeError for anything that is not one."""
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, date):  # and a datetime, which is one
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a domain value: {value!r}")


def concise(value: object) -> JsonValue:
    """Like `encode`, without the fields that are at their default; `decode` reads it all the same.

    So a later version of a type with more fields gives the same for the same value.
    """
    if type(value) in _PLAIN:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            name: concise(field)
            for name, default in _defaults(type(value)).items()
            if (field := getattr(value, name)) is not default and field != default
        }
    if isinstance(value, Mapping):
        return {str(key): concise(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [concise(item) for item in value]
    return encode(value)


def canonical(value: JsonValue) -> str:
    """The one text of a JSON value, for digests. Raises ValueError for a number JSON lacks."""
    return _CANONICAL.encode(value)


def decode(kind: type[T], data: JsonValue, *, where: str = "$") -> T:
    """The domain value of type `kind` that `data` stands for.

    Raises:
        InvalidInput: a field is missing, unknown or of another type; the message names the place.
    """
    return cast(T, _decode(kind, data, where))


def _decode(kind: Any, data: JsonValue, where: str) -> Any:
    if kind is Any or kind is object:
        return data
    if typing.get_origin(kind) is not None:
        return _decode_generic(kind, data, where)
    while hasattr(kind, "__supertype__"):  # a NewType stands for what it wraps
        kind = kind.__supertype__
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(cast(type, kind), data, where)
    if issubclass(kind, enum.Enum):
        return _decode_enum(kind, data, where)
    return _decode_scalar(kind, data, where)


def _decode_generic(kind: Any, data: JsonValue, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(kind, data, where)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        entries = _expect(list, data, where)
        return tuple(_decode(item, entry, f"{where}[{i}]") for i, entry in enumerate(entries))
    item = typing.get_args(kind)[1]
    pairs = _expect(dict, data, where)
    return {str(key): _decode(item, value, f"{where}.{key}") for key, value in pairs.items()}


def _decode_scalar(kind: type, data: JsonValue, where: str) -> Any:
    if kind is datetime or kind is date:
        return kind.fromisoformat(_expect(str, data, where))
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if kind is int and isinstance(data, bool):
        raise InvalidInput(f"{where}: expected int, got {data!r}")
    return _expect(kind, data, where)


def _decode_union(kind: Any, data: JsonValue, where: str) -> Any:
    options = typing.get_args(kind)
    if data is None and type(None) in options:
        return None
    problem: InvalidInput | None = None
    for option in options:
        if option is type(None):
            continue
        try:
            return _decode(option, data, where)
        except InvalidInput as error:
            problem = error
    raise problem or InvalidInput(f"{where}: expected a value, got {data!r}")


def _decode_dataclass(kind: type, data: JsonValue, where: str) -> Any:
    entries = _expect(dict, data, where)
    hints = _hints(kind)
    unknown = sorted(set(entries) - set(_names(kind)))
    if unknown:
        known = ", ".join(_names(kind))
        raise InvalidInput(f"{where}: unknown field {unknown[0]!r}; known: {known}")
    arguments = {}
    for field in dataclasses.fields(kind):
        if not field.init:
            continue
        if field.name in entries:
            place = f"{where}.{field.name}"
            arguments[field.name] = _decode(hints[field.name], entries[field.name], place)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InvalidInput(f"{where}: {kind.__name__} needs the field {field.name!r}")
    return kind(**arguments)


def _decode_enum(kind: type[enum.Enum], data: JsonValue, where: str) -> enum.Enum:
    try:
        return kind(data)
    except ValueError:
        known = ", ".join(str(member.value) for member in kind)
        raise InvalidInput(f"{where}: {data!r} is not one of {known}") from None


def _expect(kind: type, data: JsonValue, where: str) -> Any:
    if not isinstance(data, kind):
        raise InvalidInput(f"{where}: expected {kind.__name__}, got {data!r}")
    return data


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields that make a value of this dataclass; what it derives from them is left out."""
    return tuple(field.name for field in dataclasses.fields(kind) if field.init)


@cache
def _defaults(kind: type) -> Mapping[str, object]:
    """Of the fields that make a value; MISSING where there is none."""
    return {
        field.name: field.default
        if field.default_factory is dataclasses.MISSING
        else field.default_factory()
        for field in dataclasses.fields(kind)
        if field.init
    }


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
