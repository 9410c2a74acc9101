"""Repeats on a gRPC provider what consumers did on the mock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from maestro.contracts.protobuf.model import GrpcMethod
from maestro.contracts.protobuf.resources import EntryAction, GrpcResource
from maestro.contracts.verification.grpc_methods import judged
from maestro.contracts.verification.grpc_probe import BROKEN, GrpcExchange
from maestro.contracts.verification.grpc_world import GrpcWorld
from maestro.domain.contract import Finding
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

RULE = "consumer_replay"
OK, NOT_FOUND = 0, 5
_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


@dataclass(slots=True)
class GrpcReplay:
    """Replays calls in their order; ids of the mock become ids of the provider."""

    world: GrpcWorld
    ids: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(resource, id on the mock) -> id on the provider."""
    repeated: int = 0
    left_out: int = 0

    async def run(self, calls: Sequence[RecordedCall]) -> list[Finding]:
        findings: list[Finding] = []
        for call in calls:
            method = self.world.probe.model.method(call.path)
            if method is None or not _repeatable(call):
                self.left_out += 1
                continue
            self.repeated += 1
            findings += await self._repeat(call, method)
        return findings

    async def _repeat(self, call: RecordedCall, method: GrpcMethod) -> list[Finding]:
        owner = self._owner(method)
        bodies = call.request_body if isinstance(call.request_body, list) else [call.request_body]
        try:
            messages = [
                self.world.probe.model.from_json(body, method.request)
                for body in bodies
                if body is not None
            ]
        except InvalidInput as error:
            return [_unusable(call, method, error)]
        for message in messages:
            await self._translate(message, owner, call)
        exchange = await self.world.probe.call(method, messages)
        self._remember(call, owner, method, exchange)
        odd = [replace(finding, rule=RULE) for finding in judged(exchange)]
        if odd or exchange.ok == (call.status == OK) or exchange.left:
            return odd
        wanted = _CODES[call.status] if 0 <= call.status < len(_CODES) else str(call.status)
        text = "the consumer's call is answered otherwise than on the mock"
        return [exchange.finding(RULE, text, wanted)]

    def _owner(self, method: GrpcMethod) -> tuple[GrpcResource, EntryAction] | None:
        for resource in self.world.resources:
            for action, own in resource.methods.items():
                if own.key == method.key:
                    return resource, action
        return None

    async def _translate(
        self, message: Any, owner: tuple[GrpcResource, EntryAction] | None, call: RecordedCall
    ) -> None:
        """Ids the mock gave become ids the provider gave."""
        for resource in self.world.resources:
            known = message.DESCRIPTOR.fields_by_name.get(f"{resource.name}_id")
            if known is not None and known.message_type is None and not known.is_repeated:
                own = self.ids.get((resource.name, str(getattr(message, known.name))))
                if own is not None:
                    setattr(message, known.name, own)
        if owner is None or owner[1] in (EntryAction.CREATE, EntryAction.LIST):
            return
        resource, _ = owner
        mocked = _named(resource, message)
        own = self.ids.get((resource.name, mocked))
        if own is None and call.status == OK:
            # The consumer found an entry of its own making; the provider has to have one too.
            exchange, _ = await self.world.create(resource)
            own = self.world.id_of(resource, exchange)
            self.ids[(resource.name, mocked)] = own
        if own is None:
            own = self.world.unknown_id(resource) if call.status == NOT_FOUND else None
        if own is not None:
            self.world.name(resource, message, own)

    def _remember(
        self,
        call: RecordedCall,
        owner: tuple[GrpcResource, EntryAction] | None,
        method: GrpcMethod,
        exchange: GrpcExchange,
    ) -> None:
        if owner is None or not exchange.ok or call.status != OK:
            return
        resource, action = owner
        if action is not EntryAction.CREATE or not isinstance(call.reply_body, Mapping):
            return
        try:
            replied = self.world.probe.model.from_json(call.reply_body, method.reply)
        except InvalidInput:
            return
        mocked, own = _named(resource, replied), self.world.id_of(resource, exchange)
        if mocked and own is not None:
            self.ids[(resource.name, mocked)] = own


def _repeatable(call: RecordedCall) -> bool:
    """Not what was outside of the contract, or answered so because the caller asked for it."""
    forced = "maestro-prefer" in call.request_headers
    broken = 0 <= call.status < len(_CODES) and _CODES[call.status] in BROKEN
    return call.protocol == "grpc" and call.valid and not forced and not broken


def _named(resource: GrpcResource, message: Any) -> str:
    """The id by which a message names its entry; empty where it names none."""
    entry = resource.taken(message)
    if entry is not None and getattr(entry, resource.id_field):
        return str(getattr(entry, resource.id_field))
    known = resource.id_in(message.DESCRIPTOR)
    return str(getattr(message, known.name)) if known is not None else ""


def _unusable(call: RecordedCall, method: GrpcMethod, error: InvalidInput) -> Finding:
    return Finding(
        rule=RULE,
        message="the recorded call does not fit the contract any more",
        operation=method.key,
        expected="a request of the contract",
        seen=str(error)[:300],
    )
