"""What the types and fields of a schema are for, as far as names and types tell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    is_required_argument,
)

from maestro.contracts.sdl.words import noun, words

KEYS = ("id", "_id", "uuid", "guid", "nodeId")
TOTALS = ("totalcount", "total", "count", "totalitems", "totalresults", "totalelements")
LISTS = ("items", "nodes", "results", "data", "content", "records", "entries", "list", "rows")


class FieldUse(StrEnum):
    """How a field that answers with objects finds them."""

    ITEM = "item"
    """One entry, by its key."""
    LOOKUP = "lookup"
    """One entry: the first, or the first that fits the arguments."""
    LIST = "list"
    CONNECTION = "connection"
    """Edges with cursors, as Relay has them."""
    PAGE = "page"
    """An object with a list of entries and what is told about it."""
    COUNT = "count"
    VALUE = "value"
    """A leaf, or an object without a life of its own."""


@dataclass(frozen=True, slots=True)
class EntityType:
    """A type whose objects can be created, found again and deleted."""

    name: str
    key: str
    """The field that tells them apart; empty where there is none."""
    key_type: str
    """Name of the key's scalar."""


@dataclass(frozen=True, slots=True)
class ConnectionShape:
    edges: str
    edge_type: str
    node: str
    node_type: str
    page_info: str
    lists: tuple[str, ...]
    """Shortcuts: lists of the nodes themselves."""
    totals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageShape:
    items: str
    item_type: str
    totals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldRole:
    use: FieldUse
    target: str = ""
    """The type of the entries, which may be abstract."""
    key_argument: str = ""
    many_keys: bool = False
    """The key argument holds a list."""


class SchemaRoles:
    """The roles of everything in one schema; worked out once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self._roots = {root.name for root in roots if root is not None}
        self._objects = [
            named
            for named in schema.type_map.values()
            if is_object_type(named) and named.name not in self._roots and named.name[:2] != "__"
        ]
        self.connections = self._connections()
        self.entities = self._keyed()
        self.pages = self._pages()
        self.entities |= self._fetched_types()  # not before the pages are known: none is stored
        self.pages = self._pages()

    @cached_property
    def has_node_field(self) -> bool:
        """Keys have to be unique over all types, because one field finds every object."""
        query = self.schema.query_type
        field = query.fields.get("node") if query else None
        return field is not None and is_abstract_type(get_named_type(field.type))

    def possible(self, name: str) -> tuple[str, ...]:
        """The object types a type name stands for."""
        named = self.schema.type_map[name]
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return tuple(sorted(t.name for t in self.schema.get_possible_types(named)))
        return (name,)

    def is_entity(self, name: str) -> bool:
        """Also for abstract types that stand for entities only."""
        named = self.schema.type_map.get(name)
        if named is not None and is_abstract_type(named):
            possible = self.possible(name)
            return bool(possible) and all(one in self.entities for one in possible)
        return name in self.entities

    def entity_named(self, word: str) -> EntityType | None:
        """The entity a noun in a field's name means."""
        return self._by_noun.get(noun(word))

    def role(self, name: str, field: GraphQLField) -> FieldRole:
        """What a field that answers with objects or a count is for."""
        named = get_named_type(field.type)
        nullable = get_nullable_type(field.type)
        if is_leaf_type(named):
            return self._count_role(name, nullable)
        if named.name in self.connections:
            return FieldRole(FieldUse.CONNECTION, self.connections[named.name].node_type)
        if named.name in self.pages:
            return FieldRole(FieldUse.PAGE, self.pages[named.name].item_type)
        if not self.is_entity(named.name):
            return FieldRole(FieldUse.VALUE, named.name)
        if is_list_type(nullable):
            keys = self._keys_argument(named, field)
            return FieldRole(FieldUse.LIST, named.name, keys, many_keys=bool(keys))
        argument = self.key_argument(named.name, field)
        use = FieldUse.ITEM if argument else FieldUse.LOOKUP
        return FieldRole(use, named.name, argument)

    def key_argument(self, target: str, field: GraphQLField) -> str:
        """The argument that names one entry of a type; empty where there is none."""
        leaves = {
            name: argument
            for name, argument in field.args.items()
            if is_leaf_type(get_nullable_type(argument.type))
        }
        entity = self.entities.get(target)
        wanted = [entity.key] if entity and entity.key else []
        stem = noun(target)
        for name in leaves:
            plain = "".join(words(name))
            if name in wanted or plain in ("id", f"{stem}id", "nodeid", f"{stem}uuid"):
                return name
        identifiers = [
            name for name, argument in leaves.items() if get_named_type(argument.type).name == "ID"
        ]
        return identifiers[0] if len(identifiers) == 1 and len(field.args) == 1 else ""

    def _keys_argument(self, named: GraphQLNamedType, field: GraphQLField) -> str:
        stem = noun(named.name)
        for name, argument in field.args.items():
            inner = get_nullable_type(argument.type)
            plain = "".join(words(name))
            if is_list_type(inner) and plain in ("ids", "keys", f"{stem}ids", "uuids"):
                return name
        return ""

    def _count_role(self, name: str, nullable: Any) -> FieldRole:
        if not is_leaf_type(nullable) or getattr(nullable, "name", "") != "Int":
            return FieldRole(FieldUse.VALUE)
        parts = words(name)
        for rest in (parts[:-1], parts[1:]):
            if len(rest) < len(parts) and {"count", "total", "number"} & (set(parts) - set(rest)):
                entity = self.entity_named("_".join(part for part in rest if part != "of"))
                if entity is not None:
                    return FieldRole(FieldUse.COUNT, entity.name)
        return FieldRole(FieldUse.VALUE)

    @cached_property
    def _by_noun(self) -> Mapping[str, EntityType]:
        return {noun(name): entity for name, entity in self.entities.items()}

    def _connections(self) -> dict[str, ConnectionShape]:
        found = {}
        for named in self._objects:
            shape = _connection(named)
            if shape is not None:
                found[named.name] = shape
        return found

    def _keyed(self) -> dict[str, EntityType]:
        found: dict[str, EntityType] = {}
        edges = {shape.edge_type for shape in self.connections.values()}
        for named in self._objects:
            if named.name in self.connections or named.name in edges or _is_told(named):
                continue
            key = _key_of(named)
            if key:
                found[named.name] = EntityType(named.name, key, _leaf_name(named, key))
        return found

    def _fetched_types(self) -> dict[str, EntityType]:
        edges = {shape.edge_type for shape in self.connections.values()}
        known = {*self.entities, *self.connections, *self.pages, *edges}
        found: dict[str, EntityType] = {}
        for name, key in self._fetched():
            if name not in known and name not in found:
                listed: Any = self.schema.type_map[name]
                leaf = _leaf_name(listed, key) if key else ""
                found[name] = EntityType(name, key, leaf)
        return found

    def _fetched(self) -> Iterable[tuple[str, str]]:
        """Types without an id: fetched by one of their fields, or only ever listed."""
        query = self.schema.query_type
        for field in query.fields.values() if query else ():
            named = get_named_type(field.type)
            if not isinstance(named, GraphQLObjectType) or _is_told(named):
                continue
            if is_list_type(get_nullable_type(field.type)):
                yield named.name, ""
                continue
            required = [n for n, a in field.args.items() if is_required_argument(a)]
            if len(required) == 1 and required[0] in named.fields:
                key = named.fields[required[0]]
                if is_leaf_type(get_nullable_type(key.type)):
                    yield named.name, required[0]

    def _pages(self) -> dict[str, PageShape]:
        found = {}
        for named in self._objects:
            if named.name in self.entities or named.name in self.connections:
                continue
            shape = self._page(named)
            if shape is not None:
                found[named.name] = shape
        return found

    def _page(self, named: GraphQLObjectType) -> PageShape | None:
        lists = {
            name: get_named_type(field.type).name
            for name, field in named.fields.items()
            if is_list_type(get_nullable_type(field.type))
            and self.is_entity(get_named_type(field.type).name)
        }
        if len(lists) != 1:
            return None
        (items, item_type), *_ = lists.items()
        about = {"".join(words(name)) for name in named.fields}
        told = about & {
            *TOTALS,
            "hasmore",
            "hasnextpage",
            "pageinfo",
            "nextcursor",
            "page",
            "limit",
        }
        is_named = "".join(words(items)) in LISTS or noun(items) == noun(item_type)
        ends = words(named.name)[-1:] in [("page",), ("list",), ("results",), ("collection",)]
        if not is_named or not (told or ends):
            return None
        return PageShape(items, item_type, _totals(named))


