"""Whether lists hold what they should: created entries, filters, limits, pages, order."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLEnumType, GraphQLField, get_named_type, get_nullable_type, is_leaf_type

from maestro.contracts.sdl.roles import EntityType
from maestro.contracts.sdl.words import words
from maestro.contracts.verification.graphql_entities import EntityWorld
from maestro.contracts.verification.graphql_probe import GraphqlReply
from maestro.contracts.verification.graphql_requests import same_value, shown
from maestro.domain.contract import Finding

LIMITS = ("first", "limit", "take", "pagesize", "perpage", "size")
OFFSETS = ("offset", "skip")
MAX_PAGES = 20
PAGE = 50


class ListingChecks:
    """All checks of the lists of one type of object."""

    def __init__(self, world: EntityWorld, entity: EntityType, found: list[Finding]) -> None:
        self._world = world
        self._entity = entity
        self._found = found

    def _note(
        self, reply: GraphqlReply, rule: str, message: str, expected: str, seen: str = ""
    ) -> None:
        self._found.append(reply.finding(rule, message, expected, seen))

    async def holds(self, name: str, key: Any) -> None:
        found = await self.everything(name)
        if found is None:
            return
        reply, entries = found
        keys = [str(entry.get(self._entity.key)) for entry in entries]
        if str(key) not in keys:
            seen = f"{len(keys)} entries without it"
            message = "a created object is not in the list"
            self._note(reply, "created_not_listed", message, f"{key!r} in the list", seen)
        if len(set(keys)) < len(keys):
            message = "an object is listed twice"
            self._note(reply, "listed_twice", message, "every object once", shown(keys))

    async def everything(self, name: str) -> tuple[GraphqlReply, list[dict[str, Any]]] | None:
        """All pages, as far as the list has any."""
        asked = self._world.fields("query")[name]
        limit, offset = _argument(asked, LIMITS), _argument(asked, OFFSETS)
        arguments: dict[str, Any] = {limit: PAGE} if limit else {}
        every: list[dict[str, Any]] = []
        last: GraphqlReply | None = None
        for number in range(MAX_PAGES):
            found = await self._world.listed(self._entity, name, arguments)
            if found is None:
                return None
            last, entries, page = found
            every += entries
            after = _next_cursor(page)
            if "after" in asked.args and after:
                arguments["after"] = after
            elif offset and limit and len(entries) >= PAGE:
                arguments[offset] = PAGE * (number + 1)
            else:
                break
        assert last is not None
        return last, every

    async def check(self, name: str, one: Mapping[str, Any]) -> None:
        asked = self._world.fields("query")[name]
        await self._filters(name, asked, one)
        limit = _argument(asked, LIMITS)
        if limit:
            await self._limits(name, asked, limit)
        await self._orders(name, asked)

    async def _filters(self, name: str, asked: GraphQLField, one: Mapping[str, Any]) -> None:
        own: Any = self._world.roles.schema.type_map[self._entity.name]
        for argument, declared in asked.args.items():
            same = own.fields.get(argument)
            if same is None or not is_leaf_type(get_nullable_type(declared.type)):
                continue
            if get_named_type(same.type) is not get_named_type(declared.type):
                continue
            value = one.get(argument)
            if value is None:
                continue
            for wanted in self._values_for(get_named_type(declared.type), value):
                found = await self._world.listed(self._entity, name, {argument: wanted})
                if found is None:
                    continue
                strangers = [e for e in found[1] if not same_value(wanted, e.get(argument))]
                if strangers:
                    self._note(
                        found[0],
                        "filter_ignored",
                        f"the list holds objects that {argument} excludes",
                        f"{argument}: {shown(wanted)} only",
                        shown(strangers[0]),
                    )
                    break

    def _values_for(self, named: Any, value: Any) -> list[Any]:
        if isinstance(named, GraphQLEnumType):
            return [value, *[option for option in named.values if option != value]]
        return [value]

    async def _limits(self, name: str, asked: GraphQLField, limit: str) -> None:
        found = await self._world.listed(self._entity, name, {limit: 1})
        if found is None:
            return
        reply, entries, page = found
        if len(entries) > 1:
            message = f"{limit} is not kept"
            self._note(reply, "limit_ignored", message, "1 entry", f"{len(entries)} entries")
            return
        cursor, offset = _next_cursor(page), _argument(asked, OFFSETS)
        further: dict[str, Any] = {}
        if "after" in asked.args and cursor:
            further = {limit: 1, "after": cursor}
        elif offset:
            further = {limit: 1, offset: 1}
        if further and entries:
            second = await self._world.listed(self._entity, name, further)
            if second is not None and second[1]:
                key = self._entity.key
                if key and second[1][0].get(key) == entries[0].get(key):
                    message = "the second page repeats the first"
                    self._note(second[0], "page_repeats", message, "another entry")

    async def _orders(self, name: str, asked: GraphQLField) -> None:
        for argument, declared in asked.args.items():
            named: Any = get_named_type(declared.type)
            if "".join(words(argument)) not in ("orderby", "sort", "sortby", "order"):
                continue
            for option in getattr(named, "values", {}):
                parts = words(option)
                if parts[-1:] not in (("asc",), ("desc",)):
                    continue
                found = await self._world.listed(self._entity, name, {argument: option})
                if found is None or not found[1]:
                    continue
                field = next((f for f in found[1][0] if words(f) == parts[:-1]), "")
                values = [_rank(entry.get(field)) for entry in found[1]] if field else []
                if values != sorted(values, reverse=parts[-1] == "desc"):
                    message = f"the list is not ordered by {field}"
                    seen = shown([entry.get(field) for entry in found[1]])
                    self._note(found[0], "order_ignored", message, option, seen)


def _argument(asked: GraphQLField, names: tuple[str, ...]) -> str:
    return next(
        (
            n
            for n, a in asked.args.items()
            if "".join(words(n)) in names and str(get_named_type(a.type)) == "Int"
        ),
        "",
    )


def _next_cursor(page: Mapping[str, Any]) -> str:
    info = page.get("pageInfo")
    if isinstance(info, dict) and info.get("hasNextPage") and info.get("endCursor"):
        return str(info["endCursor"])
    return ""


def _rank(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    try:
        return (1, float(value), "")
    except (TypeError, ValueError):
        return (2, 0.0, str(value))
