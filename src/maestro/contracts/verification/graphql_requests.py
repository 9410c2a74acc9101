"""Makes valid GraphQL operations: what to select, and which arguments to give."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from maestro.contracts.sdl.roles import EntityType, SchemaRoles
from maestro.contracts.sdl.scalars import TEXT, is_custom, sample_of, scalar_kind
from maestro.contracts.sdl.values import real, text, truth, whole
from maestro.contracts.sdl.words import words

MAX_DEPTH = 3
MAX_FIELDS = 200
INPUT_DEPTH = 4

KnownIds = dict[str, list[Any]]
"""Ids of objects that the provider really has, by type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphqlRequest:
    """One operation on one root field, with its variables."""

    operation: str
    """`Query.product`."""
    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        sent: dict[str, Any] = {"query": self.query}
        return {**sent, "variables": dict(self.variables)} if self.variables else sent


class RequestMaker:
    """Operations on the fields of one schema."""

    def __init__(self, roles: SchemaRoles, known: KnownIds) -> None:
        self.roles = roles
        self.schema = roles.schema
        self.known = known

    def request(
        self,
        root: str,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        selection: str | None = None,
        number: int = 0,
        depth: int = MAX_DEPTH,
    ) -> GraphqlRequest:
        """Asks for one root field; required arguments that are not given are made up."""
        owner = self.root(root)
        asked = owner.fields[name]
        values = {**self.required(asked, number), **(arguments or {})}
        chosen = self.selection(asked.type, depth) if selection is None else selection
        declared = ", ".join(f"${n}: {asked.args[n].type}" for n in values)
        passed = ", ".join(f"{n}: ${n}" for n in values)
        head = f"{root}({declared})" if values else root
        call = f"{name}({passed})" if values else name
        query = f"{head} {{ {call}{chosen} }}"
        return GraphqlRequest(operation=f"{owner.name}.{name}", query=query, variables=values)

    def root(self, kind: str) -> GraphQLObjectType:
        found = {
            "query": self.schema.query_type,
            "mutation": self.schema.mutation_type,
            "subscription": self.schema.subscription_type,
        }[kind]
        assert found is not None
        return found

    def required(self, asked: GraphQLField, number: int) -> dict[str, Any]:
        target = str(get_named_type(asked.type))
        return {
            name: self.value(name, argument, number, owner=target)
            for name, argument in asked.args.items()
            if is_required_argument(argument)
        }

    def value(
        self,
        name: str,
        element: GraphQLArgument | GraphQLInputField,
        number: int,
        *,
        owner: str,
        depth: int = 0,
    ) -> Any:
        """A valid value of an argument or input field; ids of objects that exist."""
        inner: Any = get_nullable_type(element.type)
        levels = 0
        while is_list_type(inner):
            inner, levels = get_nullable_type(inner.of_type), levels + 1
        made = self._single(name, inner, number, owner, depth)
        for _ in range(levels):
            made = [made]
        return made

    def _single(self, name: str, named: Any, number: int, owner: str, depth: int) -> Any:
        if isinstance(named, GraphQLInputObjectType):
            return {
                inner: self.value(inner, entry, number, owner=owner, depth=depth + 1)
                for inner, entry in named.fields.items()
                if self._is_wanted(named, inner, entry, depth)
            }
        reference = self.reference(name, owner)
        known = self.known.get(reference, []) if reference else []
        if known:
            return known[number % len(known)]
        return leaf_value(owner, name, named, number)

    def _is_wanted(
        self, named: GraphQLInputObjectType, name: str, entry: GraphQLInputField, depth: int
    ) -> bool:
        if named.is_one_of:
            return bool(name == next(iter(named.fields)))
        is_leaf = bool(is_leaf_type(get_named_type(entry.type)))
        plain = is_leaf and depth < INPUT_DEPTH and name not in ("clientMutationId", "id")
        return bool(is_required_input_field(entry) or (plain and not self._is_unknown_id(name)))

    def _is_unknown_id(self, name: str) -> bool:
        """An optional reference to something that nobody has seen yet is left out."""
        parts = words(name)
        points_away = len(parts) > 1 and parts[-1] in ("id", "ids")
        return points_away and not self.known.get(self.reference(name, ""))

    def reference(self, name: str, owner: str) -> str:
        """The type an id argument points to: `customerId` -> Customer, `id` -> the owner."""
        parts = words(name)
        if not parts or parts[-1] not in ("id", "ids", "uuid", "key"):
            entity = self.roles.entities.get(owner)
            return owner if entity is not None and entity.key == name else ""
        if len(parts) == 1:
            return owner if self.roles.is_entity(owner) else ""
        found = self.roles.entity_named("_".join(parts[:-1]))
        return found.name if found else ""

    def selection(self, output: Any, depth: int = MAX_DEPTH, *, leaves_only: bool = False) -> str:
        """Every field down to a depth, as far as no argument is missing."""
        parts = list(self._selected(get_named_type(output), depth, [MAX_FIELDS], leaves_only))
        return f" {{ {' '.join(parts)} }}" if parts else ""

    def _selected(
        self, named: Any, depth: int, left: list[int], leaves_only: bool
    ) -> Iterator[str]:
        if is_leaf_type(named):
            return
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            yield "__typename"
            for member in sorted(self.schema.get_possible_types(named), key=lambda m: m.name):
                own = " ".join(self._fields(member, depth, left, leaves_only, aliased=True))
                if own:
                    yield f"... on {member.name} {{ {own} }}"
        else:
            yield "__typename"
            yield from self._fields(named, depth, left, leaves_only)

    def _fields(
        self,
        named: GraphQLObjectType,
        depth: int,
        left: list[int],
        leaves_only: bool,
        *,
        aliased: bool = False,
    ) -> Iterator[str]:
        for name, asked in named.fields.items():
            if left[0] <= 0 or any(is_required_argument(a) for a in asked.args.values()):
                continue
            shown = f"{named.name.lower()}_{name}: {name}" if aliased else name
            if is_leaf_type(get_named_type(asked.type)):
                left[0] -= 1
                yield shown
            elif depth > 1 and not leaves_only:
                inner = " ".join(self._selected(get_named_type(asked.type), depth - 1, left, False))
                if inner:
                    left[0] -= 1
                    yield f"{shown} {{ {inner} }}"


