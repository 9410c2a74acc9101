"""Two GraphQL schemas held against each other, on the comparison of graphql-core."""

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    get_named_type,
    is_introspection_type,
)
from graphql.utilities.find_schema_changes import (
    BreakingChangeType,
    DangerousChangeType,
    SafeChangeType,
    SchemaChange,
    find_schema_changes,
)

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.sdl.reading import read_sdl, sdl_of
from maestro.domain.contract import Contract

_TYPED = re.compile(r"from (.+) to (.+)\.$", re.S)
_DEFAULT = re.compile(r"added a defaultValue (.+)\.$", re.S)
_PLACE = re.compile(r"@?_?[A-Za-z]\w*(?:\.\w+)?(?:\(\w+:\))?")
_NO_PLACE = {"Argument", "Field", "A", "An", "Enum", "Directive", "Standard", "Repeatable",
    "required", "optional", "argument", "field", "value", "flag", "was", "scalar", "removed",
    "from"}  # fmt: skip


def compare_graphql(old: Contract, new: Contract) -> Comparison:
    """Raises InvalidInput when one of them is no usable schema."""
    before, after = sdl_of(old), sdl_of(new)
    return compare_sdl(before, after, old=f"{old.id} {old.version}", new=f"{new.id} {new.version}")


def compare_sdl(
    before: str, after: str, *, old: str = "the earlier schema", new: str = "the later schema"
) -> Comparison:
    """Raises InvalidInput, with line and column, when one of the texts is no usable schema."""
    changes = compare_schemas(read_sdl(before, name=old).schema, read_sdl(after, name=new).schema)
    return Comparison.of(changes, edited=before != after)


