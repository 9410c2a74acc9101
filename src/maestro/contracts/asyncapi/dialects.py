"""Schemas of messages as JSON Schema 2020-12 that stand alone."""

import re
from collections.abc import Mapping
from typing import Any

from maestro.contracts.openapi.bundling import standalone
from maestro.contracts.openapi.dialects import SchemaReader
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import follow, join, lookup, tokens_of
from maestro.contracts.openapi.schemas import Schema, rebuild
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

_JSON_SCHEMA = re.compile(
    r"application/(vnd\.aai\.asyncapi|schema)(\+json|\+yaml)?(;\s*version=[\w.\-]+)?"
)
_OPENAPI = re.compile(r"application/vnd\.oai\.openapi(\+json|\+yaml)?(;\s*version=[\w.\-]+)?")
_DRAFT = re.compile(r"draft-?0?([3-7])\b")


class UnverifiableSchema(Exception):
    """A schema in a language that is not JSON Schema; says which."""


def message_schema(
    root: JsonObject, schema: Any, declared: str, *, where: str, notebook: Notebook | None = None
) -> Schema:
    """The schema with everything it refers to in `$defs`.

    Args:
        root: the document it stands in.
        schema: as it is written, or a reference.
        declared: the `schemaFormat` beside it, empty where there is none.
        where: its pointer.
        notebook: where repairs are written down.

    Raises:
        UnverifiableSchema: the format is not a JSON Schema.
        InvalidInput: a reference is remote, dangling or a bare circle, or it is no schema.
    """
    form, inner, where = _unwrapped(schema, declared, where)
    bundle = _Bundle(root, where, SchemaReader(notebook or Notebook(), _dialect(form)))
    made = bundle.take(inner, where)
    if not isinstance(made, Mapping):
        return made
    while bundle.waiting:
        reference = bundle.waiting.pop()
        bundle.definitions[bundle.names[reference]] = bundle.target(reference)
    whole = {"schema": made, "$defs": bundle.definitions}
    # the rest (widths of integers, foreign patterns, only reachable definitions) is the same
    # for every kind of document
    document = OpenApiDocument(version="3.1", source=whole, root=whole)
    return standalone(document, made, where=where)


def _unwrapped(schema: Any, declared: str, where: str) -> tuple[str, Any, str]:
    """Format, schema and its pointer; since version 3 both may stand in one object."""
    if isinstance(schema, Mapping) and "schemaFormat" in schema and "schema" in schema:
        return str(schema["schemaFormat"]), schema["schema"], join(where, "schema")
    return declared, schema, where


def _dialect(form: str) -> str:
    """What the schema reader calls the rules of a `schemaFormat`."""
    plain = form.strip().lower()
    if not plain:
        return "draft-07"
    if _OPENAPI.fullmatch(plain):
        return "2020-12" if "3.1" in plain else "3.0"
    if not _JSON_SCHEMA.fullmatch(plain):
        raise UnverifiableSchema(f"schemaFormat {form!r} is not a JSON Schema")
    draft = _DRAFT.search(plain)
    if draft:
        return f"draft-0{max(int(draft[1]), 4)}"
    return next((year for year in ("2019-09", "2020-12") if year[:4] in plain), "draft-07")


class _Bundle:
    def __init__(self, root: JsonObject, where: str, reader: SchemaReader) -> None:
        self.definitions: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.waiting: list[str] = []
        self._root = root
        self._where = where
        self._reader = reader

    def take(self, schema: Any, pointer: str) -> Schema:
        if not isinstance(schema, Mapping | bool):
            raise InvalidInput(f"{pointer}: a schema is an object or a boolean, got {schema!r}")
        return self._collected(self._reader.read(schema, pointer))

    def _collected(self, schema: Schema) -> Schema:
        """References lead into `$defs`; what nothing can refer to any more is left out."""
        if not isinstance(schema, Mapping):
            return schema
        kept = {k: v for k, v in schema.items() if k not in ("definitions", "$defs", "$schema")}
        made: dict[str, Any] = rebuild(kept, self._collected)
        reference = made.get("$ref")
        if isinstance(reference, str):
            made["$ref"] = f"#/$defs/{self._name(reference)}"
        return made

    def target(self, reference: str) -> Schema:
        follow(self._root, {"$ref": reference}, where=self._where)
        found = lookup(self._root, reference, where=self._where)
        form, inner, pointer = _unwrapped(found, "", join("", *tokens_of(reference)))
        _dialect(form)
        return self.take(inner, pointer)

    def _name(self, reference: str) -> str:
        if reference not in self.names:
            lookup(self._root, reference, where=self._where)
            self.names[reference] = f"r{len(self.names)}"
            self.waiting.append(reference)
        return self.names[reference]
