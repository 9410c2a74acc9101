"""Types of a contract as annotations and TypedDicts of Python."""

import keyword
from collections.abc import Iterator, Mapping

from maestro.contracts.exports.client_names import one_line
from maestro.contracts.exports.client_types import ClientField, ClientType

RESERVED_TYPES = frozenset({
    "Any", "Client", "ApiError", "Literal", "NotRequired", "Operation", "Parameter", "Transport",
    "TypeAlias", "TypedDict", "None", "True", "False",
})  # fmt: skip
_PLAIN = {
    "any": "Any", "null": "None", "boolean": "bool", "integer": "int", "number": "float",
    "string": "str", "binary": "bytes",
}  # fmt: skip


def annotation(made: ClientType, prefix: str = "") -> str:
    """The type as an annotation; `prefix` leads to where named types are."""
    if made.kind == "named":
        return prefix + made.name
    if made.kind == "literal":
        values = ", ".join(repr(value) for value in dict.fromkeys(made.values))
        return f"Literal[{values}]"
    if made.kind == "array":
        return f"list[{annotation(made.members[0], prefix)}]"
    if made.kind in ("map", "object"):
        inner = annotation(made.members[0], prefix) if made.members else "Any"
        return f"dict[str, {inner}]"
    if made.kind == "union":
        members = [annotation(member, prefix) for member in made.members]
        return " | ".join(dict.fromkeys(members))
    return _PLAIN[made.kind]


def models(named: Mapping[str, ClientType], descriptions: Mapping[str, str]) -> str:
    """The module with every named type."""
    lines = [
        '"""Types of requests and replies."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Any, Literal, NotRequired, TypeAlias, TypedDict",
        "",
        f"__all__ = {sorted(named)!r}",
    ]
    for name, made in named.items():
        told = one_line(descriptions.get(name, ""))
        lines += ["", "", *(_object(name, made, told) if made.kind == "object" else ())]
        if made.kind != "object":
            lines += [f"# {told}"] if told else []
            lines.append(f"{name}: TypeAlias = {annotation(made)!r}")
    return "\n".join(lines) + "\n"


def _object(name: str, made: ClientType, told: str) -> Iterator[str]:
    if all(_is_member(entry.name) for entry in made.fields):
        yield f"class {name}(TypedDict):"
        if told:
            yield f"    {docstring(told)}"
            yield ""
        for entry in made.fields:
            yield f"    {entry.name}: {_field(entry)}"
        return
    if told:
        yield f"# {told}"
    yield f"{name} = TypedDict("
    yield f"    {name!r},"
    yield "    {"
    for entry in made.fields:
        yield f"        {entry.name!r}: {_quoted(entry)},"
    yield "    },"
    yield ")"


def _field(entry: ClientField) -> str:
    made = annotation(entry.type)
    return made if entry.required else f"NotRequired[{made}]"


def _quoted(entry: ClientField) -> str:
    made = repr(annotation(entry.type))
    return made if entry.required else f"NotRequired[{made}]"


def _is_member(name: str) -> bool:
    """Names a class body can hold as they are; leading underscores would be mangled."""
    plain = name.isidentifier() and name.isascii() and not name.startswith("__")
    return plain and not keyword.iskeyword(name) and name not in RESERVED_TYPES | set(_HIDES)


_HIDES = ("list", "dict", "str", "int", "float", "bool", "bytes")
"""A member of that name would hide the type for those that follow it."""


def docstring(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""'
