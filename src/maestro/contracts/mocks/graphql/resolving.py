"""One resolver for each field of a schema: what a query sees of the memory."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.mocks.graphql.changing import Mutations
from maestro.contracts.mocks.graphql.listing import (
    DEFAULT_PAGE,
    Slice,
    Wanted,
    cursor_of,
    cut,
    select,
    wanted,
)
from maestro.contracts.mocks.graphql.memory import Memory, Thing, refused
from maestro.contracts.mocks.graphql.sampling import FieldValues, serialises
from maestro.contracts.sdl.roles import FieldRole, FieldUse, SchemaRoles
from maestro.contracts.sdl.scalars import fits, is_custom, scalar_kind
from maestro.contracts.sdl.words import words

MAX_OBJECTS = 20_000
"""Objects one request may be answered with."""

Resolver = Callable[..., Any]
Info = GraphQLResolveInfo[Any]


class QuerySession:
    """One request's view of the memory."""

    __slots__ = ("left", "memory")

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.left = MAX_OBJECTS

    def spend(self, objects: int) -> None:
        """Raises GraphQLError when a reply would become too large."""
        self.left -= objects
        if self.left < 0:
            raise refused(
                f"the reply would hold more than {MAX_OBJECTS} objects; ask for fewer",
                "QUERY_TOO_COMPLEX",
            )


class Resolvers:
    """Gives every field of a schema its resolver."""

    def __init__(self, roles: SchemaRoles) -> None:
        self.roles = roles
        self.fields = FieldValues(roles)
        self.mutations = Mutations(self.fields)

    def attach(self) -> None:
        schema = self.roles.schema
        for named in schema.type_map.values():
            if isinstance(named, GraphQLScalarType) and is_custom(named):
                _check_input(named)
            if not isinstance(named, GraphQLObjectType) or named.name.startswith("__"):
                continue
            for name, field in named.fields.items():
                field.resolve = self._resolver(named, name, field)

    def _resolver(self, owner: GraphQLObjectType, name: str, field: GraphQLField) -> Resolver:
        schema = self.roles.schema
        if owner is schema.mutation_type:
            return self._mutation(name, field)
        if owner is schema.subscription_type:
            return _event
        role = self.roles.role(name, field)
        is_root = owner is schema.query_type
        if is_leaf_type(get_named_type(field.type)):
            return (
                self._counter(role)
                if role.use is FieldUse.COUNT and is_root
                else (self._leaf(name))
            )
        if role.use in (FieldUse.LIST, FieldUse.CONNECTION, FieldUse.PAGE):
            return self._collection(name, field, role, is_root=is_root)
        if role.use is FieldUse.VALUE:
            return self._value(name, field)
        return self._single(name, field, role, is_root=is_root)

    def _mutation(self, name: str, field: GraphQLField) -> Resolver:
        def resolve(_source: Thing, info: Info, **arguments: Any) -> Any:
            return self.mutations.run(info.context.memory, name, field, arguments)

        return resolve

    def _leaf(self, name: str) -> Resolver:
        leaf = self.fields.leaf

        def resolve(source: Thing, info: Info, **_: Any) -> Any:
            try:
                return source.values[name]
            except KeyError:
                return leaf(info.context.memory, source, name)

        return resolve

    def _counter(self, role: FieldRole) -> Resolver:
        def resolve(_source: Thing, info: Info, **arguments: Any) -> int:
            memory = info.context.memory
            entries = memory.entries(role.target)
            return len(self.selected(memory, entries, wanted(arguments)))

        return resolve

    def _value(self, name: str, field: GraphQLField) -> Resolver:
        many = is_list_type(get_nullable_type(field.type))
        find = self.fields.many if many else self.fields.one

        def resolve(source: Thing, info: Info, **arguments: Any) -> Any:
            info.context.spend(1)
            found = find(info.context.memory, source, name, field)
            if arguments and isinstance(found, Thing) and not found.key:
                self._echo(found, arguments)
            return found

        return resolve

    def _single(
        self, name: str, field: GraphQLField, role: FieldRole, *, is_root: bool
    ) -> Resolver:
        nullable = not is_non_null_type(field.type)

        def resolve(source: Thing, info: Info, **arguments: Any) -> Thing | None:
            session: QuerySession = info.context
            session.spend(1)
            key = arguments.get(role.key_argument) if role.key_argument else None
            if key is not None:
                found = session.memory.find(role.target, key)
            elif is_root:
                found = self._looked_up(session.memory, role.target, arguments)
            else:
                found = self.fields.one(session.memory, source, name, field)
            if found is None and not nullable:
                shown = f" {str(key)!r}" if key is not None else ""
                raise refused(f"{role.target}{shown} was not found", "NOT_FOUND")
            return found

        return resolve

    def _looked_up(self, memory: Memory, target: str, arguments: Mapping[str, Any]) -> Thing | None:
        """The first entry that fits; where none does, one that is made to fit."""
        entries = memory.entries(target)
        fitting = self.selected(memory, entries, wanted(arguments))
        if fitting:
            return fitting[0]
        texts = [value for value in arguments.values() if isinstance(value, str | int)]
        if any(memory.is_missing(target, str(value)) for value in texts) or not entries:
            return None
        made = Thing(entries[0].type_name, "", len(entries) + memory.behaviour.seed)
        self._echo(made, arguments)
        return made

    def _echo(self, entry: Thing, arguments: Mapping[str, Any]) -> None:
        fields = self.fields.fields(entry.type_name)
        for name, value in arguments.items():
            field = fields.get(name)
            is_leaf = field is not None and is_leaf_type(get_named_type(field.type))
            if field is not None and is_leaf and serialises(field, value):
                entry.values[name] = value

    def _collection(
        self, name: str, field: GraphQLField, role: FieldRole, *, is_root: bool
    ) -> Resolver:
        def resolve(source: Thing, info: Info, **arguments: Any) -> Any:
            session: QuerySession = info.context
            memory = session.memory
            if name in source.values and not arguments and role.use is not FieldUse.LIST:
                kept = source.values[name]
                if isinstance(kept, Thing):
                    return kept
            if role.many_keys and isinstance(arguments.get(role.key_argument), list):
                entries = self._by_keys(memory, role, field, arguments)
                arguments = {n: v for n, v in arguments.items() if n != role.key_argument}
            elif is_root:
                entries = memory.entries(role.target)
            else:
                entries = self.fields.many(memory, source, name, field)
            asked = wanted(arguments)
            found = self.selected(memory, entries, asked)
            is_plain = role.use is FieldUse.LIST
            page = cut(found, asked, default=None if is_plain else DEFAULT_PAGE)
            session.spend(len(page.entries))
            if is_plain:
                return list(page.entries)
            return self._wrapped(str(get_named_type(field.type)), page, asked)

        return resolve

    def _by_keys(
        self, memory: Memory, role: FieldRole, field: GraphQLField, arguments: Mapping[str, Any]
    ) -> list[Any]:
        found = [memory.find(role.target, key) for key in arguments[role.key_argument]]
        return [entry for entry in found if entry is not None]

    def selected(self, memory: Memory, entries: Sequence[Thing], asked: Wanted) -> list[Thing]:
        if not (asked.conditions or asked.search or asked.order):
            return list(entries)

        def value_of(entry: Thing, name: str) -> Any:
            field = self.fields.fields(entry.type_name)[name]
            if is_leaf_type(get_named_type(field.type)):
                return self.fields.leaf(memory, entry, name)
            if is_list_type(get_nullable_type(field.type)):
                many = self.fields.many(memory, entry, name, field)
                return [self.fields.key_value(one) for one in many]
            one = self.fields.one(memory, entry, name, field)
            return self.fields.key_value(one) if one is not None else None

        def fields_of(entry: Thing) -> Sequence[str]:
            return list(self.fields.fields(entry.type_name))

        return select(entries, asked, value_of, fields_of)

    def _wrapped(self, type_name: str, page: Slice, asked: Wanted) -> Thing:
        connection = self.roles.connections.get(type_name)
        made = Thing(type_name)
        if connection is None:
            shape = self.roles.pages[type_name]
            made.values[shape.items] = list(page.entries)
            self._tell(made, page, shape.totals, asked)
            return made
        edges = [
            Thing(
                connection.edge_type,
                "",
                entry.number,
                {connection.node: entry, "cursor": cursor_of(entry, page.start + place)},
            )
            for place, entry in enumerate(page.entries)
        ]
        made.values[connection.edges] = edges
        for name in connection.lists:
            made.values[name] = list(page.entries)
        self._tell(made, page, connection.totals, asked)
        return made

    def _tell(self, made: Thing, page: Slice, totals: Sequence[str], asked: Wanted) -> None:
        """What a page says about itself, whatever the fields are called."""
        told = _told(page, asked)
        for name, field in self.fields.fields(made.type_name).items():
            named = get_named_type(field.type)
            if name in totals:
                made.values[name] = page.total
            elif name in made.values:
                continue
            elif is_leaf_type(named) and "".join(words(name)) in told:
                made.values[name] = told["".join(words(name))]
            elif isinstance(named, GraphQLObjectType) and named.name.endswith("Info"):
                values = {
                    inner: told["".join(words(inner))]
                    for inner in named.fields
                    if "".join(words(inner)) in told
                }
                made.values[name] = Thing(named.name, "", 0, values)


