"""Calls on a gRPC provider, message by message, without generated code."""

import asyncio
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError

from maestro.contracts.mock_marker import MOCK_NAME
from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel
from maestro.domain.contract import Finding, Severity
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

CONNECT_SECONDS = 10.0
MAX_REPLIES = 50
"""Of one stream; it is left then, as a stream may go on for ever."""
MAX_REPLY_BYTES = 16 * 1024 * 1024
SHOWN = 300

BROKEN = frozenset(
    {"UNKNOWN", "INTERNAL", "DATA_LOSS", "UNAVAILABLE", "UNIMPLEMENTED", "DEADLINE_EXCEEDED"}
    | {"CANCELLED"}
)
"""Statuses that no request within the contract may get."""

_Told = tuple[str, str, list[bytes], bool, Any]
"""Status, detail, replies, whether we left, trailing metadata."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcExchange:
    """One call and what came back."""

    method: GrpcMethod
    sent: tuple[JsonValue, ...]
    code: str
    detail: str
    raws: tuple[bytes, ...]
    messages: tuple[Any, ...]
    """Replies that could be read; shorter than `raws` where one could not."""
    left: bool
    """We went away from a stream that was still going on."""
    reproduce: str

    @property
    def ok(self) -> bool:
        return self.code == "OK"

    def shown(self) -> str:
        if not self.ok:
            return clip(f"{self.code}: {self.detail}")
        return f"OK with {len(self.raws)} replies"

    def finding(
        self,
        rule: str,
        message: str,
        expected: str,
        seen: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Finding:
        return Finding(
            rule=rule,
            message=message,
            operation=self.method.key,
            expected=clip(expected),
            seen=clip(seen or self.shown()),
            reproduce=self.reproduce,
            severity=severity,
        )


@dataclass(slots=True)
class GrpcProbe:
    """A channel to the provider; use it as an asynchronous context."""

    model: ProtobufModel
    url: str
    call_seconds: float
    requests: int = 0
    answered: set[str] = field(default_factory=set)
    """Keys of methods that answered OK or with a status they declare."""
    last_status: dict[str, str] = field(default_factory=dict)
    """Of each method's last call, for people."""
    reflects: bool = False
    _channel: Any = None
    _threaded: Any = None

    @property
    def target(self) -> str:
        """`host:port`."""
        parts = urlsplit(self.url if "//" in self.url else f"//{self.url}")
        try:
            port = parts.port
        except ValueError:
            port = None
        if not parts.hostname or port is None:
            raise InvalidInput(
                f"{self.url!r} is no address of a gRPC provider; write it like "
                "grpc://127.0.0.1:50051"
            )
        return f"{parts.hostname}:{port}"

    @property
    def secured(self) -> bool:
        return urlsplit(self.url).scheme in ("https", "grpcs")

    async def __aenter__(self) -> Self:
        options = (("grpc.max_receive_message_length", MAX_REPLY_BYTES),)
        if self.secured:
            secret = grpc.ssl_channel_credentials()
            self._channel = grpc.aio.secure_channel(self.target, secret, options=options)
            self._threaded = grpc.secure_channel(self.target, secret, options=options)
        else:
            self._channel = grpc.aio.insecure_channel(self.target, options=options)
            self._threaded = grpc.insecure_channel(self.target, options=options)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._threaded.close()
        await self._channel.close()

    async def is_reachable(self, seconds: float = CONNECT_SECONDS) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._channel.channel_ready()
        except TimeoutError:
            return False
        return True

    async def refuse_mock(self) -> None:
        """Raises InvalidInput when one of our own mocks answers."""
        await self.raw("/maestro.verification.Probe/Ask", [b""])

    async def call(
        self, method: GrpcMethod, messages: Sequence[Any], *, seconds: float | None = None
    ) -> GrpcExchange:
        """Sends messages and reads what comes back."""
        raws = [message.SerializeToString() for message in messages]
        sent = tuple(self.model.to_json(message) for message in messages)
        exchange = await self._exchange(method, raws, sent, self.grpcurl(method, sent), seconds)
        self.last_status[method.key] = exchange.shown()
        if exchange.ok or exchange.code in method.declared:
            self.answered.add(method.key)
        return exchange

    async def call_bytes(self, method: GrpcMethod, raw: bytes) -> GrpcExchange:
        """Sends bytes that need not be a message."""
        frame = b"\x00" + len(raw).to_bytes(4, "big") + raw
        octal = "".join(f"\\{byte:03o}" for byte in frame)
        scheme = "https" if self.secured else "http"
        prior = "" if self.secured else " --http2-prior-knowledge"
        line = (
            f"printf '{octal}' | curl -sS{prior} -D - -H 'te: trailers' "
            f"-H 'content-type: application/grpc' --data-binary @- "
            f"{scheme}://{self.target}{method.path}"
        )
        return await self._exchange(method, [raw], (), line, None)

    async def raw(
        self, path: str, raws: Sequence[bytes], seconds: float | None = None
    ) -> tuple[str, str, list[bytes], bool]:
        """Status, detail, replies, and whether we left before the end."""
        self.requests += 1
        limit = seconds or self.call_seconds
        if len(raws) == 1:
            told = await self._one(path, raws[0], limit)
        else:
            told = await asyncio.to_thread(self._several, path, raws, limit)
        code, detail, replies, left, trailing = told
        self._refuse(trailing)
        return code, detail, replies, left

    async def _one(self, path: str, raw: bytes, seconds: float) -> _Told:
        # On the wire a unary call is a stream of one; this way their number can be judged.
        call = self._channel.unary_stream(path)(raw, timeout=seconds, wait_for_ready=False)
        replies: list[bytes] = []
        try:
            async for reply in call:
                replies.append(reply)
                if len(replies) >= MAX_REPLIES:
                    return "OK", "", replies, True, ()
        except grpc.aio.AioRpcError as error:
            trailing = error.trailing_metadata() or ()
            return error.code().name, error.details() or "", replies, False, trailing
        finally:
            call.cancel()
        return "OK", "", replies, False, await call.trailing_metadata() or ()

    def _several(self, path: str, raws: Sequence[bytes], seconds: float) -> _Told:
        """Blocks. In a thread, because grpc.aio loses the provider's status when the provider ends
        the call while messages are still being sent.
        """
        call = self._threaded.stream_stream(path)(iter(raws), timeout=seconds)
        replies: list[bytes] = []
        try:
            for reply in call:
                replies.append(reply)
                if len(replies) >= MAX_REPLIES:
                    return "OK", "", replies, True, ()
        except grpc.RpcError:
            pass  # the call itself tells how it ended
        finally:
            if len(replies) >= MAX_REPLIES:
                call.cancel()
        trailing = call.trailing_metadata() or ()
        return call.code().name, call.details() or "", replies, False, trailing

    def grpcurl(self, method: GrpcMethod, sent: Sequence[JsonValue]) -> str:
        """A line that makes the call again."""
        body = " ".join(json.dumps(message, ensure_ascii=False) for message in sent)
        plain = "" if self.secured else " -plaintext"
        known = "" if self.reflects else " -proto CONTRACT.proto"
        data = shlex.quote(body)
        return f"grpcurl{plain}{known} -d {data} {self.target} {method.key}"

    async def _exchange(
        self,
        method: GrpcMethod,
        raws: Sequence[bytes],
        sent: tuple[JsonValue, ...],
        reproduce: str,
        seconds: float | None,
    ) -> GrpcExchange:
        code, detail, replies, left = await self.raw(method.path, raws, seconds)
        return GrpcExchange(
            method=method,
            sent=sent,
            code=code,
            detail=detail,
            raws=tuple(replies),
            messages=tuple(self._read(method, replies)),
            left=left,
            reproduce=reproduce,
        )

    def _read(self, method: GrpcMethod, replies: Sequence[bytes]) -> list[Any]:
        kind = self.model.message_class(method.reply)
        read = []
        for raw in replies:
            try:
                read.append(kind.FromString(raw))
            except DecodeError:
                break
        return read

    def _refuse(self, trailing: Any) -> None:
        if any(name == MOCK_NAME for name, _ in trailing):
            raise InvalidInput(
                f"{self.url} is one of our own mocks; verifying a provider through a mock proves "
                "nothing: give the provider's own address"
            )


def clip(text: str) -> str:
    """One line of a length that people read."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
