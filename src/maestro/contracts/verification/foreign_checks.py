"""Entries of documents that were not designed here: their acceptance check, and how to make one."""

from urllib.parse import urlsplit

from maestro.contracts.openapi.bundling import standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument, from_object
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.roundtrip import NotAsPromised, ProviderReply, live_through, resource_of
from maestro.contracts.samples import Sampler
from maestro.contracts.verification.probe import Exchange, Unmet, clipped
from maestro.contracts.verification.world import Unverifiable, World
from maestro.domain.contract import Finding
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput


async def resource_roundtrip(world: World, entity: str) -> None:
    """Creates, reads, finds, changes and deletes an entry, as far as the document offers it."""
    exchanges: list[Exchange] = []

    async def ask(method: str, path: str, body: JsonValue) -> ProviderReply:
        place = urlsplit(path)
        found = world.interface.find(method, place.path)
        key = found[0].key if found else f"{method} {path}"
        reply = await world.probe.send(key, method, place.path, query=place.query, body=body)
        exchanges.append(reply)
        return ProviderReply(
            status=reply.status,
            value=reply.json() if "json" in reply.headers.get("content-type", "") else None,
            location=reply.headers.get("location", ""),
        )

    document = from_object(world.interface.document)
    try:
        resource = resource_of(document, entity)
        await live_through(document, resource, ask, not_built=world.not_built)
    except NotAsPromised as found:
        raise Unmet(
            Finding(
                rule="",
                message=f"a {entity.replace('_', ' ')} does not live as the document says",
                operation=found.operation,
                expected=clipped(found.expected),
                seen=clipped(found.seen),
                reproduce="\n".join(exchange.curl() for exchange in exchanges),
            )
        ) from found
    except InvalidInput as error:
        raise Unverifiable(str(error)) from error


async def made_entry(world: World, document: OpenApiDocument, resource: Resource) -> JsonValue:
    """Id of an entry made from the document alone. Raises Unverifiable or Unmet without success."""
    create = resource.operation(ResourceAction.CREATE)
    if create is None or resource.create_schema is None or resource.parents:
        raise Unverifiable(f"the document offers no way to create a {resource.name} by itself")
    whole = without_marked(standalone(document, resource.create_schema), "readOnly")
    world.numbers += 1
    body = Sampler(whole, name=resource.name).sample(variant=world.numbers)
    exchange = await world.probe.send(create.key, create.method, create.path, body=body)
    if exchange.status >= 300:
        raise exchange.unmet("a 2xx status", exchange.shown(), f"a {resource.name} is created")
    return entry_id(resource, exchange)


def entry_id(resource: Resource, exchange: Exchange) -> JsonValue:
    """The id of the entry that a creation answered, or sent; None where neither shows it."""
    for entry in (exchange.json() if exchange.content else None, exchange.sent):
        if isinstance(entry, dict) and resource.id_field in entry:
            return entry[resource.id_field]
    return None
