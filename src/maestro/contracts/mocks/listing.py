"""Lists as they are asked for: narrowed, searched, ordered, cut into pages, wrapped."""

from collections.abc import Mapping, Sequence
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import ListEnvelope, Resource
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import (
    ObjectShape,
    kinds_of,
    object_shape,
    plain,
    success_schema,
)
from maestro.contracts.samples import sample
from maestro.domain.values import JsonValue

_LIMITS = ("limit", "page_size", "per_page", "size", "max_results")
_OFFSETS = ("offset", "skip", "start")
_PAGES = ("page", "page_number")
_SEARCHES = ("q", "query", "search")
_SORTS = ("sort", "sort_by", "order_by", "ordering")

Entries = list[dict[str, JsonValue]]


class ListingReader:
    """Answers the lists of one resource."""

    def __init__(self, document: OpenApiDocument, resource: Resource, shape: ObjectShape) -> None:
        self._document = document
        self._resource = resource
        self._by_snake = {snake(name): name for name in shape.properties}
        self._searched = tuple(
            name
            for name, schema in shape.properties.items()
            if is_searched(plain(document, schema))
        )

    def read(
        self, operation: Operation, entries: Entries, query: Mapping[str, JsonValue]
    ) -> JsonValue:
        """The reply's value for the entries that match."""
        asked = {snake(name): value for name, value in _with_defaults(operation, query).items()}
        found = [entry for entry in entries if self._matches(entry, asked)]
        found = self._ordered(found, asked)
        limit = _first_number(asked, _LIMITS)
        offset = _first_number(asked, _OFFSETS) or 0
        page = _first_number(asked, _PAGES)
        if page is not None and limit is not None:
            offset = max(page - 1, 0) * limit
        shown = found[offset:] if limit is None else found[offset : offset + limit]
        return self._wrapped(operation, shown, len(found), asked)

    def _matches(self, entry: Mapping[str, JsonValue], asked: Mapping[str, JsonValue]) -> bool:
        for name, value in asked.items():
            if name in _SEARCHES and name not in self._by_snake:
                if not self._contains(entry, str(value)):
                    return False
            elif self._is_filter(name) and not _same(entry.get(self._by_snake[name]), value):
                return False
        return True

    def _is_filter(self, name: str) -> bool:
        return name in self._by_snake and name not in (*_SORTS, "limit", "offset")

    def _contains(self, entry: Mapping[str, JsonValue], text: str) -> bool:
        wanted = text.casefold()
        return any(wanted in str(entry.get(name) or "").casefold() for name in self._searched)

    def _ordered(self, entries: Entries, asked: Mapping[str, JsonValue]) -> Entries:
        """Missing values come first, as in SQLite; ties stay in the order of creation."""
        order = next((asked[name] for name in _SORTS if isinstance(asked.get(name), str)), "")
        name = self._by_snake.get(snake(order.lstrip("-+"))) if order else None
        if name is None:
            return entries
        filled = [e for e in entries if e.get(name) is not None]
        empty = [e for e in entries if e.get(name) is None]
        kinds = {type(e[name]) for e in filled} - {int, float}
        text = bool(kinds - {bool})
        filled.sort(key=lambda e: str(e[name]) if text else e[name])
        ordered = empty + filled
        return ordered[::-1] if order.startswith("-") else ordered

    def _wrapped(
        self, operation: Operation, shown: Entries, total: int, asked: Mapping[str, JsonValue]
    ) -> JsonValue:
        envelope = self._resource.envelope or ListEnvelope(items=None)
        shape = object_shape(self._document, success_schema(operation))
        if envelope.items is None or shape is None or envelope.items not in shape.properties:
            return shown
        made: dict[str, JsonValue] = {}
        for name, schema in shape.properties.items():
            if name == envelope.items:
                made[name] = shown
            elif name == envelope.total:
                made[name] = total
            elif snake(name) in asked:
                made[name] = asked[snake(name)]
            elif name in shape.required:
                made[name] = sample(self._document, schema, name=name)
        return made


def _with_defaults(operation: Operation, query: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Parameters that were not sent have the default of their schema."""
    made = {
        parameter.name: parameter.schema["default"]
        for parameter in operation.in_location("query")
        if isinstance(parameter.schema, Mapping) and "default" in parameter.schema
    }
    return {**made, **query}


def _same(stored: JsonValue, asked: JsonValue) -> bool:
    """Equal, or one of several, or the name of one of several."""
    if isinstance(asked, list):
        return any(_same(stored, one) for one in asked)
    if isinstance(stored, list):
        return any(_same(one, asked) for one in stored)
    if isinstance(stored, Mapping):
        return asked in (stored.get("name"), stored.get("id"))
    return bool(stored == asked and isinstance(stored, bool) == isinstance(asked, bool))


def _first_number(asked: Mapping[str, Any], names: Sequence[str]) -> int | None:
    for name in names:
        value = asked.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def is_searched(schema: Schema) -> bool:
    """Whether a property holds words, in which a search looks."""
    return (
        isinstance(schema, Mapping)
        and kinds_of(schema) == {"string"}
        and "enum" not in schema
        and schema.get("format") not in ("date", "date-time", "time", "uuid", "byte", "binary")
    )
