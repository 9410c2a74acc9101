"""What the rules of the lint look at: one walk over a document, shared by all of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from maestro.contracts.openapi.bundling import dangling
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.grammar import Place, walk
from maestro.contracts.openapi.notes import Note
from maestro.contracts.openapi.operations import Operation, operations, raw_operations, webhooks
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.contract import Severity

Problem = tuple[str, str]
"""JSON pointer and what is wrong there."""


class Review:
    """One document under review."""

    def __init__(self, document: OpenApiDocument) -> None:
        self.document = document

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Everything whose kind is known, schemas within schemas included."""
        return tuple(walk(self.document.root))

    @cached_property
    def roots(self) -> tuple[tuple[str, Schema], ...]:
        """Pointer and schema of those that stand in no other schema."""
        found = walk(self.document.root, deep=False)
        return tuple((pointer, value) for pointer, kind, value in found if kind == "schema")

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Those that can be read."""
        return operations(self.document)

    @cached_property
    def raw(self) -> tuple[tuple[str, str, Mapping[str, Any]], ...]:
        """Pointer, path and operation object of all operations."""
        return tuple(
            (join("/paths", path, method), path, raw)
            for path, method, _, raw in raw_operations(self.document)
        )

    def of_kind(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Pointer and value of the objects of a kind that are no references."""
        for pointer, found, value in self.places:
            if found == kind and isinstance(value, Mapping) and "$ref" not in value:
                yield pointer, value

    def schemas(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """All schema objects, those that are references included."""
        for pointer, kind, value in self.places:
            if kind == "schema" and isinstance(value, Mapping):
                yield pointer, value

    @cached_property
    def carried(self) -> tuple[tuple[str, Schema, tuple[Any, ...]], ...]:
        """Pointer, schema and examples of parameters, bodies and responses."""
        return tuple(_carried(self.operations))


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    name: str
    severity: Severity
    check: Callable[[Review], Iterator[Problem]]


def mapping(value: Any) -> Mapping[str, Any]:
    """Nothing where there is no object; that is reported by the meta-schema."""
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _carried(found: tuple[Operation, ...]) -> Iterator[tuple[str, Schema, tuple[Any, ...]]]:
    for operation in found:
        for parameter in operation.parameters:
            yield parameter.pointer, parameter.schema, parameter.examples
        if operation.body:
            for kind, media in operation.body.content.items():
                place = join(operation.pointer, "requestBody", "content", kind, "schema")
                yield place, media.schema, media.examples
        for status, response in operation.responses.items():
            for kind, media in response.content.items():
                place = join(operation.pointer, "responses", status, "content", kind, "schema")
                yield place, media.schema, media.examples


def notes_of(document: OpenApiDocument) -> tuple[Note, ...]:
    """Everything that was put right, and every operation that cannot be used (rule `spoiled`).

    Reads the whole document, which `document.notes` does not wait for.
    """
    for _ in walk(document.root, deep=False):
        pass
    for operation in (*operations(document), *webhooks(document)):
        for pointer, schema, _ in _carried((operation,)):
            for place, message in dangling(document, schema, pointer):
                document.notebook.add(operation.pointer, "spoiled", f"{place}: {message}")
    return document.notes
