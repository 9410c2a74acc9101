"""Slips around operations that can only mean one thing, put right and written down.

Each repair changes a fresh copy of one object of the kind it is listed under.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from maestro.contracts.openapi.grammar import METHODS
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join

Repair = Callable[[dict[str, Any], str, Notebook], None]

_SCHEMA_KEYS = frozenset({
    "default", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maximum",
    "maxItems", "maxLength", "minimum", "minItems", "minLength", "multipleOf", "pattern", "type",
    "uniqueItems",
})  # fmt: skip
_STATUS = re.compile(r"[1-5]([0-9]{2}|XX)|default")
_LOCATIONS = {"url": "path", "uri": "path", "headers": "header", "cookies": "cookie"}


def path_name(name: str, pointer: str, notebook: Notebook) -> str:
    """A path without blanks around it and with its leading slash."""
    made = name.strip()
    if not made.startswith(("/", "x-")):
        made = f"/{made}"
    if made != name:
        notebook.add(join(pointer, name), "path-name", f"the path {name!r} is read as {made!r}")
    return made


def _without_nulls(made: dict[str, Any], pointer: str, notebook: Notebook) -> None:
    for key in [k for k, v in made.items() if v is None and k not in ("example", "value")]:
        notebook.add(join(pointer, key), "null-member", f"{key} is null, read as absent")
        del made[key]


def _path_item(made: dict[str, Any], pointer: str, notebook: Notebook) -> None:
    _without_nulls(made, pointer, notebook)
    for key in [k for k in made if k not in METHODS and k.lower() in METHODS]:
        if key.lower() not in made:
            notebook.add(join(pointer, key), "method-case", "methods are written in lower case")
            made[key.lower()] = made.pop(key)


def _operation(made: dict[str, Any], pointer: str, notebook: Notebook) -> None:
    _without_nulls(made, pointer, notebook)
    if isinstance(made.get("tags"), str):
        made["tags"] = [made["tags"]]
        notebook.add(join(pointer, "tags"), "list-expected", "one tag is read as a list of it")
    if isinstance(made.get("security"), Mapping):
        made["security"] = [made["security"]]
        notebook.add(
            join(pointer, "security"), "list-expected", "one requirement is read as a list of it"
        )
    if isinstance(made.get("responses"), Mapping):
        made["responses"] = _responses(made["responses"], join(pointer, "responses"), notebook)


def _responses(responses: Mapping[str, Any], pointer: str, notebook: Notebook) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for status, response in responses.items():
        meant = status.strip()
        meant = "default" if meant.lower() == "default" else meant
        if re.fullmatch(r"[1-5][xX]{2}", meant):
            meant = meant.upper()
        if not meant.startswith("x-") and not _STATUS.fullmatch(meant):
            notebook.add(
                join(pointer, status), "status", f"{status!r} is no status and is left out"
            )
            continue
        if meant != status:
            notebook.add(join(pointer, status), "status", f"{status!r} is read as {meant!r}")
        made.setdefault(meant, response)
    return made


def _carrier(made: dict[str, Any], pointer: str, notebook: Notebook) -> None:
    """Parameters and headers."""
    _without_nulls(made, pointer, notebook)
    if isinstance(made.get("required"), str) and made["required"].lower() in ("true", "false"):
        made["required"] = made["required"].lower() == "true"
        notebook.add(join(pointer, "required"), "quoted-boolean", "read as the truth value")
    if "schema" not in made and "content" not in made and "type" in made:
        made["schema"] = {key: made.pop(key) for key in list(made) if key in _SCHEMA_KEYS}
        notebook.add(
            pointer, "version-2-member", "type and its rules are read as `schema`, as in 2.0"
        )
    location = made.get("in")
    if isinstance(location, str):
        plain = location.strip().lower()
        plain = _LOCATIONS.get(plain, plain)
        if plain != location:
            made["in"] = plain
            notebook.add(join(pointer, "in"), "parameter-in", f"{location!r} is read as {plain!r}")
    if made.get("in") == "path" and made.get("required") is not True:
        made["required"] = True
        notebook.add(pointer, "path-required", "a path parameter is always required")


def _response(made: dict[str, Any], pointer: str, notebook: Notebook) -> None:
    _without_nulls(made, pointer, notebook)
    if "schema" in made and "content" not in made:
        made["content"] = {"application/json": {"schema": made.pop("schema")}}
        notebook.add(
            join(pointer, "schema"),
            "version-2-member",
            "`schema` is read as that of application/json, as in 2.0",
        )


REPAIRS: Mapping[str, Repair] = {
    "path-item": _path_item,
    "operation": _operation,
    "parameter": _carrier,
    "header": _carrier,
    "request-body": _without_nulls,
    "response": _response,
    "media-type": _without_nulls,
}
