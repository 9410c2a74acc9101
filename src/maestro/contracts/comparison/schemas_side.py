"""Schemas taken apart: references followed, `allOf` folded in, every keyword with its place."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urldefrag, urljoin

from maestro.contracts.comparison.schemas_folding import (
    are_apart,
    close_unevaluated,
    fold,
    fold_constants,
    settle_bounds,
)
from maestro.contracts.comparison.schemas_keywords import KeywordReader
from maestro.contracts.comparison.schemas_nodes import LocatedSchema, Node, Parts, listed
from maestro.contracts.openapi import pointers
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.identifiers import DOCUMENT
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

_MAX_FOLDING = 6


class SchemaSide:
    """One of the two documents under comparison."""

    def __init__(self, root: JsonObject) -> None:
        self.root = root
        self.document = OpenApiDocument(version="3.1", source=root, root=root)
        self._targets: dict[str, Any] = {}
        self._folding = 0

    def target(self, reference: str, where: str) -> LocatedSchema:
        """What a reference leads to; one that leads nowhere is compared by its text."""
        if reference not in self._targets:
            try:
                found = self._found(reference, where)
            except InvalidInput:
                found = {"$dynamicRef": reference}
            self._targets[reference] = found
        found = self._targets[reference]
        return LocatedSchema(found, reference[1:] if reference.startswith("#/") else reference)

    def _found(self, reference: str, where: str) -> Any:
        found: Any = None
        if reference in ("#", "") or reference.startswith("#/"):
            found = pointers.lookup(self.root, reference or "#", where=where)
        else:
            name, fragment = urldefrag(urljoin(DOCUMENT, reference))
            anchored = self.document.identifiers.anchor(name, fragment)
            resource = self.document.identifiers.resource(name)
            if anchored is not None:
                found = anchored.schema
            elif resource is not None and isinstance(resource.schema, Mapping):
                found = pointers.lookup(resource.schema, f"#{fragment}", where=where)
        if not isinstance(found, Mapping | bool):
            raise InvalidInput(f"{where}: $ref {reference!r} leads to {found!r}, no schema")
        return found

    def shortened(self, parts: Parts) -> Parts:
        """A bare reference is replaced by its target, so that it is compared once."""
        seen: set[str] = set()
        while len(parts) == 1 and isinstance(parts[0].schema, Mapping):
            schema = parts[0].schema
            reference = schema.get("$ref")
            if not isinstance(reference, str) or len(schema) > 1 or reference in seen:
                break
            seen.add(reference)
            parts = (self.target(reference, parts[0].pointer),)
        return parts

    def node(self, parts: Parts) -> Node:
        node = Node(parts=parts, pointer=parts[0].pointer if parts else "")
        for placed in self._flat(parts):
            if placed.schema is False:
                node.never = True
            elif isinstance(placed.schema, Mapping):
                KeywordReader(node, placed.schema, placed.pointer).read()
        self._fold_unions(node)
        close_unevaluated(node)
        if node.bounds or "multipleOf" in node.sets:
            settle_bounds(node)
        node.never = node.never or not node.types
        return node

    def _fold_unions(self, node: Node) -> None:
        """Choices between types, or between constants, are as good as one schema without them."""
        kept = []
        for key, branches in node.unions:
            if self._folding > _MAX_FOLDING or not self._folded(node, key, branches):
                kept.append((key, branches))
        node.unions = kept

    def _folded(self, node: Node, key: str, branches: Parts) -> bool:
        self._folding += 1
        try:
            found = [self.node((branch,)) for branch in branches]
        finally:
            self._folding -= 1
        if all(entry.enum is not None and not entry.unions for entry in found):
            return fold_constants(node, key, found)
        return are_apart(found) and fold(node, found)

    def without_union(self, parts: Parts, key: str, branches: Parts) -> Parts:
        """The same schema with everything folded flat and that one choice left out."""
        made = []
        for placed in self._flat(parts):
            schema = placed.schema
            if isinstance(schema, Mapping):
                gone = {"allOf", "$ref"}
                for name in ("anyOf", "oneOf"):
                    members = listed(schema, name, placed.pointer)
                    if len(members) == 1 or (name == key and members == branches):
                        gone.add(name)
                schema = {name: value for name, value in schema.items() if name not in gone}
            made.append(LocatedSchema(schema, placed.pointer))
        return tuple(made)

    def _flat(self, parts: Parts) -> Iterator[LocatedSchema]:
        waiting, seen = list(reversed(parts)), set[str]()
        while waiting:
            placed = waiting.pop()
            yield placed
            schema = placed.schema
            if not isinstance(schema, Mapping):
                continue
            reference = schema.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                waiting.append(self.target(reference, placed.pointer))
            for key in ("oneOf", "anyOf", "allOf"):
                members = listed(schema, key, placed.pointer)
                if key == "allOf" or len(members) == 1:
                    waiting.extend(reversed(members))