def leaf_value(owner: str, name: str, named: Any, number: int) -> Any:
    """A valid value of a scalar or enum."""
    if isinstance(named, GraphQLEnumType):
        options = list(named.values)
        return options[number % len(options)]
    if isinstance(named, GraphQLScalarType) and is_custom(named):
        kind = scalar_kind(named)
        return text(owner, name, number) if kind == TEXT else sample_of(kind, number)
    makers: dict[str, Any] = {
        "Int": lambda: whole(name, number),
        "Float": lambda: real(name, number),
        "Boolean": lambda: truth(name, number),
        "ID": lambda: str(1 + number),
    }
    return makers.get(named.name, lambda: text(owner, name, number))()


def stored_leaves(
    roles: SchemaRoles, entity: EntityType, values: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The given values that the entity has a field of the same name and scalar for.

    Args:
        roles: of the contract's schema.
        entity: what was created or changed.
        values: input values laid out for the entity, see `read_input`.
        given: type of each input field by its name.
    """
    fields = roles.schema.type_map[entity.name]
    own = fields.fields if isinstance(fields, GraphQLObjectType) else {}
    return {
        name: value
        for name, value in values.items()
        if name in own
        and is_leaf_type(get_nullable_type(own[name].type))
        and str(get_named_type(own[name].type)) == str(given.get(name, ""))
    }


def input_types(asked: GraphQLField) -> dict[str, str]:
    """Named type of every leaf an operation takes, wrappers opened."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any, int]] = [(n, a.type, 0) for n, a in asked.args.items()]
    while waiting:
        name, kind, depth = waiting.pop()
        named = get_named_type(kind)
        if isinstance(named, GraphQLInputObjectType):
            if depth < 2 and not is_list_type(get_nullable_type(kind)):
                waiting += [(n, f.type, depth + 1) for n, f in named.fields.items()]
        elif not is_list_type(get_nullable_type(kind)):
            found[name] = str(named)
    return found


def same_value(sent: Any, seen: Any) -> bool:
    """Moments and amounts may be written in another way than they were sent."""
    if sent == seen or str(sent) == str(seen):
        return True
    try:
        return abs(float(sent) - float(seen)) < 1e-9
    except (TypeError, ValueError):
        return _moment(sent) == _moment(seen) != ""


def _moment(value: Any) -> str:
    if not isinstance(value, str) or "T" not in value:
        return ""
    plain = value.replace("Z", "+00:00").partition("+")[0].partition(".")[0]
    return plain[:19]


def shown(value: Any, limit: int = 200) -> str:
    try:
        written = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        written = str(value)
    return written if len(written) <= limit else written[: limit - 1] + "…"
