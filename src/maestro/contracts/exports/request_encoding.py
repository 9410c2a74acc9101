"""Values as parameters are written on the wire."""

import json
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote

from maestro.contracts.openapi.operations import OperationParameter
from maestro.domain.values import JsonValue

_SIGNS = {"label": (".", "."), "matrix": (";", ";")}
"""What a path parameter starts with, and what stands between its parts when they are exploded."""

_DELIMITERS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}


def path_text(parameter: OperationParameter, value: JsonValue) -> str:
    """Percent-encoded, for the place of `{name}` in a path."""
    if parameter.is_json:
        return quote(_json(value), safe="")
    name = quote(parameter.name, safe="")
    first, between = _SIGNS.get(parameter.style, ("", ","))
    if not parameter.explode:
        joined = _joined(value, ",")
        return f"{first}{name}={joined}" if parameter.style == "matrix" else f"{first}{joined}"
    if isinstance(value, Mapping):
        pairs = (f"{quote(key, safe='')}={_quoted(one)}" for key, one in value.items())
        return first + between.join(pairs)
    entries = value if isinstance(value, list) else [value]
    start = f"{name}=" if parameter.style == "matrix" else ""
    return first + between.join(f"{start}{_quoted(one)}" for one in entries)


def query_text(parameter: OperationParameter, value: JsonValue) -> str:
    """One parameter of a query: `a=1` or `a=1&a=2`."""
    return "&".join(f"{name}={text}" for name, text in _pairs(parameter, value))


def header_text(parameter: OperationParameter, value: JsonValue) -> str:
    """Not encoded."""
    if parameter.is_json:
        return _json(value)
    if isinstance(value, Mapping):
        sign = "=" if parameter.explode else ","
        return ",".join(f"{name}{sign}{_plain(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return ",".join(map(_plain, value))
    return _plain(value)


def form_text(value: Mapping[str, JsonValue]) -> str:
    """A form as `application/x-www-form-urlencoded`."""
    pairs: list[str] = []
    for name, entry in value.items():
        entries = entry if isinstance(entry, list) else [entry]
        pairs += [f"{quote(name, safe='')}={quote(_plain(one), safe='')}" for one in entries]
    return "&".join(pairs)


def multipart_text(value: Mapping[str, JsonValue], boundary: str) -> str:
    """A form as `multipart/form-data`; every part is a field with a text."""
    lines: list[str] = []
    for name, entry in value.items():
        for one in entry if isinstance(entry, list) else [entry]:
            told = name.replace("\\", "\\\\").replace('"', "%22")
            told = told.replace("\r", "%0D").replace("\n", "%0A")
            lines += [f"--{boundary}", f'Content-Disposition: form-data; name="{told}"']
            lines += ["", _plain(one)]
    return "\r\n".join([*lines, f"--{boundary}--", ""])


def _pairs(parameter: OperationParameter, value: JsonValue) -> Iterator[tuple[str, str]]:
    name = quote(parameter.name, safe="[]")
    if parameter.is_json:
        yield name, quote(_json(value), safe="")
    elif isinstance(value, Mapping) and parameter.style == "deepObject":
        for key, entry in value.items():
            yield f"{name}[{quote(key, safe='')}]", quote(_plain(entry), safe="")
    elif isinstance(value, Mapping) and parameter.explode:
        for key, entry in value.items():
            yield quote(key, safe=""), quote(_plain(entry), safe="")
    elif isinstance(value, list) and parameter.explode:
        for entry in value:
            yield name, quote(_plain(entry), safe="")
    else:
        yield name, _joined(value, _DELIMITERS.get(parameter.style, ","))


def _joined(value: JsonValue, delimiter: str) -> str:
    if isinstance(value, Mapping):
        flat: Sequence[JsonValue] = [part for pair in value.items() for part in pair]
    else:
        flat = value if isinstance(value, list) else [value]
    return delimiter.join(quote(_plain(part), safe="") for part in flat)


def _quoted(value: JsonValue) -> str:
    return quote(_plain(value), safe="")


def _plain(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else _json(value)


def _json(value: JsonValue) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
