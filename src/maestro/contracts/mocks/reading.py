"""Parameters as they are written in requests, as the values they stand for."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import OperationParameter
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import kinds_of, object_shape, plain
from maestro.domain.values import JsonValue

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,40})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}

MISSING = object()
"""The request does not have the parameter."""


class ParameterReader:
    """Reads one parameter; what its schema means is looked up once."""

    def __init__(self, document: OpenApiDocument, parameter: OperationParameter) -> None:
        self._parameter = parameter
        self._document = document
        schema = plain(document, parameter.schema)
        self._kinds = _all_kinds(document, schema)
        items = schema.get("items", True) if isinstance(schema, Mapping) else True
        self._item_kinds = _all_kinds(document, plain(document, items))
        self._is_scalar = parameter.style in ("simple", "form") and not (
            self._kinds & {"array", "object"}
        )
        shape = object_shape(document, schema) if "object" in self._kinds else None
        self._properties = {
            name: _all_kinds(document, plain(document, entry))
            for name, entry in (shape.properties.items() if shape else ())
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it may stand in a query."""
        parameter = self._parameter
        if parameter.style == "deepObject":
            return tuple(f"{parameter.name}[{name}]" for name in self._properties)
        if self._spread:
            return (parameter.name, *self._properties)
        return (parameter.name, f"{parameter.name}[]")

    @property
    def _spread(self) -> bool:
        """An object written as one pair per property."""
        return "object" in self._kinds and self._parameter.explode

    def from_pairs(self, pairs: Mapping[str, Sequence[str]]) -> JsonValue:
        """From a decoded query or cookie."""
        parameter = self._parameter
        if parameter.style == "deepObject" or (self._spread and parameter.style == "form"):
            return self._object_of(
                {n: pairs[key][-1] for n in self._properties if (key := self._key(n)) in pairs}
            )
        texts = pairs.get(parameter.name) or pairs.get(f"{parameter.name}[]")
        if not texts:
            return MISSING
        if "array" in self._kinds:
            if parameter.explode or len(texts) > 1:
                return [scalar(text, self._item_kinds) for text in texts]
            return self._array(texts[0], _DELIMITERS.get(parameter.style, ","))
        return self.from_text(texts[-1])

    def from_text(self, text: str) -> JsonValue:
        """From a path segment, a header or a single value."""
        if self._is_scalar:
            return scalar(text, self._kinds)
        parameter = self._parameter
        if parameter.style == "label":
            text = text.removeprefix(".")
        elif parameter.style == "matrix":
            text = text.removeprefix(f";{parameter.name}=")
        delimiter = self._delimiter(text)
        if "array" in self._kinds:
            if delimiter == ";":  # every entry has the name
                text = text.replace(f";{parameter.name}=", ";")
            return self._array(text, delimiter)
        if "object" in self._kinds:
            return self._object_text(text.removeprefix(";"), delimiter)
        return scalar(text, self._kinds)

    def _delimiter(self, text: str) -> str:
        """What stands between the parts of a text; both signs of labels are in use."""
        parameter = self._parameter
        if parameter.style == "label":
            return "." if parameter.explode or "," not in text else ","
        return ";" if parameter.style == "matrix" and parameter.explode else ","

    def _key(self, name: str) -> str:
        deep = self._parameter.style == "deepObject"
        return f"{self._parameter.name}[{name}]" if deep else name

    def _array(self, text: str, delimiter: str) -> list[JsonValue]:
        return [scalar(part, self._item_kinds) for part in text.split(delimiter)] if text else []

    def _object_text(self, text: str, delimiter: str) -> JsonValue:
        parts = text.split(delimiter)
        if self._parameter.explode:
            return self._object_of(dict(p.split("=", 1) for p in parts if "=" in p))
        return self._object_of(dict(zip(parts[::2], parts[1::2], strict=False)))

    def _object_of(self, texts: Mapping[str, str]) -> JsonValue:
        if not texts:
            return MISSING
        empty: frozenset[str] = frozenset()
        return {name: scalar(t, self._properties.get(name, empty)) for name, t in texts.items()}


def _all_kinds(document: OpenApiDocument, schema: Schema, nesting: int = 0) -> frozenset[str]:
    """Types the schema allows, through references and alternatives."""
    if not isinstance(schema, Mapping) or nesting > 5:
        return frozenset()
    found = kinds_of(schema)
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        for option in options if isinstance(options, list) else ():
            found |= _all_kinds(document, plain(document, option), nesting + 1)
    return found


def scalar(text: str, kinds: frozenset[str]) -> JsonValue:
    """The value of a text; what does not read as an allowed type stays a text."""
    if "integer" in kinds or "number" in kinds:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text


def query_pairs(query: str) -> dict[str, list[str]]:
    """Decoded names and values. Raises UnicodeDecodeError, or ValueError for too many pairs."""
    if not query:
        return {}
    pairs: dict[str, list[str]] = {}
    for name, value in parse_qsl(
        query, keep_blank_values=True, errors="strict", max_num_fields=1000
    ):
        pairs.setdefault(name, []).append(value)
    return pairs


def cookie_pairs(header: str) -> dict[str, list[str]]:
    """Names and values of a Cookie header."""
    pairs: dict[str, list[str]] = {}
    for part in header.split(";"):
        name, separator, value = part.strip().partition("=")
        if separator:
            pairs.setdefault(name, []).append(value.strip('"'))
    return pairs


def form_value(
    texts: Mapping[str, Sequence[Any]], kinds: Mapping[str, frozenset[str]]
) -> JsonValue:
    """An object out of form fields."""
    made: dict[str, JsonValue] = {}
    for name, values in texts.items():
        known = kinds.get(name, frozenset())
        read = [scalar(v, known) if isinstance(v, str) else v for v in values]
        made[name] = read if "array" in known else read[-1]
    return made


def field_kinds(document: OpenApiDocument, schema: Schema) -> dict[str, frozenset[str]]:
    """Types of a form's fields; of a list's entries where a field is a list."""
    shape = object_shape(document, schema)
    made: dict[str, frozenset[str]] = {}
    for name, entry in (shape.properties if shape else {}).items():
        value = plain(document, entry)
        found = _all_kinds(document, value)
        if "array" in found and isinstance(value, Mapping):
            found |= _all_kinds(document, plain(document, value.get("items", True)))
        made[name] = found
    return made