def compare_schemas(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[Change]:
    """Everything but descriptions."""
    outputs = _output_types(old) | _output_types(new)
    for found in find_schema_changes(old, new):
        if found.type is not SafeChangeType.DESCRIPTION_CHANGED:
            yield _change(found, old, outputs)
    yield from _roots(old, new)
    yield from _deprecations(old, new)
    yield from _scalars(old, new)


def _change(found: SchemaChange, old: GraphQLSchema, outputs: set[str]) -> Change:
    pointer = _pointer(found)
    before, after = _values(found)
    return Change(
        kind=_kind(found, pointer, outputs),
        rule=_slug(found.type.name),
        pointer=pointer,
        message=found.description,
        operation=_operation(old, pointer),
        before=before,
        after=after,
    )


def _kind(found: SchemaChange, pointer: str, outputs: set[str]) -> ChangeKind:
    """As the library has it, but for enums, which it judges without looking at their use."""
    owner = pointer.partition(".")[0]
    if found.type is DangerousChangeType.VALUE_ADDED_TO_ENUM and owner not in outputs:
        return ChangeKind.COMPATIBLE  # only requests hold it, and they may hold more now
    if isinstance(found.type, BreakingChangeType):
        return ChangeKind.BREAKING
    if isinstance(found.type, DangerousChangeType):
        return ChangeKind.DANGEROUS
    return ChangeKind.COMPATIBLE


def _slug(name: str) -> str:
    return name.lower().replace("_", "-")


def _pointer(found: SchemaChange) -> str:
    """The element the sentence is about: `Query.product(id:)`."""
    kind, text = found.type.name, found.description
    if "UNION" in kind:
        return f"{text.rstrip('.').rsplit(' ', 1)[-1]}.{text.split(' ', 1)[0]}"
    if kind == "IMPLEMENTED_INTERFACE_ADDED":
        return text.rstrip(".").rsplit(" ", 1)[-1]
    if kind.startswith("DIRECTIVE_LOCATION"):
        return text.rstrip(".").rsplit(" ", 1)[-1]
    return next((p for p in _PLACE.findall(text) if p not in _NO_PLACE), "")


def _values(found: SchemaChange) -> tuple[Any, Any]:
    typed = _TYPED.search(found.description)
    if typed and "CHANGE" in found.type.name:
        return typed[1], typed[2]
    default = _DEFAULT.search(found.description)
    if default:
        return None, default[1]
    name = found.type.name
    subject = _pointer(found)
    if "REMOVED" in name:
        return subject, None
    return (None, subject) if "ADDED" in name else (None, None)


def _operation(schema: GraphQLSchema, pointer: str) -> str:
    """`Query.product`, where a root field is concerned."""
    owner, _, rest = pointer.partition(".")
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    names = {root.name for root in roots if root is not None}
    return f"{owner}.{rest.partition('(')[0]}" if owner in names and rest else ""


def _roots(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[Change]:
    for operation in OperationType:
        before, after = old.get_root_type(operation), new.get_root_type(operation)
        if before is None and after is None:
            continue
        if before is not None and (after is None or after.name != before.name):
            is_gone = after is None or set(before.fields) - set(after.fields)
            yield Change(
                kind=ChangeKind.BREAKING if is_gone else ChangeKind.DANGEROUS,
                rule="root-type-removed" if after is None else "root-type-changed",
                pointer=f"schema.{operation.value}",
                message=f"The {operation.value} type is {after or 'gone'}, it was {before}.",
                before=before.name,
                after=after.name if after else None,
            )
        elif before is None and after is not None:
            yield Change(
                kind=ChangeKind.COMPATIBLE,
                rule="root-type-added",
                pointer=f"schema.{operation.value}",
                message=f"There are {operation.value} operations now.",
                after=after.name,
            )


def _deprecations(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[Change]:
    for pointer, before, after in _pairs(old, new):
        first, second = before.deprecation_reason, after.deprecation_reason
        if (first is None) != (second is None):
            said = f"is deprecated: {second}" if first is None else "is not deprecated any more"
            yield Change(
                kind=ChangeKind.COMPATIBLE,
                rule="deprecation-added" if first is None else "deprecation-removed",
                pointer=pointer,
                message=f"{pointer} {said}",
                operation=_operation(old, pointer),
                before=first,
                after=second,
            )


def _pairs(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[tuple[str, Any, Any]]:
    """Fields and enum values that both schemas have."""
    for name, named in old.type_map.items():
        other = new.type_map.get(name)
        if other is None or is_introspection_type(named):
            continue
        for members in ("fields", "values"):
            mine, theirs = getattr(named, members, {}), getattr(other, members, {})
            for member in mine:
                if member in theirs:
                    yield f"{name}.{member}", mine[member], theirs[member]


def _scalars(old: GraphQLSchema, new: GraphQLSchema) -> Iterator[Change]:
    for name, named in old.type_map.items():
        other = new.type_map.get(name)
        if isinstance(named, GraphQLScalarType) and isinstance(other, GraphQLScalarType):
            yield from _scalar(named, other)
        if isinstance(named, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            yield from _one_of(named, other)


def _scalar(old: GraphQLScalarType, new: GraphQLScalarType) -> Iterator[Change]:
    if old.specified_by_url != new.specified_by_url:
        yield Change(
            kind=ChangeKind.DANGEROUS,
            rule="scalar-specified-otherwise",
            pointer=old.name,
            message=f"Scalar {old.name} is specified by something else now.",
            before=old.specified_by_url,
            after=new.specified_by_url,
        )


def _one_of(old: GraphQLInputObjectType, new: GraphQLInputObjectType) -> Iterator[Change]:
    if old.is_one_of != new.is_one_of:
        taken = "exactly one" if new.is_one_of else "any"
        yield Change(
            kind=ChangeKind.BREAKING if new.is_one_of else ChangeKind.COMPATIBLE,
            rule="one-of-added" if new.is_one_of else "one-of-removed",
            pointer=old.name,
            message=f"Input {old.name} takes {taken} of its fields now.",
        )


def _output_types(schema: GraphQLSchema) -> set[str]:
    """Names of the types that replies can hold."""
    found: set[str] = set()
    for named in schema.type_map.values():
        if isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            found |= {str(get_named_type(field.type)) for field in named.fields.values()}
        if isinstance(named, GraphQLUnionType):
            found |= {member.name for member in named.types}
    return found
