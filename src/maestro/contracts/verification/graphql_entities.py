"""The operations a schema has for each type of stored object, and how to use them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from maestro.contracts.sdl.mutations import (
    Effect,
    MutationRole,
    carries,
    mutation_role,
    read_input,
    success_member,
)
from maestro.contracts.sdl.roles import EntityType, FieldRole, FieldUse, SchemaRoles
from maestro.contracts.verification.graphql_probe import GraphqlProbe, GraphqlReply
from maestro.contracts.verification.graphql_requests import (
    KnownIds,
    RequestMaker,
    input_types,
    stored_leaves,
)

COLLECTIONS = (FieldUse.LIST, FieldUse.CONNECTION, FieldUse.PAGE)


@dataclass(slots=True)
class EntityOperations:
    entity: EntityType
    item: str = ""
    """The query that fetches one by its key."""
    item_key: str = ""
    listings: list[str] = field(default_factory=list)
    mutations: dict[str, MutationRole] = field(default_factory=dict)

    def by_effect(self, effect: Effect) -> list[str]:
        return [name for name, role in self.mutations.items() if role.effect is effect]


@dataclass(frozen=True, slots=True)
class Made:
    """An object that the provider said it created or changed."""

    key: Any
    values: Mapping[str, Any]
    """Its leaves as the reply had them."""
    sent: Mapping[str, Any]
    """What was asked for, by the entity's own field names."""
    reply: GraphqlReply


