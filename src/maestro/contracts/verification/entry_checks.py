"""Acceptance checks of single entries: created, read, changed, deleted, and their rules kept."""

from typing import Any
from urllib.parse import urlsplit

from maestro.contracts.verification.interface import ProbedResource
from maestro.contracts.verification.probe import Exchange
from maestro.contracts.verification.values import is_nullable, kinds, members, same
from maestro.contracts.verification.world import UNKNOWN_ID, Unverifiable, World, operation_of


async def crud_roundtrip(world: World, entity: str) -> None:
    resource = world.resource(entity)
    before = await _total(world, resource)
    body = await world.body(resource)
    made = await world.post(resource, body)
    entry = made.entry()
    _holds(made, entry, body, "the reply to a creation shows what was sent")
    _declared(world, resource, made, entry)
    await _location(world, made, entry["id"])
    read = await world.read(resource, entry["id"])
    read.expect(200, "a created entry can be read")
    _declared(world, resource, read, read.entry())
    _equal(read, read.entry(), entry, "reading gives what creation answered")
    await _listed(world, resource, entry, before + 1)
    await _changed(world, resource, entry)
    await _deleted(world, resource, entry["id"], before)


async def field_stored(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    schema = world.field(resource, field)
    try:
        first, second = await world.two_values(resource, field)
    except Unverifiable:  # an enumeration of one member
        first = second = await world.value(resource, field)
    made = await world.post(resource, await world.body(resource, {field: first}))
    identifier = made.entry()["id"]
    read = await world.read(resource, identifier)
    _holds(read, read.entry(), {field: first}, f"{field} is stored on creation")
    if resource.update is not None:
        await _update_to(world, resource, identifier, field, second)
        if is_nullable(schema):
            await _update_to(world, resource, identifier, field, None)
    if field not in resource.required:
        made = await world.post(resource, await world.body(resource, full=False))
        read = await world.read(resource, made.entry()["id"])
        expected = schema.get("default")
        _holds(read, read.entry(), {field: expected}, f"{field} left out has its default")


async def required_enforced(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    schema = world.field(resource, field)
    before = await _total(world, resource)
    body = await world.body(resource)
    body.pop(field, None)
    await world.refused(resource, body, 422, f"a {entity} without {field} is refused")
    if not is_nullable(schema):
        null = {**body, field: None}
        await world.refused(resource, null, 422, f"{field}: null is refused")
    if "string" in kinds(schema) and schema.get("minLength", 0) > 0:
        empty = {**body, field: ""}
        await world.refused(resource, empty, 422, f"an empty {field} is refused")
    if resource.list is not None:
        exchange, page = await world.page(resource, {"limit": 1})
        if page["total"] != before:
            why = "a refused creation stores nothing"
            raise exchange.unmet(f'"total": {before}', f'"total": {page["total"]}', why)
    if resource.update is not None and not is_nullable(schema):
        entry = await world.create(entity)
        exchange = await world.change(resource, entry["id"], {field: None})
        exchange.expect(422, f"{field} cannot be changed to null")


async def enum_enforced(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    allowed = members(world.field(resource, field))
    if not allowed:
        raise Unverifiable(f"{entity}.{field} is no enumeration in the document")
    for member in allowed:
        made = await world.post(resource, await world.body(resource, {field: member}))
        read = await world.read(resource, made.entry()["id"])
        _holds(read, read.entry(), {field: member}, f"every {field} can be stored")
    strangers: list[Any] = [f"not-{allowed[0]}", ""]
    if isinstance(allowed[0], str) and allowed[0].swapcase() not in allowed:
        strangers.append(allowed[0].swapcase())
    for stranger in strangers:
        body = await world.body(resource, {field: stranger})
        await world.refused(resource, body, 422, f"{field} {stranger!r} is refused")
    if resource.update is not None:
        entry = await world.create(entity)
        exchange = await world.change(resource, entry["id"], {field: strangers[0]})
        exchange.expect(422, f"{field} cannot be changed to {strangers[0]!r}")


async def unique_enforced(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    first, second = await world.create(entity), await world.create(entity)
    body = await world.body(resource, {field: first[field]})
    await world.refused(resource, body, 409, f"a second {entity} with the same {field} is refused")
    if resource.update is None:
        return
    exchange = await world.change(resource, second["id"], {field: first[field]})
    exchange.expect(409, f"{field} cannot be changed to one that is taken")
    read = await world.read(resource, second["id"])
    _holds(read, read.entry(), {field: second[field]}, "a refused change stores nothing")
    exchange = await world.change(resource, first["id"], {field: first[field]})
    exchange.expect(200, f"an entry may keep its own {field}")


async def reference_checked(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    target = resource.references().get(field)
    if target is None:
        raise Unverifiable(f"{entity}.{field} has no x-references in the document")
    body = await world.body(resource, {field: UNKNOWN_ID})
    await world.refused(resource, body, 409, f"{field} must lead to an existing {target}")
    parent = await world.create(target)
    entry = await world.create(entity, {field: parent["id"]})
    if resource.update is not None:
        exchange = await world.change(resource, entry["id"], {field: UNKNOWN_ID})
        exchange.expect(409, f"{field} cannot be changed to an unknown {target}")
        read = await world.read(resource, entry["id"])
        _holds(read, read.entry(), {field: parent["id"]}, "a refused change stores nothing")
    await _no_dangling(world, resource, field, entry["id"], parent["id"])


async def assign_changes(world: World, entity: str, field: str) -> None:
    resource = world.resource(entity)
    schema = world.field(resource, field)
    first, second = await world.two_values(resource, field)
    start = {} if field not in resource.required else {field: first}
    entry = await world.create(entity, start)
    for chosen in (first, second):
        await _update_to(world, resource, entry["id"], field, chosen)
        await _found_by(world, resource, entry["id"], field, chosen)
    if is_nullable(schema):
        await _update_to(world, resource, entry["id"], field, None)


async def _found_by(
    world: World, resource: ProbedResource, identifier: int, field: str, chosen: Any
) -> None:
    if resource.list is None or resource.list.query(field) is None:
        return
    exchange, items = await world.everything(resource, {field: chosen})
    if identifier not in [item.get("id") for item in items]:
        seen = f"ids {[item.get('id') for item in items]}"
        raise exchange.unmet(f"id {identifier} in the list", seen, f"the list knows its {field}")


async def _no_dangling(
    world: World, resource: ProbedResource, field: str, identifier: int, parent: int
) -> None:
    """After deleting what is referred to: refused, or no reference to it is left."""
    target = world.resource(resource.references()[field])
    if target.delete is None:
        return
    removed = await world.remove(target, parent)
    if removed.status == 409:
        removed.expect(409, "deleting what is still referred to is refused")
        return
    removed.expect(target.delete.success, "deleting answers a documented status")
    read = await world.read(resource, identifier)
    if read.status == 200 and read.entry().get(field) == parent:
        why = f"{field} leads to a {target.entity} that was deleted"
        raise read.unmet(f"409 for the deletion, or another {field}", read.shown(), why)


async def _update_to(
    world: World, resource: ProbedResource, identifier: int, field: str, chosen: Any
) -> None:
    before = await world.stored(resource, identifier)
    exchange = await world.change(resource, identifier, {field: chosen})
    exchange.expect(200, f"{field} can be changed to {chosen!r}")
    _holds(exchange, exchange.entry(), {field: chosen}, f"the reply shows the changed {field}")
    read = await world.read(resource, identifier)
    read.expect(200, "a changed entry can be read")
    expected = {**before, field: chosen}
    _holds(read, read.entry(), expected, f"the change of {field} is stored, nothing else changes")


async def _total(world: World, resource: ProbedResource) -> int:
    if resource.list is None:
        return 0
    _, page = await world.page(resource, {"limit": 1})
    return int(page["total"])


async def _location(world: World, made: Exchange, identifier: int) -> None:
    location = made.headers.get("location")
    if location is None:
        operation = world.interface.operation(made.operation)
        reply = operation.responses.get(str(made.status), {}) if operation else {}
        if "location" in [name.lower() for name in reply.get("headers", {})]:
            raise made.unmet("a Location header", "none", "a creation tells where the entry is")
        return
    path = urlsplit(location).path
    if path.rstrip("/").rsplit("/", 1)[-1] != str(identifier):
        why = "Location leads to the created entry"
        raise made.unmet(f"a Location that ends in /{identifier}", location, why)


async def _listed(
    world: World, resource: ProbedResource, entry: dict[str, Any], total: int
) -> None:
    if resource.list is None:
        return
    exchange, items = await world.everything(resource)
    if len(items) != total:
        raise exchange.unmet(f"{total} entries", f"{len(items)} entries", "a creation adds one")
    shown = next((item for item in items if item.get("id") == entry["id"]), None)
    if shown is None:
        seen = f"ids {[item.get('id') for item in items][-20:]}"
        raise exchange.unmet(f"id {entry['id']} in the list", seen, "a created entry is listed")
    _equal(exchange, shown, entry, "the list shows what creation answered")


async def _changed(world: World, resource: ProbedResource, entry: dict[str, Any]) -> None:
    if resource.update is None:
        return
    other = await world.body(resource)
    name = next((n for n in other if other[n] != entry.get(n)), None)
    if name is not None:
        await _update_to(world, resource, entry["id"], name, other[name])
    missing = await world.change(
        resource, UNKNOWN_ID, {next(iter(other)): next(iter(other.values()))}
    )
    missing.expect(404, "changing an unknown entry says so")


async def _deleted(world: World, resource: ProbedResource, identifier: int, total: int) -> None:
    if resource.delete is None:
        return
    gone = await world.remove(resource, identifier)
    gone.expect(resource.delete.success, "an entry can be deleted")
    if gone.status == 204 and gone.content:
        raise gone.unmet("no body", gone.shown(), "204 has no content")
    (await world.read(resource, identifier)).expect(404, "a deleted entry cannot be read")
    (await world.remove(resource, identifier)).expect(404, "a deleted entry is deleted once")
    if resource.list is None:
        return
    exchange, items = await world.everything(resource)
    if identifier in [item.get("id") for item in items] or len(items) != total:
        seen = f"{len(items)} entries, ids {[item.get('id') for item in items][-20:]}"
        raise exchange.unmet(
            f"{total} entries without id {identifier}", seen, "a deleted entry is not listed"
        )


def _holds(exchange: Exchange, entry: dict[str, Any], expected: dict[str, Any], why: str) -> None:
    for name, wanted in expected.items():
        if name not in entry or not same(entry[name], wanted):
            seen = f"{name}: {entry[name]!r}" if name in entry else f"no {name!r}"
            raise exchange.unmet(f"{name}: {wanted!r}", seen, why)


def _equal(exchange: Exchange, seen: dict[str, Any], wanted: dict[str, Any], why: str) -> None:
    _holds(exchange, seen, wanted, why)
    extra = sorted(set(seen) - set(wanted))
    if extra:
        raise exchange.unmet(f"no {extra[0]!r}", f"{extra[0]}: {seen[extra[0]]!r}", why)


def _declared(
    world: World, resource: ProbedResource, exchange: Exchange, entry: dict[str, Any]
) -> None:
    """An entry shows the contract's properties and no others: what leaks out is part of the API."""
    operation = world.interface.operation(exchange.operation) or operation_of(resource, "create")
    reply = operation.responses.get(str(exchange.status)) or {}
    media = reply.get("content", {}).get("application/json", {})
    schema = world.interface.resolve(media.get("schema", {}))
    known = set(schema.get("properties", ())) if isinstance(schema, dict) else set()
    extra = sorted(set(entry) - known) if known else []
    if extra:
        seen = f"{extra[0]}: {entry[extra[0]]!r}"
        raise exchange.unmet("only declared properties", seen, f"{extra[0]!r} is not declared")
