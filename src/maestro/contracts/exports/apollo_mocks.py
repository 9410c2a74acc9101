"""A GraphQL contract as the data file an exported Apollo server reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.exports.graphql_requests import seeds_of
from maestro.contracts.sdl.mutations import (
    Effect,
    MutationRole,
    carries,
    is_key_name,
    mutation_role,
    reached_state,
    success_member,
)
from maestro.contracts.sdl.roles import FieldUse, SchemaRoles
from maestro.contracts.sdl.scalars import TEXT, is_custom, sample_of, scalar_kind
from maestro.contracts.sdl.words import words
from maestro.contracts.verification.graphql_requests import leaf_value
from maestro.domain.values import JsonObject, JsonValue

VARIANTS = 6
"""Different values of every field; after that they come again."""

_DEEPEST = 4
"""Wrappers (`input`, `input.event`) around the values of an entry."""

_FINE = {"success", "ok", "successful", "succeeded"}
_WRONG = {"error", "errors", "problem", "problems", "failure", "failures", "warnings"}


def apollo_mocks(roles: SchemaRoles) -> JsonObject:
    """Samples, keys and what every query and mutation is for; plain JSON values."""
    seeds = seeds_of(roles)
    schema = roles.schema
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    named = [n for n in schema.type_map.values() if not n.name.startswith("__")]
    return {
        "scalars": {
            s.name: _scalar(s) for s in named if isinstance(s, GraphQLScalarType) and is_custom(s)
        },
        "enums": {e.name: list(e.values) for e in named if isinstance(e, GraphQLEnumType)},
        "fields": {
            o.name: dict(_fields(o))
            for o in named
            if isinstance(o, GraphQLObjectType) and o not in roots
        },
        "entities": {
            name: {"key": entity.key, "seeds": seeds[name]}
            for name, entity in roles.entities.items()
        },
        "queries": _queries(roles),
        "mutations": _mutations(roles),
    }


def _scalar(scalar: GraphQLScalarType) -> list[JsonValue]:
    kind = scalar_kind(scalar)
    if kind == TEXT:
        return [f"{' '.join(words(scalar.name)) or 'sample'} {1 + n}" for n in range(VARIANTS)]
    return [sample_of(kind, number) for number in range(VARIANTS)]


def _fields(owner: GraphQLObjectType) -> Iterator[tuple[str, list[JsonValue]]]:
    """Samples that look like what the field's name promises."""
    for name, field in owner.fields.items():
        named = get_named_type(field.type)
        if is_leaf_type(named):
            made = [leaf_value(owner.name, name, named, number) for number in range(VARIANTS)]
            yield name, [_wrapped(field.type, value) for value in made]


def _wrapped(kind: Any, value: JsonValue) -> JsonValue:
    inner = get_nullable_type(kind)
    return [_wrapped(inner.of_type, value)] if is_list_type(inner) else value


def _queries(roles: SchemaRoles) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {}
    query = roles.schema.query_type
    for name, field in query.fields.items() if query is not None else ():
        role = roles.role(name, field)
        if role.use is FieldUse.VALUE or not role.target:
            continue
        possible = list(roles.possible(role.target))
        if not all(one in roles.entities for one in possible):
            continue
        made[name] = {
            "use": role.use.value,
            "possible": possible,
            "key": role.key_argument,
            "many": role.many_keys,
            "nullable": not is_non_null_type(field.type),
            "filters": _filters(roles, possible, field),
            "shape": _shape(roles, str(get_named_type(field.type))),
        }
    return made


def _filters(roles: SchemaRoles, possible: list[str], field: GraphQLField) -> list[str]:
    """Arguments that have the name and type of a field of every possible type."""
    return [
        name
        for name, argument in field.args.items()
        if is_leaf_type(get_nullable_type(argument.type))
        and all(
            (own := _own(roles, one).get(name)) is not None
            and get_named_type(own.type) is get_named_type(argument.type)
            for one in possible
        )
    ]


def _own(roles: SchemaRoles, name: str) -> Mapping[str, GraphQLField]:
    named = roles.schema.type_map[name]
    return named.fields if isinstance(named, GraphQLObjectType) else {}


