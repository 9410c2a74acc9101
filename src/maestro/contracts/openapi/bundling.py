"""A schema of a document as a schema that stands alone, ready to be compiled."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.pointers import follow, lookup
from maestro.contracts.openapi.schemas import Schema, rebuild
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def standalone(document: OpenApiDocument, schema: Schema, *, where: str = "schema") -> Schema:
    """`schema` with everything it refers to in `$defs`; circles stay references.

    Raises:
        InvalidInput: a reference is remote, dangling or a bare circle.
    """
    bundle = _Bundle(document.root, where)
    made = bundle.take(schema)
    if not isinstance(made, Mapping):
        return made
    result = {key: value for key, value in made.items() if key != "$schema"}
    while bundle.waiting:
        reference = bundle.waiting.pop()
        bundle.definitions[bundle.names[reference]] = bundle.target(reference)
    if bundle.definitions:
        own = result.get("$defs")
        result["$defs"] = {**(own if isinstance(own, Mapping) else {}), **bundle.definitions}
    return {"$schema": DIALECT, **result}


def compiled(schema: Schema, *, where: str = "schema", formats: bool = True) -> Any:
    """A validator for a schema that stands alone.

    Raises:
        InvalidInput: the schema itself is broken.
    """
    try:
        return jsonschema_rs.Draft202012Validator(
            schema, validate_formats=formats, offline=True, pattern_options=_PATTERNS
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        first = str(error).partition("\n")[0]
        raise InvalidInput(f"{where}: is not a usable JSON Schema: {first}") from None


_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


def without_marked(schema: Schema, marker: str) -> Schema:
    """The schema with nothing required that carries `marker` (`readOnly` in requests, `writeOnly`
    in replies): the other side does not send it.
    """
    if not isinstance(schema, Mapping):
        return schema
    made = rebuild(schema, lambda entry: without_marked(entry, marker))
    properties, required = made.get("properties"), made.get("required")
    if isinstance(properties, Mapping) and isinstance(required, list):
        marked = {
            name
            for name, entry in properties.items()
            if isinstance(entry, Mapping) and entry.get(marker) is True
        }
        made["required"] = [name for name in required if name not in marked]
    return made


_WIDTHS = {"int32": 2**31, "int64": 2**63}


def _bound(schema: dict[str, Any]) -> None:
    """Whole numbers of a fixed width have limits, which JSON Schema itself does not check."""
    width = _WIDTHS.get(str(schema.get("format")))
    kind = schema.get("type")
    if width and (kind == "integer" or (isinstance(kind, list) and "integer" in kind)):
        schema.setdefault("minimum", -width)
        schema.setdefault("maximum", width - 1)


def _drop_foreign_patterns(schema: dict[str, Any]) -> None:
    """Patterns our engine cannot read are not checked; the lint warns of each."""
    if "pattern" in schema and not usable_pattern(schema["pattern"]):
        del schema["pattern"]
    named = schema.get("patternProperties")
    if isinstance(named, Mapping):
        schema["patternProperties"] = {k: v for k, v in named.items() if usable_pattern(k)}


@cache
def usable_pattern(pattern: str) -> bool:
    """Whether the regular expression can be compiled here."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=_PATTERNS)
    except ValueError:
        return False
    return True


class _Bundle:
    def __init__(self, root: JsonObject, where: str) -> None:
        self.definitions: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.waiting: list[str] = []
        self._root = root
        self._where = where

    def take(self, schema: Schema) -> Schema:
        """The schema with its references leading into `$defs`."""
        if not isinstance(schema, Mapping):
            return schema
        made = rebuild(schema, self.take)
        _bound(made)
        _drop_foreign_patterns(made)
        for noise in ("$id", "$anchor", "$dynamicAnchor", "discriminator", "xml", "externalDocs"):
            made.pop(noise, None)
        reference = made.get("$ref")
        if isinstance(reference, str):
            made["$ref"] = f"#/$defs/{self._name(reference)}"
        return made

    def target(self, reference: str) -> Schema:
        follow(self._root, {"$ref": reference}, where=self._where)
        found = lookup(self._root, reference, where=self._where)
        if not isinstance(found, Mapping | bool):
            raise InvalidInput(f"{self._where}: $ref {reference!r} leads to {found!r}, no schema")
        return self.take(found)

    def _name(self, reference: str) -> str:
        if reference not in self.names:
            lookup(self._root, reference, where=self._where)
            self.names[reference] = f"r{len(self.names)}"
            self.waiting.append(reference)
        return self.names[reference]