class EntityWorld:
    """Knows the provider's objects and creates further ones."""

    def __init__(self, roles: SchemaRoles, probe: GraphqlProbe) -> None:
        self.roles = roles
        self.probe = probe
        self.known: KnownIds = {}
        self.maker = RequestMaker(roles, self.known)
        self.number = 0
        self.operations = {name: EntityOperations(e) for name, e in roles.entities.items()}
        self._sort_queries()
        self._sort_mutations()

    def _sort_queries(self) -> None:
        for name, asked in self.fields("query").items():
            role = self.roles.role(name, asked)
            found = self.operations.get(role.target)
            if found is None:
                continue
            if role.use is FieldUse.ITEM and not found.item:
                found.item, found.item_key = name, role.key_argument
            elif role.use in COLLECTIONS and not role.key_argument:
                found.listings.append(name)

    def _sort_mutations(self) -> None:
        for name, asked in self.fields("mutation").items():
            role = mutation_role(self.roles, name, asked)
            if role.entity in self.operations and role.effect is not Effect.NONE:
                self.operations[role.entity].mutations[name] = role

    def fields(self, kind: str) -> Mapping[str, GraphQLField]:
        root = {
            "query": self.roles.schema.query_type,
            "mutation": self.roles.schema.mutation_type,
        }[kind]
        return root.fields if root is not None else {}

    def role(self, name: str) -> FieldRole:
        return self.roles.role(name, self.fields("query")[name])

    def learn(self, type_name: str, key: Any) -> None:
        kept = self.known.setdefault(type_name, [])
        if key is not None and key not in kept and len(kept) < 20:
            kept.append(key)

    def forget(self, type_name: str, key: Any) -> None:
        if key in self.known.get(type_name, []):
            self.known[type_name].remove(key)

    def entity_selection(self, answer: Any, entity: EntityType) -> str:
        """Selects the leaves of the entity inside what an operation answers."""
        named: Any = get_named_type(answer)
        leaves = self.maker.selection(self.roles.schema.type_map[entity.name], 1, leaves_only=True)
        if named.name == entity.name:
            return leaves
        if isinstance(named, GraphQLUnionType):
            member = success_member(self.roles, named, entity.name)
            member_type = self.roles.schema.type_map[member]
            inner = self.entity_selection(member_type, entity).strip()
            return f" {{ __typename ... on {member} {inner or '{ __typename }'} }}"
        name, carried = carries(self.roles, named)
        if carried == entity.name:
            return f" {{ __typename {name}{leaves} }}"
        return self.maker.selection(answer, 2)

    def entity_in(self, value: Any, entity: EntityType) -> dict[str, Any] | None:
        """The entity's leaves inside an answer."""
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        if entity.key in value and value.get("__typename", entity.name) == entity.name:
            return value
        for inner in value.values():
            found = self.entity_in(inner, entity) if isinstance(inner, dict | list) else None
            if found is not None:
                return found
        return None

    async def create(self, entity: EntityType) -> Made | GraphqlReply | None:
        """Creates one. The reply where it did not come about, None without a way to."""
        found = self.operations[entity.name].by_effect(Effect.CREATE)
        if not found:
            return None
        for target in self._needed(self.fields("mutation")[found[0]]):
            if target != entity.name and not self.known.get(target):
                made = await self.create(self.roles.entities[target])
                if isinstance(made, Made):
                    self.learn(target, made.key)
        self.number += 1
        return await self.mutate(entity, found[0], {}, self.number)

    def _needed(self, asked: GraphQLField) -> Iterator[str]:
        for name, kind in input_types(asked).items():
            target = self.maker.reference(name, "")
            if kind in ("ID", "Int", "UUID", "String") and target in self.operations:
                yield target

    async def mutate(
        self, entity: EntityType, name: str, arguments: Mapping[str, Any], number: int
    ) -> Made | GraphqlReply | None:
        asked = self.fields("mutation")[name]
        selection = self.entity_selection(asked.type, entity)
        if is_leaf_type(get_named_type(asked.type)):
            selection = ""
        request = self.maker.request(
            "mutation", name, arguments, selection=selection, number=number
        )
        reply = await self.probe.ask(request)
        if reply is None:
            return None
        values = self.entity_in(reply.value(), entity)
        if reply.errors or values is None:
            return reply
        given = read_input(self.roles, entity, asked, request.variables)
        sent = stored_leaves(self.roles, entity, given.values, input_types(asked))
        self.learn(entity.name, values.get(entity.key))
        return Made(values.get(entity.key), values, sent, reply)

    async def fetch(self, entity: EntityType, key: Any) -> GraphqlReply | None:
        """The object as its own query gives it. The schema has to have that query."""
        found = self.operations[entity.name]
        asked = self.fields("query")[found.item]
        selection = self.entity_selection(asked.type, entity)
        request = self.maker.request(
            "query", found.item, {found.item_key: key}, selection=selection
        )
        return await self.probe.ask(request)

    async def listed(
        self, entity: EntityType, name: str, arguments: Mapping[str, Any]
    ) -> tuple[GraphqlReply, list[dict[str, Any]], dict[str, Any]] | None:
        """One page: the reply, the entries and what the page tells about itself."""
        asked = self.fields("query")[name]
        request = self.maker.request(
            "query", name, arguments, selection=self.listing_selection(asked, entity)
        )
        reply = await self.probe.ask(request)
        if reply is None or reply.errors:
            return None
        value = reply.value()
        entries = [e for e in _entries(self.roles, asked, value) if isinstance(e, dict)]
        for entry in entries:
            self.learn(entity.name, entry.get(entity.key))
        return reply, entries, value if isinstance(value, dict) else {}

    def listing_selection(self, asked: GraphQLField, entity: EntityType) -> str:
        leaves = self.maker.selection(self.roles.schema.type_map[entity.name], 1, leaves_only=True)
        named: Any = get_named_type(asked.type)
        own = [n for n, f in named.fields.items() if is_leaf_type(get_nullable_type(f.type))]
        connection = self.roles.connections.get(named.name)
        if connection is not None:
            info = self.maker.selection(_page_info(named), 1) if connection.page_info else ""
            page = f" pageInfo{info}" if info else ""
            edge: Any = self.roles.schema.type_map[connection.edge_type]
            cursor = "cursor " if "cursor" in edge.fields else ""
            return f" {{ {' '.join(own)}{page} edges {{ {cursor}node{leaves} }} }}"
        if named.name in self.roles.pages:
            return f" {{ {' '.join(own)} {self.roles.pages[named.name].items}{leaves} }}"
        return leaves


def _page_info(named: GraphQLObjectType) -> Any:
    return named.fields["pageInfo"].type


def _entries(roles: SchemaRoles, asked: GraphQLField, value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    name = str(get_named_type(asked.type))
    if name in roles.pages:
        items = value.get(roles.pages[name].items)
        return items if isinstance(items, list) else []
    edges = value.get("edges")
    if not isinstance(edges, list):
        return []
    return [edge.get("node") for edge in edges if isinstance(edge, dict)]