def _shape(roles: SchemaRoles, name: str) -> JsonObject:
    """How the entries are wrapped."""
    connection = roles.connections.get(name)
    if connection is not None:
        return {
            "edges": connection.edges,
            "node": connection.node,
            "pageInfo": connection.page_info,
            "lists": list(connection.lists),
            "totals": list(connection.totals),
        }
    page = roles.pages.get(name)
    return {"lists": [page.items], "totals": list(page.totals)} if page is not None else {}


def _mutations(roles: SchemaRoles) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {}
    mutation = roles.schema.mutation_type
    for name, field in mutation.fields.items() if mutation is not None else ():
        role = mutation_role(roles, name, field)
        if role.effect is Effect.NONE or role.many or role.entity not in roles.entities:
            continue
        made[name] = {
            "effect": role.effect.value,
            "entity": role.entity,
            "layout": [{"path": path, "key": key} for path, key in _layout(roles, role, field)],
            "reached": _reached(roles, role),
            "answer": _answer(roles, role, field),
        }
    return made


def _layout(
    roles: SchemaRoles, role: MutationRole, field: GraphQLField
) -> Iterator[tuple[list[str], bool]]:
    """Where the values of the entry stand in the arguments, and whether each is its key."""
    entity = roles.entities[role.entity]
    own = _own(roles, role.entity)
    waiting: list[tuple[list[str], Any]] = [([n], a.type) for n, a in field.args.items()]
    for path, kind in waiting:
        inner = get_nullable_type(kind)
        is_wrapper = isinstance(inner, GraphQLInputObjectType) and path[-1] not in own
        if is_wrapper and len(path) < _DEEPEST:
            waiting += [([*path, name], entry.type) for name, entry in inner.fields.items()]
        else:
            yield path, is_key_name(entity, path[-1])


def _reached(roles: SchemaRoles, role: MutationRole) -> JsonObject:
    """`cancelOrder` sets the status of the order."""
    if role.effect is not Effect.UPDATE or not role.verb:
        return {}
    found = {}
    for name, field in _own(roles, role.entity).items():
        states = get_nullable_type(field.type)
        state = reached_state(role.verb, states) if isinstance(states, GraphQLEnumType) else None
        if state is not None:
            found[name] = state
    return found


def _answer(roles: SchemaRoles, role: MutationRole, field: GraphQLField) -> JsonObject:
    """What the mutation answers with: the entry, its key, a truth, or an object around it."""
    inner: Any = get_nullable_type(field.type)
    nullable = not is_non_null_type(field.type)
    if is_list_type(inner):
        return {"kind": "other", "nullable": nullable}
    if inner.name == "Boolean":
        return {"kind": "truth", "nullable": nullable}
    if is_leaf_type(inner):
        same = inner.name in ("ID", roles.entities[role.entity].key_type)
        return {"kind": "key" if same else "other", "nullable": nullable}
    if role.entity in roles.possible(inner.name):
        return {"kind": "entity", "nullable": nullable}
    if isinstance(inner, GraphQLUnionType):
        inner = roles.schema.type_map[success_member(roles, inner, role.entity)]
    if not isinstance(inner, GraphQLObjectType):
        return {"kind": "other", "nullable": nullable}
    carried, kind = carries(roles, inner)
    single = carried and not is_list_type(get_nullable_type(inner.fields[carried].type))
    return {
        "kind": "object",
        "nullable": nullable,
        "type": inner.name,
        "carried": carried if single and kind == role.entity else "",
        "around": dict(_around(inner)),
    }


def _around(answer: GraphQLObjectType) -> Iterator[tuple[str, JsonValue]]:
    """A mutation that worked says so, and names no errors."""
    for name, field in answer.fields.items():
        parts, inner = set(words(name)), get_nullable_type(field.type)
        if parts & _WRONG and is_list_type(inner):
            yield name, []
        elif parts & _WRONG and not is_non_null_type(field.type):
            yield name, None
        elif parts & _FINE and getattr(inner, "name", "") == "Boolean":
            yield name, True
