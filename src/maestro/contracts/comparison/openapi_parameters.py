"""Changes of an operation's parameters."""

from collections.abc import Iterator, Mapping

from maestro.contracts.comparison.openapi_collecting import (
    BREAKING,
    COMPATIBLE,
    DANGEROUS,
    ChangeBook,
)
from maestro.contracts.comparison.schemas_nodes import LocatedSchema, Node
from maestro.contracts.comparison.schemas_side import SchemaSide
from maestro.contracts.openapi.operations import Operation, OperationParameter
from maestro.contracts.openapi.pointers import join

_NOT_PARAMETERS = ("accept", "content-type", "authorization")
"""Headers that OpenAPI describes elsewhere; definitions of them are ignored."""
_SCALARS = frozenset({"integer", "fraction", "boolean", "string"})
_Key = tuple[str, str]


def compare_parameters(
    book: ChangeBook, old: Operation, new: Operation, renamed: Mapping[str, str]
) -> None:
    """Args:
    book: takes the changes.
    old: the earlier operation.
    new: the later operation.
    renamed: earlier to later names of path parameters.
    """
    before = {_key(p, renamed): p for p in _listed(old)}
    after = {_key(p, {}): p for p in _listed(new)}
    for name, becomes in renamed.items():
        if name != becomes:
            book.add(
                COMPATIBLE,
                "path-parameter-renamed",
                new.pointer,
                f"path parameter `{name}` is now called `{becomes}`; the path stays the same",
                before=name,
                after=becomes,
            )
    moved = dict(_moved(before, after))
    for key, parameter in before.items():
        if key in after:
            _kept(book, parameter, after[key])
        elif key in moved:
            _told_moved(book, parameter, after[moved[key]])
        else:
            _removed(book, parameter, new)
    for key, parameter in after.items():
        if key not in before and key not in moved.values():
            _added(book, parameter)


def _listed(operation: Operation) -> Iterator[OperationParameter]:
    for parameter in operation.parameters:
        if parameter.location != "header" or parameter.name.lower() not in _NOT_PARAMETERS:
            yield parameter


def _key(parameter: OperationParameter, renamed: Mapping[str, str]) -> _Key:
    name = parameter.name
    if parameter.location == "path":
        name = renamed.get(name, name)
    return parameter.location, name.lower() if parameter.location == "header" else name


def _moved(
    before: Mapping[_Key, OperationParameter], after: Mapping[_Key, OperationParameter]
) -> Iterator[tuple[_Key, _Key]]:
    for key in before:
        for other in after:
            if key not in after and other not in before and key[1].lower() == other[1].lower():
                yield key, other


def _said(parameter: OperationParameter) -> str:
    return f"{parameter.location} parameter `{parameter.name}`"


def _told_moved(book: ChangeBook, old: OperationParameter, new: OperationParameter) -> None:
    book.add(
        BREAKING,
        "parameter-moved",
        new.pointer,
        f"parameter `{old.name}` moved from {old.location} to {new.location}",
        before=old.location,
        after=new.location,
    )


def _removed(book: ChangeBook, parameter: OperationParameter, new: Operation) -> None:
    kind = DANGEROUS
    why = "; what is still sent has no effect"
    if book.provider_calls:
        kind = BREAKING if parameter.required else DANGEROUS
        why = ""
    elif parameter.location == "query" and new.rejects_unknown_query:
        kind, why = BREAKING, " and unknown query parameters are refused"
    book.add(
        kind,
        "parameter-removed",
        parameter.pointer,
        f"{_said(parameter)} was removed{why}",
        before=parameter.name,
    )


def _added(book: ChangeBook, parameter: OperationParameter) -> None:
    if parameter.required:
        book.asks_more(
            "required-parameter-added",
            parameter.pointer,
            f"required {_said(parameter)} was added",
            before=None,
            after=parameter.name,
        )
    else:
        book.add(
            COMPATIBLE,
            "parameter-added",
            parameter.pointer,
            f"optional {_said(parameter)} was added",
            after=parameter.name,
        )


def _kept(book: ChangeBook, old: OperationParameter, new: OperationParameter) -> None:
    said = _said(new)
    if new.required and not old.required:
        book.asks_more(
            "parameter-became-required",
            join(new.pointer, "required"),
            f"{said} is now required",
            before=False,
            after=True,
        )
    if old.required and not new.required:
        book.asks_less(
            "parameter-became-optional",
            join(new.pointer, "required"),
            f"{said} is no longer required",
            before=True,
            after=False,
        )
    book.deprecation("parameter", said, old, new)
    _compare_writing(book, old, new)
    if old.allow_empty and not new.allow_empty:
        book.asks_more(
            "parameter-empty-value-refused",
            new.pointer,
            f"{said} may no longer be sent without a value",
            before=True,
            after=False,
        )
    _compare_schemas(book, old, new)


def _compare_writing(book: ChangeBook, old: OperationParameter, new: OperationParameter) -> None:
    """How the value is written into the request; either side must write and read the same."""
    before, after = _writing(book.schemas.sides[0], old), _writing(book.schemas.sides[1], new)
    if before != after:
        book.add(
            BREAKING,
            "parameter-style-changed",
            new.pointer,
            f"{_said(new)} is written as {after} instead of {before}",
            before=before,
            after=after,
        )


def _writing(side: SchemaSide, parameter: OperationParameter) -> str:
    """Style and explode as far as they show for the types the parameter can have."""
    if parameter.is_json:
        return "JSON text"
    types = _node(side, parameter).types
    shows = bool(types & {"array", "object"})
    style = parameter.style
    if not shows and style in ("form", "simple", "spaceDelimited", "pipeDelimited", "deepObject"):
        return "plain text"
    if not shows:
        return style
    return f"{style}, {'exploded' if parameter.explode else 'not exploded'}"


def _compare_schemas(book: ChangeBook, old: OperationParameter, new: OperationParameter) -> None:
    if not old.is_json and not book.provider_calls:
        before = _node(book.schemas.sides[0], old)
        after = _node(book.schemas.sides[1], new)
        if _is_any_text(after) and before.types <= _SCALARS and "string" not in before.types:
            book.add(
                COMPATIBLE,
                "parameter-type-generalised",
                join(new.pointer, "schema"),
                f"{_said(new)} takes any text now, which every value of before is written as",
                before=sorted(before.types),
                after=["string"],
            )
            return
    book.schema(
        (old.schema, join(old.pointer, "schema")),
        (new.schema, join(new.pointer, "schema")),
        book.asking,
        side="parameter",
        subject=_said(new).capitalize() if new.location != "path" else f"Path{_said(new)[4:]}",
    )


def _node(side: SchemaSide, parameter: OperationParameter) -> Node:
    return side.node((LocatedSchema(parameter.schema, join(parameter.pointer, "schema")),))


def _is_any_text(node: Node) -> bool:
    limits = node.bounds.keys() & {"minLength", "maxLength"}
    said = node.sets.keys() & {"pattern", "format"}
    return (
        node.types == {"string"}
        and node.enum is None
        and not (limits or said or node.unions or node.conditions)
    )
