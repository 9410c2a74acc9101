"""What is wrong or doubtful in a schema definition."""

from collections.abc import Iterator
from typing import cast

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Node,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
)

from maestro.contracts.sdl.reading import MAX_PROBLEMS, ReadSdl, SdlProblem, examine_sdl
from maestro.contracts.sdl.scalars import scalar_kind
from maestro.domain.contract import Severity

_WithFields = GraphQLObjectType | GraphQLInterfaceType


def lint_sdl(text: str) -> tuple[SdlProblem, ...]:
    """All problems, errors first, each with line and column. Never raises for what a text holds."""
    read, errors = examine_sdl(text)
    if read is None:
        return errors
    return tuple([*read.problems, *_doubts(read)][:MAX_PROBLEMS])


def _doubts(read: ReadSdl) -> Iterator[SdlProblem]:
    schema = read.schema
    reachable = _reachable(schema)
    for named in schema.type_map.values():
        if is_introspection_type(named) or is_specified_scalar_type(named):
            continue
        if named.name not in reachable:
            yield _doubt("unused-type", f"no operation reaches {named.name!r}", named.ast_node)
        if isinstance(named, GraphQLScalarType) and scalar_kind(named) == "text":
            yield _doubt(
                "unknown-scalar",
                f"nothing is known about the scalar {named.name!r}: any value is accepted and a "
                "text is answered; @specifiedBy(url:) can say what it is",
                named.ast_node,
            )
        yield from _names(named)


def _names(named: GraphQLNamedType) -> Iterator[SdlProblem]:
    if not named.name.lstrip("_")[:1].isupper():
        yield _doubt("type-name", f"type {named.name!r} does not start large", named.ast_node)
    if not isinstance(named, _WithFields | GraphQLInputObjectType):
        return
    for name, field in named.fields.items():
        if name.lstrip("_")[:1].isupper():
            yield _doubt(
                "field-name", f"field {named.name}.{name} does not start small", field.ast_node
            )
        if field.deprecation_reason == "No longer supported":
            yield _doubt(
                "deprecation-reason", f"{named.name}.{name} does not say why", field.ast_node
            )


def _doubt(rule: str, message: str, node: Node | None) -> SdlProblem:
    start = node.loc.start_token if node is not None and node.loc else None
    return SdlProblem(
        rule=rule,
        message=message,
        line=start.line if start else 0,
        column=start.column if start else 0,
        severity=Severity.WARNING,
    )


def _reachable(schema: GraphQLSchema) -> set[str]:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    waiting: list[GraphQLNamedType] = [root for root in roots if root is not None]
    for directive in schema.directives:
        waiting += [get_named_type(argument.type) for argument in directive.args.values()]
    found: set[str] = set()
    while waiting:
        named = waiting.pop()
        if named.name not in found:
            found.add(named.name)
            waiting += _neighbours(schema, named)
    return found


def _neighbours(schema: GraphQLSchema, named: GraphQLNamedType) -> Iterator[GraphQLNamedType]:
    if isinstance(named, GraphQLUnionType):
        yield from named.types
    if isinstance(named, GraphQLInterfaceType):
        yield from schema.get_possible_types(named)
    if isinstance(named, _WithFields):
        yield from named.interfaces
        for field in named.fields.values():
            yield get_named_type(field.type)
            for argument in field.args.values():
                yield get_named_type(argument.type)
    if isinstance(named, GraphQLInputObjectType):
        for entry in named.fields.values():
            yield cast(GraphQLNamedType, get_named_type(entry.type))