def _connection(named: GraphQLObjectType) -> ConnectionShape | None:
    edges = named.fields.get("edges")
    if edges is None or not is_list_type(get_nullable_type(edges.type)):
        return None
    edge = get_named_type(edges.type)
    if not isinstance(edge, GraphQLObjectType) or "node" not in edge.fields:
        return None
    node = get_named_type(edge.fields["node"].type)
    lists = tuple(
        name
        for name, field in named.fields.items()
        if is_list_type(get_nullable_type(field.type)) and get_named_type(field.type) is node
    )
    return ConnectionShape(
        edges="edges",
        edge_type=edge.name,
        node="node",
        node_type=node.name,
        page_info="pageInfo" if "pageInfo" in named.fields else "",
        lists=lists,
        totals=_totals(named),
    )


def _leaf_name(named: GraphQLObjectType, field: str) -> str:
    return str(get_named_type(named.fields[field].type))


def _totals(named: GraphQLObjectType) -> tuple[str, ...]:
    return tuple(name for name in named.fields if "".join(words(name)) in TOTALS)


def _key_of(named: GraphQLObjectType) -> str:
    leaves = [n for n, f in named.fields.items() if is_leaf_type(get_nullable_type(f.type))]
    stem = noun(named.name)
    for name in leaves:
        if name in KEYS or "".join(words(name)) in (f"{stem}id", f"{stem}uuid"):
            return str(name)
    identifiers = [n for n in leaves if _leaf_name(named, n) == "ID"]
    if len(identifiers) == 1 and not _is_reference(identifiers[0], stem):
        return str(identifiers[0])
    return ""


def _is_reference(name: str, stem: str) -> bool:
    """`productId` of an order line points elsewhere."""
    parts = words(name)
    return len(parts) > 1 and parts[-1] in ("id", "uuid") and "".join(parts[:-1]) != stem


def _is_told(named: GraphQLObjectType) -> bool:
    """What a mutation answers is no entity, even if it carries an id."""
    last = words(named.name)[-1:]
    return named.name == "PageInfo" or last in [("payload",), ("response",)]


def input_fields(argument: GraphQLType) -> Mapping[str, GraphQLType]:
    """Name and type of each field of an input object; nothing for another type."""
    named = get_named_type(argument)
    if not isinstance(named, GraphQLInputObjectType):
        return {}
    return {name: field.type for name, field in named.fields.items()}
