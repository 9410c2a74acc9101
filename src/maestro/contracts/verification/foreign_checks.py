"""Entries of documents that were not designed here: their acceptance check."""

from urllib.parse import urlsplit

from maestro.contracts.openapi.document import from_object
from maestro.contracts.roundtrip import NotAsPromised, ProviderReply, live_through, resource_of
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