def _told(page: Slice, asked: Wanted) -> dict[str, Any]:
    end = page.start + len(page.entries)
    limit = max(1, page.limit)
    cursors = [cursor_of(entry, page.start + n) for n, entry in enumerate(page.entries)]
    number = asked.page or 1 + page.start // limit
    pages = -(-page.total // limit)
    has_more = end < page.total
    return {
        **dict.fromkeys(("hasnextpage", "hasnext", "hasmore", "more"), has_more),
        **dict.fromkeys(("haspreviouspage", "hasprevious", "hasprev"), page.start > 0),
        "startcursor": cursors[0] if cursors else None,
        **dict.fromkeys(("endcursor", "lastcursor"), cursors[-1] if cursors else None),
        **dict.fromkeys(("nextcursor", "cursor"), cursors[-1] if cursors and has_more else None),
        **dict.fromkeys(("page", "currentpage", "pagenumber"), number),
        **dict.fromkeys(("limit", "pagesize", "perpage", "size"), page.limit),
        "offset": page.start,
        **dict.fromkeys(("totalpages", "pagecount", "pages", "lastpage"), pages),
        **dict.fromkeys(("total", "totalcount", "totalitems", "totalresults"), page.total),
        "isfirstpage": page.start == 0,
        "islastpage": not has_more,
        "next": number + 1 if has_more else None,
        "prev": number - 1 if page.start > 0 else None,
    }


def type_of(value: Any, _info: Info, _abstract: Any) -> str:
    """The object type of an entry where a field's own type is an interface or a union."""
    return str(value.type_name)


def _event(source: Any, info: Info, **_: Any) -> Any:
    info.context.left = MAX_OBJECTS  # a subscription may live for long
    return source


def _check_input(scalar: GraphQLScalarType) -> None:
    kind = scalar_kind(scalar)

    def parse(value: Any) -> Any:
        if not fits(kind, value):
            raise ValueError(f"{scalar.name} cannot represent {value!r:.80}: it is of kind {kind}")
        return value

    setattr(scalar, "parse_value", parse)  # noqa: B010 - the library takes it as a method only
    scalar.coerce_input_value = parse
