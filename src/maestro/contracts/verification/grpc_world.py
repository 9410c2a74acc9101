"""What the verification of a gRPC provider has made there, and requests that fit it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maestro.contracts.protobuf.model import GrpcMethod
from maestro.contracts.protobuf.resources import EntryAction, GrpcResource
from maestro.contracts.protobuf.sampling import MessageSampler, is_whole
from maestro.contracts.verification.grpc_probe import GrpcExchange, GrpcProbe

UNKNOWN_TEXT = "there-is-no-such-entry"
UNKNOWN_NUMBER = 2_000_000_011


@dataclass(slots=True)
class GrpcWorld:
    """Entries that were made, and numbers nobody used before."""

    probe: GrpcProbe
    sampler: MessageSampler
    resources: tuple[GrpcResource, ...]
    ids: dict[str, Any] = field(default_factory=dict)
    """Resource -> id of an entry that exists."""
    _made: list[tuple[GrpcResource, Any]] = field(default_factory=list)
    _next: int = 100

    def number(self) -> int:
        self._next += 1
        return self._next

    def request(self, method: GrpcMethod, *, variant: int) -> Any:
        """A sampled request whose references lead to entries that exist."""
        made = self.sampler.sample(method.request, variant=variant)
        for known in made.DESCRIPTOR.fields:
            name = known.name.removesuffix("_id")
            if known.name.endswith("_id") and name in self.ids:
                _put(made, known, self.ids[name])
        return made

    async def call(self, method: GrpcMethod, request: Any) -> GrpcExchange:
        return await self.probe.call(method, [request])

    async def create(self, resource: GrpcResource) -> tuple[GrpcExchange, Any]:
        """Makes an entry. The request is returned beside what came back."""
        method = resource.methods[EntryAction.CREATE]
        request = self.request(method, variant=self.number())
        exchange = await self.call(method, request)
        identifier = self.id_of(resource, exchange)
        if identifier:
            self.ids[resource.name] = identifier
            self._made.append((resource, identifier))
        return exchange, request

    def id_of(self, resource: GrpcResource, exchange: GrpcExchange) -> Any:
        """The id in a reply; None where there is none."""
        if not exchange.ok or not exchange.messages:
            return None
        reply = exchange.messages[0]
        entry = resource.taken(reply)
        if entry is not None:
            return getattr(entry, resource.id_field) or None
        named = resource.id_in(reply.DESCRIPTOR)
        return (getattr(reply, named.name) or None) if named is not None else None

    def naming(self, resource: GrpcResource, action: EntryAction, identifier: Any) -> Any:
        """A request of this action that names an entry, without anything else in it."""
        method = resource.methods[action]
        made = self.probe.model.message_class(method.request)()
        self.name(resource, made, identifier)
        return made

    def name(self, resource: GrpcResource, request: Any, identifier: Any) -> None:
        """Writes an entry's id where the request names the entry."""
        named = resource.id_in(request.DESCRIPTOR)
        held = resource.entry_in(request.DESCRIPTOR)
        if named is not None:
            _put(request, named, identifier)
        if held is not None:
            entry = getattr(request, held.name)
            _put(entry, resource.entry.fields_by_name[resource.id_field], identifier)
        elif request.DESCRIPTOR.full_name == resource.entry.full_name:
            _put(request, resource.entry.fields_by_name[resource.id_field], identifier)

    def unknown_id(self, resource: GrpcResource) -> Any:
        known = resource.entry.fields_by_name[resource.id_field]
        return UNKNOWN_NUMBER if is_whole(known) else UNKNOWN_TEXT

    async def clean(self) -> None:
        """Takes away what was made, where the contract can."""
        for resource, identifier in reversed(self._made):
            if EntryAction.DELETE in resource.methods:
                request = self.naming(resource, EntryAction.DELETE, identifier)
                await self.probe.call(resource.methods[EntryAction.DELETE], [request])
        self._made.clear()


def _put(message: Any, known: Any, value: Any) -> None:
    """Sets a plain field, where the value's kind allows."""
    if known.is_repeated or known.message_type is not None:
        return
    try:
        setattr(message, known.name, value)
    except (TypeError, ValueError):
        return


def plain_values(entry: Any) -> Mapping[str, Any]:
    """Values of plain fields that are set."""
    return {
        known.name: value
        for known, value in entry.ListFields()
        if known.message_type is None and not known.is_repeated
    }
