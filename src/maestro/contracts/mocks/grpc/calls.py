"""Every call of a gRPC mock: read, answered as asked, kept as evidence."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.contracts.mocks.grpc.preferences import (
    CODES,
    PREFER,
    CallPreferences,
    read_preferences,
)
from maestro.contracts.mocks.grpc.replies import GrpcReplies
from maestro.contracts.mocks.grpc.state import GrpcRefusal
from maestro.contracts.mocks.surface import MockBehaviour, Record
from maestro.contracts.protobuf.model import CallKind, GrpcMethod, ProtobufModel
from maestro.contracts.protobuf.resources import GrpcResource
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue
from maestro.ports import RecordedCall

KEPT_MESSAGES = 100
"""Messages of one stream that are kept as evidence."""
MAX_MESSAGES = 10_000
"""A caller may stream in one call whose messages are all needed for the reply."""

_SECRET = ("authorization", "cookie", "token", "api-key", "apikey", "secret", "password")


@dataclass(slots=True)
class _Call:
    """One call while it lasts."""

    method: GrpcMethod | None
    path: str
    context: Any
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    preferences: CallPreferences = field(default_factory=CallPreferences)
    requests: list[JsonValue] = field(default_factory=list)
    replies: list[JsonValue] = field(default_factory=list)
    status: str = "UNKNOWN"
    problem: str = ""
    valid: bool = True


class GrpcCalls:
    """Handlers of the four kinds of call; messages come and go as bytes and are read here."""

    def __init__(
        self,
        model: ProtobufModel,
        behaviour: MockBehaviour,
        record: Record,
        *,
        contract: Contract,
        consumer: str,
    ) -> None:
        self._model = model
        self._replies = GrpcReplies(model, behaviour)
        self._record = record
        self._contract = contract
        self._consumer = consumer

    def reset(self) -> None:
        self._replies.reset()

    def resources(self) -> Sequence[GrpcResource]:
        """What is kept."""
        return self._replies.resources()

    def start_with(self, entries: Mapping[str, Sequence[Any]]) -> None:
        """Begins anew with these messages, by the name of their resource."""
        self._replies.start_with(entries)

    def handler(self, method: GrpcMethod) -> Any:
        if method.kind is CallKind.UNARY:
            return grpc.unary_unary_rpc_method_handler(self._bound(method, self._unary))
        if method.kind is CallKind.CLIENT_STREAM:
            return grpc.stream_unary_rpc_method_handler(self._bound(method, self._client_stream))
        if method.kind is CallKind.SERVER_STREAM:
            return grpc.unary_stream_rpc_method_handler(self._streaming(method, self._one_to_many))
        return grpc.stream_stream_rpc_method_handler(self._streaming(method, self._many_to_many))

    def unknown(self, path: str) -> Any:
        """Refuses a method that the contract has not, and says who refuses."""

        async def refuse(requests: Any, context: Any) -> None:
            async with self._kept(None, path, context):
                raise GrpcRefusal(
                    "UNIMPLEMENTED", f"the contract has no method {path!r}", keeps_contract=False
                )

        return grpc.stream_stream_rpc_method_handler(refuse)

    def _bound(self, method: GrpcMethod, answer: Any) -> Any:
        async def handle(incoming: Any, context: Any) -> bytes:
            async with self._kept(method, method.path, context) as call:
                await self._prepare(call)
                made: bytes = self._sent(call, await answer(method, incoming, call))
                return made

        return handle

    def _streaming(self, method: GrpcMethod, answer: Any) -> Any:
        async def handle(incoming: Any, context: Any) -> AsyncIterator[bytes]:
            async with self._kept(method, method.path, context) as call:
                await self._prepare(call)
                async for reply in answer(method, incoming, call):
                    yield self._sent(call, reply)
                if call.preferences.code != "OK":
                    raise _asked(call.preferences)

        return handle

    async def _unary(self, method: GrpcMethod, raw: bytes, call: _Call) -> Any:
        return self._replies.to_one(method, self._read(call, raw))

    async def _client_stream(self, method: GrpcMethod, raws: Any, call: _Call) -> Any:
        requests = []
        async for raw in raws:
            requests.append(self._read(call, raw))
            if len(requests) > MAX_MESSAGES:
                raise GrpcRefusal("RESOURCE_EXHAUSTED", f"more than {MAX_MESSAGES} messages")
        return self._replies.to_all(method, requests)

    async def _one_to_many(self, method: GrpcMethod, raw: bytes, call: _Call) -> AsyncIterator[Any]:
        request = self._read(call, raw)
        for reply in self._replies.stream(method, request, call.preferences.items):
            yield reply

    async def _many_to_many(self, method: GrpcMethod, raws: Any, call: _Call) -> AsyncIterator[Any]:
        requests = self._each(call, raws)
        async for reply in self._replies.to_each(method, requests, call.preferences.items):
            yield reply

    async def _each(self, call: _Call, raws: Any) -> AsyncIterator[Any]:
        async for raw in raws:
            yield self._read(call, raw)

    def _read(self, call: _Call, raw: bytes) -> Any:
        assert call.method is not None
        kind = call.method.request
        message = self._model.message_class(kind)()
        try:
            message.ParseFromString(raw)
        except DecodeError:
            raise GrpcRefusal(
                "INVALID_ARGUMENT", f"the bytes are no {kind.full_name}", keeps_contract=False
            ) from None
        if not message.IsInitialized():
            missing = ", ".join(message.FindInitializationErrors())
            raise GrpcRefusal(
                "INVALID_ARGUMENT", f"{kind.full_name} lacks {missing}", keeps_contract=False
            )
        if len(call.requests) < KEPT_MESSAGES:
            call.requests.append(self._model.to_json(message))
        return message

    def _sent(self, call: _Call, message: Any) -> bytes:
        if len(call.replies) < KEPT_MESSAGES:
            call.replies.append(self._model.to_json(message))
        raw: bytes = message.SerializePartialToString()
        return raw

    async def _prepare(self, call: _Call) -> None:
        """Reads what the caller prefers and waits as long as asked, up to the deadline."""
        metadata = call.context.invocation_metadata() or ()
        call.preferences = read_preferences(v for k, v in metadata if k == PREFER)
        seconds = call.preferences.delay_ms / 1000
        left = call.context.time_remaining()
        if seconds and left is not None and left < seconds:
            await asyncio.sleep(max(left, 0))
            raise GrpcRefusal("DEADLINE_EXCEEDED", "the deadline came before the reply")
        await asyncio.sleep(seconds)
        if call.preferences.code != "OK" and call.preferences.items is None:
            raise _asked(call.preferences)

    @asynccontextmanager
    async def _kept(
        self, method: GrpcMethod | None, path: str, context: Any
    ) -> AsyncIterator[_Call]:
        """Marks the call as a mock's, turns refusals into a status, records how it ended."""
        call = _Call(method, path, context)
        context.set_trailing_metadata((MOCK_HEADER,))
        try:
            yield call
            call.status = "OK"
        except GrpcRefusal as refusal:
            call.status, call.problem = refusal.code, refusal.detail
            call.valid = refusal.keeps_contract
            await _abort(context, refusal)
        except asyncio.CancelledError:
            call.status, call.problem = "CANCELLED", "the caller left before the end"
            raise
        finally:
            self._record(self._evidence(call))

    def _evidence(self, call: _Call) -> RecordedCall:
        kind = call.method.kind if call.method is not None else CallKind.UNARY
        return RecordedCall(
            at=call.at,
            method=kind.value,
            path=call.path,
            operation=call.method.key if call.method is not None else "",
            status=CODES[call.status].value[0],
            valid=call.valid,
            problem=call.problem,
            request_body=_body(call.requests, streamed=kind.streams_requests),
            request_headers=_headers(call.context.invocation_metadata() or ()),
            reply_body=_body(call.replies, streamed=kind.streams_replies),
            contract=self._contract.id,
            consumer=self._consumer,
            protocol="grpc",
            version=self._contract.version,
        )


async def _abort(context: Any, refusal: GrpcRefusal) -> NoReturn:
    await context.abort(CODES[refusal.code], refusal.detail, (MOCK_HEADER,))
    raise AssertionError("abort raises")


def _asked(preferences: CallPreferences) -> GrpcRefusal:
    return GrpcRefusal(preferences.code, preferences.message or "as the caller asked")


def _body(messages: Sequence[JsonValue], *, streamed: bool) -> JsonValue:
    if streamed:
        return list(messages)
    return messages[0] if messages else None


def _headers(metadata: Any) -> dict[str, str]:
    """Text metadata without credentials."""
    return {
        name.lower(): value
        for name, value in metadata
        if isinstance(value, str) and not any(word in name.lower() for word in _SECRET)
    }
