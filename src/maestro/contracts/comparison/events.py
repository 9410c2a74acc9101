"""Two versions of an AsyncAPI contract held against each other, as they are on the wire.

What the application sends is compared like a reply, what it receives like a request: it may come
to say less and to understand more. Addresses are compared, not the names documents give them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maestro.contracts.asyncapi.addresses import (
    AddressTemplate,
    ServedAddress,
    answer_address,
    served_addresses,
)
from maestro.contracts.asyncapi.document import AsyncApiDocument, from_object
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.model import EventMessage, EventModel, EventServer
from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison
from maestro.contracts.comparison.schemas import SchemaComparison, schema_changes
from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import LocatedSchema
from maestro.contracts.openapi.pointers import join, lookup
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject, JsonValue

BREAKING, DANGEROUS, COMPATIBLE = ChangeKind.BREAKING, ChangeKind.DANGEROUS, ChangeKind.COMPATIBLE
_TELLS, _ASKS = SchemaDirection.RESPONSE, SchemaDirection.REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Role:
    """One way in which messages travel on an address."""

    side: str
    direction: SchemaDirection
    removed: ChangeKind
    added: ChangeKind
    verb: str


_SENT = _Role(
    side="sent",
    direction=_TELLS,
    removed=BREAKING,  # whoever waits for it waits in vain
    added=DANGEROUS,  # listeners get what they do not know
    verb="published",
)
_ANSWERED = _Role(
    side="reply", direction=_TELLS, removed=DANGEROUS, added=DANGEROUS, verb="answered"
)
_RECEIVED = _Role(
    side="received", direction=_ASKS, removed=BREAKING, added=COMPATIBLE, verb="accepted"
)


def compare_events(old: Contract, new: Contract) -> Comparison:
    """Every change between two versions.

    Raises:
        InvalidInput: one of the two cannot be read.
    """
    before = from_object(old.specification, name=f"{old.id} (earlier)")
    after = from_object(new.specification, name=new.id)
    return compare_asyncapi(before, after)


def compare_asyncapi(old: AsyncApiDocument, new: AsyncApiDocument) -> Comparison:
    """Raises InvalidInput for a document that cannot be read."""
    work = _Work(_Side(old), _Side(new))
    return Comparison.of(work.changes(), edited=old.root != new.root)


class _Side:
    def __init__(self, document: AsyncApiDocument) -> None:
        self.document = document
        self.model: EventModel = events_of(document)
        self.addresses = {_shape(s): s for s in served_addresses(self.model)}
        self.keys = {c.key: AddressTemplate(c.address).path for c in self.model.channels}

    def written(self, message: EventMessage) -> Any:
        """The message as the document has it."""
        return lookup(self.document.root, f"#{message.pointer}", where=message.pointer)


class _Work:
    def __init__(self, old: _Side, new: _Side) -> None:
        self._old = old
        self._new = new

    def changes(self) -> Iterator[Change]:
        yield from _servers(self._old.model, self._new.model)
        moved = dict(self._moved())
        for shape, served in self._old.addresses.items():
            later = self._new.addresses.get(moved.get(shape, shape))
            if later is None:
                yield _of(served, BREAKING, "channel-removed", "the channel is gone")
                continue
            if shape in moved:
                said = f"the address {served.template.path!r} is now {later.template.path!r}"
                yield _of(later, BREAKING, "address-changed", said)
            yield from self._address(served, later)
        for shape, served in self._new.addresses.items():
            if shape not in self._old.addresses and shape not in moved.values():
                yield _of(served, COMPATIBLE, "channel-added", "the channel is new")

    def _moved(self) -> Iterator[tuple[str, str]]:
        """Channels that kept their name and are found at another address."""
        for shape, served in self._old.addresses.items():
            for channel in served.channels:
                path = self._new.keys.get(channel.key)
                there = next(
                    (s for s, x in self._new.addresses.items() if x.template.path == path), None
                )
                gone, fresh = shape not in self._new.addresses, there not in self._old.addresses
                if there is not None and gone and fresh:
                    yield shape, there
                    break

    def _address(self, old: ServedAddress, new: ServedAddress) -> Iterator[Change]:
        if new.undirected and not old.undirected:
            said = "no operation says any more who publishes on it"
            yield _of(new, BREAKING, "operations-removed", said)
        yield from self._messages(new, _SENT, old.sent, new.sent)
        yield from self._messages(new, _ANSWERED, old.answers, new.answers)
        yield from self._messages(new, _RECEIVED, old.received, new.received)
        yield from self._parameters(old, new)
        yield from _protocols(old, new)
        yield from _replies(old, new)
        yield from _bindings(old, new)

    def _messages(
        self,
        served: ServedAddress,
        role: _Role,
        before: tuple[EventMessage, ...],
        after: tuple[EventMessage, ...],
    ) -> Iterator[Change]:
        old, new = {m.name: m for m in before}, {m.name: m for m in after}
        gone = [m for name, m in old.items() if name not in new]
        fresh = [m for name, m in new.items() if name not in old]
        for message in list(gone):
            twin = next((m for m in fresh if _alike(m, message)), None)
            if twin is not None:
                gone.remove(message)
                fresh.remove(twin)
                said = f"the message {message.name!r} is now called {twin.name!r}"
                rule = f"{role.side}-message-renamed"
                yield _of(served, DANGEROUS, rule, said, twin.pointer)
        for message in gone:
            said = f"{message.name!r} is no longer {role.verb}"
            kind = role.removed if new else BREAKING
            yield _of(served, kind, f"{role.side}-message-removed", said, message.pointer)
        for message in fresh:
            said = f"{message.name!r} is {role.verb} too"
            kind = role.added if old else COMPATIBLE
            yield _of(served, kind, f"{role.side}-message-added", said, message.pointer)
        for name, message in old.items():
            if name in new:
                yield from self._message(served, role, message, new[name])

    def _message(
        self, served: ServedAddress, role: _Role, old: EventMessage, new: EventMessage
    ) -> Iterator[Change]:
        if old.content_type != new.content_type:
            said = f"{new.name!r} is {new.content_type} and was {old.content_type}"
            yield _of(served, BREAKING, f"{role.side}-content-type-changed", said, new.pointer)
        if old.correlation != new.correlation and old.correlation:
            said = f"{new.name!r} has its id at {new.correlation or 'no place'!r}"
            yield _of(
                served,
                BREAKING,
                f"{role.side}-correlation-changed",
                said,
                new.pointer,
                before=old.correlation,
                after=new.correlation,
            )
        if old.unverifiable or new.unverifiable:
            if self._old.written(old) != self._new.written(new):
                said = f"{new.name!r} changed in a way that cannot be judged"
                yield _of(served, DANGEROUS, f"{role.side}-message-changed", said, new.pointer)
            return
        for part in ("payload", "headers"):
            yield from _schemas(
                getattr(old, part),
                getattr(new, part),
                role,
                pointer=join(new.pointer, part),
                subject=f"{part} of {new.name!r}",
                operation=served.template.path,
            )

    def _parameters(self, old: ServedAddress, new: ServedAddress) -> Iterator[Change]:
        """By position: their names are not on the wire."""
        before = {p.name: p for c in old.channels for p in c.parameters}
        after = {p.name: p for c in new.channels for p in c.parameters}
        for earlier, later in zip(old.template.names, new.template.names, strict=False):
            if earlier in before and later in after:
                yield from _schemas(
                    before[earlier].schema,
                    after[later].schema,
                    replace(_RECEIVED, side="parameter"),
                    pointer=after[later].pointer,
                    subject=f"parameter {later!r}",
                    operation=new.template.path,
                )


def _schemas(
    old: Schema, new: Schema, role: _Role, *, pointer: str, subject: str, operation: str
) -> Iterator[Change]:
    """Both stand alone, so each is the document its references lead into."""
    comparison = SchemaComparison(_root(old), _root(new))
    found = comparison.differences(LocatedSchema(old, ""), LocatedSchema(new, ""), role.direction)
    for change in schema_changes(found, side=role.side, subject=subject, operation=operation):
        yield replace(change, pointer=pointer + change.pointer)


def _root(schema: Schema) -> JsonObject:
    return schema if isinstance(schema, Mapping) else {}


def _shape(served: ServedAddress) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", served.template.path)


def _alike(one: EventMessage, other: EventMessage) -> bool:
    same = one.payload == other.payload and one.headers == other.headers
    return same and one.payload is not True and one.unverifiable == other.unverifiable == ""


def _protocols(old: ServedAddress, new: ServedAddress) -> Iterator[Change]:
    before = {p for c in old.channels for p in c.protocols}
    after = {p for c in new.channels for p in c.protocols}
    for gone in sorted(before - after) if after else ():
        yield _of(new, BREAKING, "protocol-removed", f"is no longer served over {gone}")
    for fresh in sorted(after - before) if before else ():
        yield _of(new, COMPATIBLE, "protocol-added", f"is served over {fresh} too")


def _replies(old: ServedAddress, new: ServedAddress) -> Iterator[Change]:
    """Where answers go, for requests of the same name."""
    before = {m.name: o for o in old.operations if o.reply for m in o.messages}
    after = {m.name: o for o in new.operations if o.reply for m in o.messages}
    kept = {m.name for o in new.operations for m in o.messages}
    for name, operation in before.items():
        if name in after:
            one, other = answer_address(operation), answer_address(after[name])
            if one != other:
                said = f"answers to {name!r} go to {other or 'the same address'!r}"
                pointer = after[name].pointer
                yield _of(new, BREAKING, "reply-address-changed", said, pointer)
        elif name in kept:
            yield _of(new, BREAKING, "reply-removed", f"{name!r} is no longer answered")
    for name in after:
        if name not in before and any(m.name == name for m in old.every):
            yield _of(new, COMPATIBLE, "reply-added", f"{name!r} is answered now")


def _bindings(old: ServedAddress, new: ServedAddress) -> Iterator[Change]:
    for one, other in zip(old.channels, new.channels, strict=False):
        for name in sorted({*one.bindings, *other.bindings}):
            before, after = one.bindings.get(name), other.bindings.get(name)
            if before != after:
                said = f"the bindings for {name} changed"
                pointer = join(other.pointer, "bindings", name)
                yield _of(
                    new, DANGEROUS, "binding-changed", said, pointer, before=before, after=after
                )


def _servers(old: EventModel, new: EventModel) -> Iterator[Change]:
    before, after = {s.name: s for s in old.servers}, {s.name: s for s in new.servers}
    for name, server in before.items():
        pointer = join("/servers", name)
        later = after.get(name)
        if later is None:
            kind, rule, said = DANGEROUS, "server-removed", f"the server {name!r} is gone"
        elif later.protocol != server.protocol:
            said = f"the server {name!r} speaks {later.protocol} and spoke {server.protocol}"
            kind, rule = BREAKING, "server-protocol-changed"
        elif _where(later) != _where(server):
            said = f"the server {name!r} is at {_where(later)} and was at {_where(server)}"
            kind, rule = DANGEROUS, "server-moved"
        else:
            continue
        yield Change(kind=kind, rule=rule, pointer=pointer, message=said)
    for name in after:
        if name not in before:
            said, pointer = f"the server {name!r} is new", join("/servers", name)
            yield Change(kind=COMPATIBLE, rule="server-added", pointer=pointer, message=said)


def _where(server: EventServer) -> str:
    return server.host + server.path


def _of(
    served: ServedAddress,
    kind: ChangeKind,
    rule: str,
    message: str,
    pointer: str = "",
    *,
    before: JsonValue = None,
    after: JsonValue = None,
) -> Change:
    return Change(
        kind=kind,
        rule=rule,
        pointer=pointer or served.channels[0].pointer,
        message=message,
        operation=served.template.path,
        before=before,
        after=after,
    )
