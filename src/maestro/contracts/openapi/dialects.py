"""Schemas of every dialect, clean or dirty, as JSON Schema 2020-12."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schema_repairs import is_clean, repaired
from maestro.contracts.openapi.schemas import NAMED, ONE, SEVERAL, Schema
from maestro.errors import InvalidInput

_OLD = ("2.0", "3.0", "draft-04", "draft-06", "draft-07")
"""Dialects in which the siblings of `$ref` mean nothing."""

_KNOWN = re.compile(r"https?://json-schema\.org/(draft[-/][0-9-]+)/schema#?")
_NAMES = {"draft-05": "draft-04", "draft/2019-09": "2019-09", "draft/2020-12": "2020-12"}
_NOT_ASKED_FOR = frozenset({"$ref", "description", "summary", "title", "example", "deprecated"})
_RECURSIVE = "__recursive"


def dialect_of(uri: object, otherwise: str) -> str:
    """The dialect that `$schema` or `jsonSchemaDialect` names."""
    found = _KNOWN.fullmatch(uri) if isinstance(uri, str) else None
    return _NAMES.get(found[1], found[1]) if found else otherwise


class SchemaReader:
    """Rewrites schemas where they stand, so that references into them stay good."""

    def __init__(
        self,
        notebook: Notebook,
        dialect: str = "2020-12",
        reference: Callable[[str, str], str] = lambda target, _: target,
    ) -> None:
        """
        Args:
            notebook: where repairs are written down.
            dialect: `2.0` and `3.0` of OpenAPI, or a draft of JSON Schema.
            reference: rewrites the target of `$ref`, which stands at a pointer.
        """
        self._notebook = notebook
        self._dialect = dialect
        self._reference = reference

    def read(self, schema: Any, pointer: str) -> Schema:
        """The schema as 2020-12; what cannot be understood stays as it is."""
        try:
            return self._read(schema, pointer, self._dialect)
        except RecursionError:
            raise InvalidInput(f"{pointer}: the schema is nested too deep") from None

    def _read(self, schema: Any, pointer: str, dialect: str) -> Schema:
        if schema is None:
            self._notebook.add(pointer, "null-schema", "null is read as a schema without rules")
            return {}
        if not isinstance(schema, Mapping):
            return schema
        if is_clean(schema):
            return _clean(schema, dialect)
        dialect = dialect_of(schema.get("$schema"), dialect)
        target = schema.get("$ref")
        if isinstance(target, str) and dialect in _OLD:
            return self._lone_reference(schema, target, pointer)
        made = repaired(schema, pointer, dialect, self._notebook)
        self._older(made, pointer, dialect)
        self._inside(made, pointer, dialect)
        if isinstance(target, str):
            made["$ref"] = self._reference(target, pointer)
        made.pop("$schema", None)
        return _with_null(made) if _accepts_null(made, dialect) else made

    def _lone_reference(self, schema: Mapping[str, Any], target: str, pointer: str) -> Schema:
        ignored = sorted(
            str(k) for k in schema if k not in _NOT_ASKED_FOR and not str(k).startswith("x-")
        )
        if ignored:
            self._notebook.add(
                pointer, "reference-siblings", f"{', '.join(ignored)} beside $ref is ignored"
            )
        return {"$ref": self._reference(target, pointer)}

    def _inside(self, made: dict[str, Any], pointer: str, dialect: str) -> None:
        for key in _HOLDERS.intersection(made):
            value, place = made[key], join(pointer, key)
            if key in NAMED:
                if isinstance(value, Mapping):
                    made[key] = {
                        name: self._read(entry, join(place, name), dialect)
                        for name, entry in value.items()
                    }
            elif isinstance(value, list):
                if key in SEVERAL:
                    made[key] = [
                        self._read(entry, join(place, n), dialect) for n, entry in enumerate(value)
                    ]
            elif key in ONE:
                made[key] = self._read(value, place, dialect)

    def _older(self, made: dict[str, Any], pointer: str, dialect: str) -> None:
        """Keywords that changed their name or their meaning."""
        if _lift_bounds(made) and dialect not in ("2.0", "3.0", "draft-04"):
            self._notebook.add(
                pointer, "boolean-bound", "a true exclusive bound is joined with its number"
            )
        if isinstance(made.get("items"), list):
            if dialect in ("2.0", "3.0", "2020-12"):
                self._notebook.add(pointer, "list-of-items", "items as a list is read as a tuple")
            rest = made.pop("additionalItems", True)
            made["prefixItems"] = made.pop("items")
            made["items"] = rest
        if dialect in ("2.0", "3.0"):
            if "example" in made:
                made["examples"] = [made.pop("example")]
        elif dialect != "2020-12":
            _identifier(made, "id" if dialect == "draft-04" else "$id")
            _split_dependencies(made)
            _plain_recursion(made)


_HOLDERS = frozenset((*ONE, *SEVERAL, *NAMED))


def _clean(schema: Mapping[str, Any], dialect: str) -> dict[str, Any]:
    """A schema with nothing in it that changed or could be wrong: most of them, and quickly."""
    made = dict(schema)
    if dialect in ("2.0", "3.0"):
        if "example" in made:
            made["examples"] = [made.pop("example")]
        if made.pop("nullable", False) is True:
            return _with_null(made)
    return made


def _lift_bounds(schema: dict[str, Any]) -> bool:
    """`exclusiveMinimum: true` beside `minimum` becomes a number. Whether there was such."""
    found = False
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            found = True
            del schema[exclusive]
            if flag and bound in schema:
                schema[exclusive] = schema.pop(bound)
    return found


def _identifier(schema: dict[str, Any], key: str) -> None:
    """`id` was renamed, and fragments in it became anchors."""
    name = schema.get(key)
    if isinstance(name, str):
        del schema[key]
        schema["$anchor" if name.startswith("#") else "$id"] = name.removeprefix("#")


def _split_dependencies(schema: dict[str, Any]) -> None:
    listed = schema.pop("dependencies", None)
    for name, needs in listed.items() if isinstance(listed, Mapping) else ():
        names = [needs] if isinstance(needs, str) else needs
        key = "dependentRequired" if isinstance(names, list) else "dependentSchemas"
        schema[key] = {**schema.get(key, {}), name: names}


def _plain_recursion(schema: dict[str, Any]) -> None:
    """What draft 2019-09 called recursive is a dynamic reference now."""
    if schema.pop("$recursiveAnchor", False) is True:
        schema["$dynamicAnchor"] = _RECURSIVE
    if schema.pop("$recursiveRef", None) == "#":
        schema["$dynamicRef"] = f"#{_RECURSIVE}"


def _accepts_null(schema: dict[str, Any], dialect: str) -> bool:
    if dialect not in ("2.0", "3.0"):
        return False
    return schema.pop("nullable", schema.pop("x-nullable", False)) is True


def _with_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if not isinstance(kind, str | list):
        notes: dict[str, Any] = {
            k: schema.pop(k) for k in ("description", "title", "default") if k in schema
        }
        return {"anyOf": [schema, {"type": "null"}], **notes} if schema else notes
    kinds = [kind] if isinstance(kind, str) else list(kind)
    schema["type"] = [*kinds, "null"] if "null" not in kinds else kinds
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    return schema
