"""JSON pointers (RFC 6901) into one document; the only references Maestro follows."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


def join(pointer: str, *tokens: object) -> str:
    """`pointer` extended by member names and positions."""
    escaped = (str(token).replace("~", "~0").replace("/", "~1") for token in tokens)
    return "/".join([pointer, *escaped])


def tokens_of(reference: str) -> list[str]:
    """Member names of a reference like `#/components/schemas/A~1B`."""
    pointer = unquote(reference.partition("#")[2])
    return [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]


def is_pointer(reference: str) -> bool:
    """Whether the fragment is a pointer, not an anchor."""
    fragment = reference.partition("#")[2]
    return not fragment or fragment.startswith("/")


def lookup(root: JsonObject, reference: str, *, where: str) -> Any:
    """The value a local reference leads to, following no further reference.

    Raises:
        InvalidInput: the reference is remote or dangling; the message names `where`.
    """
    if not reference.startswith("#"):
        raise InvalidInput(
            f"{where}: $ref {reference!r} leads outside this document, which is not read; "
            "bundle everything into one file"
        )
    if not is_pointer(reference):
        return _anchor(root, reference, where)
    value: Any = root
    for token in tokens_of(reference):
        value = _step(value, token)
        if value is _MISSING:
            raise InvalidInput(
                f"{where}: $ref {reference!r} leads nowhere ({token!r} does not exist)"
            )
    return value


def follow(root: JsonObject, value: Any, *, where: str) -> Any:
    """`value`, or what it stands for if it is a reference object, through chains of them.

    Raises:
        InvalidInput: a reference is remote, dangling or part of a circle.
    """
    seen: set[str] = set()
    while isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
        reference = value["$ref"]
        if reference in seen:
            raise InvalidInput(f"{where}: $ref {reference!r} refers to itself in a circle")
        seen.add(reference)
        value = lookup(root, reference, where=where)
    return value


_MISSING = object()


def _step(value: Any, token: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(token, value.get(token.replace("+", " "), _MISSING))
    if isinstance(value, list) and token.isascii() and token.isdigit():
        position = int(token) if len(token) < 10 else len(value)
        return value[position] if position < len(value) else _MISSING
    return _MISSING


def _anchor(root: JsonObject, reference: str, where: str) -> Any:
    """Anchors are looked for in the named schemas only, where documents put them."""
    components = root.get("components")
    schemas = components.get("schemas") if isinstance(components, Mapping) else None
    for schema in schemas.values() if isinstance(schemas, Mapping) else ():
        if isinstance(schema, Mapping) and schema.get("$anchor") == reference[1:]:
            return schema
    raise InvalidInput(f"{where}: $ref {reference!r} leads nowhere (no such $anchor)")
