"""Acceptance checks of lists: filters narrow, search finds, sort orders, pages keep limits."""

from collections.abc import Sequence
from typing import Any

from maestro.contracts.verification.interface import ProbedResource
from maestro.contracts.verification.probe import Exchange
from maestro.contracts.verification.values import kinds, members, same
from maestro.contracts.verification.world import PAGE, Unverifiable, World, operation_of

MAX_SMALL_PAGES = 60


async def filter_narrows(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    if operation_of(resource, "list").query(field) is None:
        raise Unverifiable(f"the list of {entity} has no query parameter {field!r}")
    first, second = await world.two_values(resource, field)
    entries = {
        chosen: (await world.create(entity, {field: chosen}))["id"] for chosen in (first, second)
    }
    for chosen, other in ((first, second), (second, first)):
        exchange, items = await world.everything(resource, {field: chosen})
        _all_have(exchange, items, field, chosen)
        _contains(exchange, items, entries[chosen], f"the filter keeps {field} {chosen!r}")
        _lacks(exchange, items, entries[other], f"the filter leaves {field} {other!r} out")


async def search_finds(world: World, entity: str) -> None:
    resource = world.resource(entity)
    if operation_of(resource, "list").query("q") is None:
        raise Unverifiable(f"the list of {entity} has no query parameter 'q'")
    fields = [name for name in resource.fields if _is_text(resource, name)]
    if not fields:
        raise Unverifiable(f"{entity} has no text field that could be searched")
    sent = {name: await world.body(resource) for name in fields}
    entries = {name: (await world.post(resource, sent[name])).entry() for name in fields}
    stranger = await world.create(entity)
    for name in fields:
        text = str(sent[name][name])
        wanted = _distinct_part(text, [str(other) for other in stranger.values()])
        for spelling in (wanted, wanted.upper()):
            exchange, items = await world.everything(resource, {"q": spelling})
            why = f"searching {spelling!r} finds it in {name}"
            _contains(exchange, items, entries[name]["id"], why)
        _lacks(exchange, items, stranger["id"], f"{wanted!r} is not in that entry")
    exchange, items = await world.everything(resource, {"q": "%"})
    _lacks(exchange, items, stranger["id"], "a percent sign in a search is a plain character")


async def sort_orders(world: World, entity: str) -> None:
    resource = world.resource(entity)
    schema = operation_of(resource, "list").query("sort")
    keys = [key for key in (schema or {}).get("enum", ()) if not key.startswith("-")]
    if not keys:
        raise Unverifiable(f"the list of {entity} has no query parameter 'sort' with its keys")
    entries = await _shuffled(world, resource)
    for key in keys:
        for direction in ("", "-"):
            exchange, items = await world.everything(resource, {"sort": direction + key})
            ours = [item for item in items if item.get("id") in entries]
            if len(ours) != len(entries):
                seen = f"{len(ours)} of {len(entries)} created entries"
                raise exchange.unmet("all entries", seen, "sorting leaves nothing out")
            _ordered(exchange, resource, key, ours, descending=bool(direction))


async def pagination_limits(world: World, entity: str) -> None:
    resource = world.resource(entity)
    for _ in range(3):
        await world.create(entity)
    listing = operation_of(resource, "list")
    limit, offset = listing.query("limit"), listing.query("offset")
    if limit is None or offset is None:
        raise Unverifiable(f"the list of {entity} has no limit and offset")
    exchange, page = await world.page(resource)
    total = page["total"]
    _echoes(exchange, page, limit=limit.get("default", page.get("limit")), offset=0)
    _length(exchange, page, min(total, page["limit"]))
    for size in (1, 2):
        exchange, page = await world.page(resource, {"limit": size})
        _echoes(exchange, page, limit=size, offset=0)
        _length(exchange, page, size)
        if page["total"] != total:
            why = "the limit does not change the total"
            raise exchange.unmet(f'"total": {total}', f'"total": {page["total"]}', why)
    exchange, page = await world.page(resource, {"limit": 2, "offset": total - 1})
    _echoes(exchange, page, limit=2, offset=total - 1)
    _length(exchange, page, 1)
    exchange, page = await world.page(resource, {"limit": 2, "offset": total + 5})
    _length(exchange, page, 0)
    await _pages_join(world, resource, total)
    for bad in ({"limit": 0}, {"limit": int(limit.get("maximum", PAGE)) + 1}, {"offset": -1}):
        exchange = await world.probe.call(listing, query=bad)
        exchange.expect(422, f"{bad} is out of range")


async def _pages_join(world: World, resource: ProbedResource, total: int) -> None:
    """Pages put together are the whole list: nothing twice, nothing lost."""
    size = max(2, -(-total // MAX_SMALL_PAGES))
    if size > PAGE:
        return
    seen: list[Any] = []
    for start in range(0, total, size):
        exchange, page = await world.page(resource, {"limit": size, "offset": start})
        seen += [item.get("id") for item in page["items"]]
    if len(set(seen)) != total or len(seen) != total:
        text = f"{len(set(seen))} different ids in {len(seen)} items"
        raise exchange.unmet(f"{total} different ids", text, "pages do not overlap or leave gaps")


async def _shuffled(world: World, resource: ProbedResource) -> list[int]:
    """Three entries whose order of creation is not the order of their values."""
    bodies = [await world.body(resource) for _ in range(3)]
    for name in resource.references():
        for body in bodies:
            body[name] = (await world.create(resource.references()[name]))["id"]
    made = [await world.post(resource, bodies[index]) for index in (1, 0, 2)]
    return [exchange.entry()["id"] for exchange in made]


def _ordered(
    exchange: Exchange,
    resource: ProbedResource,
    key: str,
    ours: Sequence[dict[str, Any]],
    *,
    descending: bool,
) -> None:
    values: list[Any] = [item[key] for item in ours if item.get(key) is not None]
    if descending:
        values.reverse()
    schema = resource.fields.get(key, {})
    allowed = members(schema)
    by_declaration = [allowed.index(v) for v in values if v in allowed]
    if values == sorted(values) or (allowed and by_declaration == sorted(by_declaration)):
        return
    if descending:
        values.reverse()
    why = f"sort={'-' if descending else ''}{key} orders by {key}"
    wanted = sorted(values, reverse=descending)
    raise exchange.unmet(f"{key} in the order {wanted}", f"{values}", why)


def _is_text(resource: ProbedResource, name: str) -> bool:
    schema = resource.fields[name]
    plain = schema.get("format") not in ("date", "date-time", "time", "uuid")
    return "string" in kinds(schema) and not members(schema) and plain


def _distinct_part(text: str, others: Sequence[str]) -> str:
    """The shortest end of `text` that none of `others` contains; all of it where there is none."""
    for length in range(3, len(text)):
        part = text[-length:]
        if not any(part in other for other in others):
            return part
    return text


def _all_have(exchange: Exchange, items: Sequence[dict[str, Any]], field: str, chosen: Any) -> None:
    for item in items:
        if not same(item.get(field), chosen):
            seen = f"id {item.get('id')} with {field}: {item.get(field)!r}"
            raise exchange.unmet(f"only {field}: {chosen!r}", seen, f"{field} narrows the list")


def _contains(exchange: Exchange, items: Sequence[dict[str, Any]], wanted: int, why: str) -> None:
    ids = [item.get("id") for item in items]
    if wanted not in ids:
        raise exchange.unmet(f"id {wanted} in the list", f"ids {ids[:20]}", why)


def _lacks(exchange: Exchange, items: Sequence[dict[str, Any]], other: int, why: str) -> None:
    ids = [item.get("id") for item in items]
    if other in ids:
        raise exchange.unmet(f"no id {other} in the list", f"ids {ids[:20]}", why)


def _echoes(exchange: Exchange, page: dict[str, Any], **expected: Any) -> None:
    for name, wanted in expected.items():
        if page.get(name) != wanted:
            why = f"the list repeats the {name} it used"
            raise exchange.unmet(f"{name}: {wanted}", f"{name}: {page.get(name)!r}", why)


def _length(exchange: Exchange, page: dict[str, Any], wanted: int) -> None:
    if len(page["items"]) != wanted:
        why = "limit and offset choose the items"
        raise exchange.unmet(f"{wanted} items", f"{len(page['items'])} items", why)
