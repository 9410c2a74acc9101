"""Schemas that are found by what they are called: `$id`, `$anchor` and `$dynamicAnchor`."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin

from maestro.contracts.openapi.grammar import walk
from maestro.contracts.openapi.pointers import is_pointer, tokens_of
from maestro.contracts.openapi.schemas import Schema, subschemas
from maestro.domain.values import JsonObject

DOCUMENT = "https://document.invalid/"
"""What relative identifiers are relative to: nothing can be read from there."""


def identified(schema: Schema, base: str) -> str:
    """The base of everything inside `schema`, which stands in the resource `base`."""
    name = schema.get("$id") if isinstance(schema, Mapping) else None
    if not isinstance(name, str) or name.startswith("#"):
        return base
    try:
        return urldefrag(urljoin(base, name))[0]
    except ValueError:
        return base


class Placed(NamedTuple):
    """A schema and the base outside of it: its own `$id` is still to be joined to that."""

    schema: Schema
    base: str


class Identifiers:
    """The named schemas of one document; found by a walk over all of it, when first asked."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root
        self._found = False
        self._resources: dict[str, Placed] = {}
        self._anchors: dict[tuple[str, str], Placed] = {}
        self._dynamic: dict[str, dict[str, Placed]] = {}

    def resource(self, uri: str) -> Placed | None:
        """The schema whose `$id` it is; the document itself for its own."""
        if uri == DOCUMENT:
            return Placed(self._root, DOCUMENT)
        return self._index()._resources.get(uri)

    def anchor(self, uri: str, name: str) -> Placed | None:
        return self._index()._anchors.get((uri, name))

    def dynamic(self, uri: str) -> Mapping[str, Placed]:
        """The dynamic anchors of a resource."""
        return self._index()._dynamic.get(uri, {})

    def _index(self) -> "Identifiers":
        if not self._found:
            self._found = True
            for _, kind, value in walk(self._root, deep=False):
                if kind == "schema":
                    self._take(value)
        return self

    def _take(self, schema: Schema) -> None:
        waiting = [Placed(schema, DOCUMENT)]
        while waiting:
            placed = waiting.pop()
            current = placed.schema
            if not isinstance(current, Mapping):
                continue
            own = identified(current, placed.base)
            if own != placed.base:
                self._resources.setdefault(own, placed)
            for key in ("$anchor", "$dynamicAnchor"):
                name = current.get(key)
                if isinstance(name, str):
                    self._anchors.setdefault((own, name), placed)
                    if key == "$dynamicAnchor":
                        self._dynamic.setdefault(own, {}).setdefault(name, placed)
            waiting += [Placed(entry, own) for _, entry in subschemas(current)]


def steps(start: Placed, reference: str) -> Iterator[Placed]:
    """Values on the way of a pointer, each with the base outside it; ends where it leads off."""
    value, base = start
    tokens = tokens_of(reference) if is_pointer(reference) else []
    for name, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if isinstance(value, Mapping):
            base = identified(value, base)
            if name == "items" and following.isdigit() and "prefixItems" in value:
                name = "prefixItems"  # what it was called before 2020-12
            value = value.get(name, value.get(name.replace("+", " "), _NOTHING))
        elif isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 10:
            value = value[int(name)] if int(name) < len(value) else _NOTHING
        else:
            value = _NOTHING
        if value is _NOTHING:
            return
        yield Placed(value, base)


_NOTHING = object()
