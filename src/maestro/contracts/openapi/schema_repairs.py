"""Slips in schemas that can only mean one thing, put right and written down."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

_TYPE_NAMES: Mapping[str, Mapping[str, str]] = {
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
    "datetime": {"type": "string", "format": "date-time"},
    "dict": {"type": "object"},
    "double": {"type": "number", "format": "double"},
    "file": {"type": "string", "format": "binary"},
    "float": {"type": "number", "format": "float"},
    "int": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "list": {"type": "array"},
    "long": {"type": "integer", "format": "int64"},
    "none": {"type": "null"},
    "str": {"type": "string"},
    "text": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "uuid": {"type": "string", "format": "uuid"},
}
_NULL_MEANS_SOMETHING = frozenset({"const", "default", "enum", "example", "examples", "type"})
_COUNTS = (
    "maxContains", "maxItems", "maxLength", "maxProperties", "minContains", "minItems",
    "minLength", "minProperties",
)  # fmt: skip
_NUMBERS = (*_COUNTS, "exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
_BOOLEANS = (
    "additionalProperties", "deprecated", "nullable", "readOnly", "uniqueItems", "writeOnly",
)  # fmt: skip
_WRITTEN = {"true": True, "false": False}


_HARMLESS = frozenset({
    "default", "deprecated", "description", "example", "format", "nullable", "readOnly", "title",
    "type", "writeOnly",
})  # fmt: skip


def is_clean(schema: Mapping[str, Any]) -> bool:
    """Whether a look at it is enough to see that nothing is to be repaired: a quick one."""
    return (
        _HARMLESS.issuperset(schema)
        and isinstance(schema.get("type"), str)
        and schema["type"] in TYPES
        and None not in schema.values()
        and not isinstance(schema.get("nullable"), str)
    )


def repaired(
    schema: Mapping[str, Any], pointer: str, dialect: str, notebook: Notebook
) -> dict[str, Any]:
    """A copy of one schema, what stands inside it left alone."""
    made = dict(schema)
    nothing = [k for k, v in made.items() if v is None and k not in _NULL_MEANS_SOMETHING]
    for key in nothing:
        notebook.add(join(pointer, key), "null-member", f"{key} is null, read as absent")
        del made[key]

    def note(key: str, rule: str, message: str) -> None:
        notebook.add(join(pointer, key), rule, message)

    _type(made, dialect, note)
    _written_values(made, note)
    for repair in (_required, _enum, _examples, _pattern):
        repair(made, note)
    return made


_Note = Callable[[str, str, str], None]


def _type(made: dict[str, Any], dialect: str, note: _Note) -> None:
    if "type" not in made:
        return
    named = made["type"]
    if named is None or (isinstance(named, list) and not named):
        del made["type"]
        if named is None and dialect not in ("2.0", "3.0"):
            made["type"] = "null"
        note("type", "type-null", "an unquoted null or empty type is read as what it looks like")
    elif isinstance(named, list):
        kinds = [_one_type(entry, made, note) for entry in named]
        made["type"] = [kind for n, kind in enumerate(kinds) if kind not in kinds[:n]]
    elif isinstance(named, str):
        made["type"] = _one_type(named, made, note, dialect=dialect)
        if made["type"] == "any":
            del made["type"]


def _one_type(named: Any, made: dict[str, Any], note: _Note, *, dialect: str = "") -> Any:
    if isinstance(named, str) and named in TYPES:
        return named
    if named is None:
        note("type", "type-null", "null among the types is read as the type of that name")
        return "null"
    if not isinstance(named, str):
        return named
    plain = named.strip().lower()
    meant: Mapping[str, str] = _TYPE_NAMES.get(plain, {"type": plain} if plain in TYPES else {})
    if plain == "any" and dialect:
        meant = {"type": "any"}
    if not meant:
        return named
    if not (dialect == "2.0" and named == "file"):
        note("type", "type-name", f"type {named!r} is read as {meant['type']!r}")
    if "format" in meant:
        made.setdefault("format", meant["format"])
    return meant["type"]


def _written_values(made: dict[str, Any], note: _Note) -> None:
    """Numbers and truth values that were put in quotes; counts that are written as 3.0."""
    for key in _NUMBERS:
        value = made.get(key)
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", value):
            made[key] = float(value) if "." in value else int(value)
            note(key, "quoted-number", f"{value!r} is read as the number")
    for key in _BOOLEANS:
        value = made.get(key)
        if isinstance(value, str) and value.lower() in _WRITTEN:
            made[key] = _WRITTEN[value.lower()]
            note(key, "quoted-boolean", f"{value!r} is read as the truth value")


def _required(made: dict[str, Any], note: _Note) -> None:
    listed = made.get("required")
    if isinstance(listed, bool):
        del made["required"]
        note("required", "required-boolean", "required belongs to the object, as a list of names")
    elif isinstance(listed, str):
        made["required"] = [listed]
        note("required", "required-list", "one name is read as a list of it")
    elif isinstance(listed, list) and all(isinstance(n, str) for n in listed):
        made["required"] = list(dict.fromkeys(listed))
        if len(made["required"]) < len(listed):
            note("required", "required-twice", "a name occurs twice")


def _enum(made: dict[str, Any], note: _Note) -> None:
    values = made.get("enum", [])
    if isinstance(values, Mapping) or "enum" not in made:
        return
    if not isinstance(values, list):
        made["enum"] = [values]
        note("enum", "enum-list", "one value is read as a list of it")


def _examples(made: dict[str, Any], note: _Note) -> None:
    """Schemas have lists of examples; named examples belong to parameters and media types."""
    named = made.get("examples")
    if isinstance(named, Mapping):
        made["examples"] = [
            entry["value"] if isinstance(entry, Mapping) and "value" in entry else entry
            for entry in named.values()
        ]
        note("examples", "examples-named", "named examples are read as a list")
    elif "examples" in made and not isinstance(named, list):
        made["examples"] = [named]
        note("examples", "examples-list", "one example is read as a list of it")


def _pattern(made: dict[str, Any], note: _Note) -> None:
    written = made.get("pattern")
    if isinstance(written, str) and re.fullmatch(r"/\^.*\$/", written, re.DOTALL):
        made["pattern"] = written[1:-1]
        note("pattern", "pattern-slashes", "the slashes around the expression are left out")
