"""A REST contract as an ASGI application: reads, judges, answers, records."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maestro.contracts.mocks.compiling import CompiledOperation, RawOperation, ServedApi
from maestro.contracts.mocks.credentials import secret_places
from maestro.contracts.mocks.messages import MockReply, MockRequest, Refused, dump, problem_reply
from maestro.contracts.mocks.preferences import wish_of, with_applied
from maestro.contracts.mocks.recording import CallRecorder, RawCall
from maestro.contracts.mocks.routes import Match
from maestro.contracts.mocks.state import MockState
from maestro.contracts.mocks.surface import (
    MockBehaviour,
    MockRoute,
    Prompt,
    Receive,
    Record,
    Scope,
    Send,
)
from maestro.contracts.mocks.validation import ReadRequest
from maestro.contracts.mocks.wire import MAX_BODY, BodyRefused, read_body_of, request_of, send_reply
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput


@dataclass(slots=True)
class Known:
    """A request that was read and keeps to the contract."""

    compiled: CompiledOperation
    read: ReadRequest


@dataclass(slots=True)
class Handled:
    """A reply with what the record says about the request."""

    reply: MockReply
    operation: str = ""
    valid: bool = False
    problem: str = ""
    body: JsonValue = None
    known: Known | None = None


class RestSurface:
    """One contract, one consumer, one memory."""

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour,
        record: Record,
        consumer: str = "",
        *,
        api: ServedApi | None = None,
    ) -> None:
        """Raises InvalidInput for a document whose paths cannot be read."""
        self._api = api or ServedApi(contract, behaviour)
        self._contract = contract
        self._behaviour = behaviour
        self._consumer = consumer
        self._record = record
        self._keep = record.defer if isinstance(record, CallRecorder) else self._tell
        self._secrets = secret_places(self._api.document)
        self._state: MockState | None = None
        self._resets = 0

    @property
    def roots(self) -> Sequence[str]:
        return (self._api.base,)

    @property
    def api(self) -> ServedApi:
        return self._api

    def for_consumer(self, consumer: str) -> "RestSurface":
        return RestSurface(self._contract, self._behaviour, self._record, consumer, api=self._api)

    def routes(self) -> Sequence[MockRoute]:
        base = self._api.base
        return [
            MockRoute(protocol="http", method=raw.method, path=base + raw.path, summary=raw.summary)
            for raw in self._api.raw
        ]

    def specification(self) -> tuple[str, bytes]:
        return "application/json", dump(self._contract.specification)

    def reset(self) -> None:
        self._resets = self.version + 1
        self._state = None

    def examine(self) -> Iterator[str]:
        return self._api.examine()

    def notes(self) -> Sequence[str]:
        return self._api.notes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        request = request_of(scope)
        try:
            if b"content-length" in request.headers or b"transfer-encoding" in request.headers:
                request.body = await read_body_of(
                    request, receive, patience=self._behaviour.patience
                )
            handled = self.answered(request, scope.get("root_path", ""))
        except BodyRefused as refused:
            handled = Handled(problem_reply(refused.refused), problem=refused.refused.detail)
        self.keep(request, handled)
        await send_reply(send, request, handled.reply)

    def answered_now(self, request: MockRequest, prefix: str) -> Prompt | None:
        """The short way of the host for whole requests."""
        if len(request.body) > MAX_BODY:
            return None
        handled = self.answered(request, prefix)
        self.keep(request, handled)
        known = handled.known
        if known is None or self._behaviour.dynamic:
            return handled.reply, None
        return handled.reply, _Repetition(self, request, known, prefix).reply

    def repeated(self, request: MockRequest, known: "Known", prefix: str) -> Handled:
        """The reply to a request that was read before; what it does, it does again."""
        key = known.compiled.key
        try:
            reply = self._reply(known.compiled, known.read, request, prefix)
        except Refused as refused:
            made = known.compiled.writer.refusal(refused)
            return Handled(made, key, refused.keeps_contract, refused.detail, known.read.body)
        return Handled(reply, key, True, "", known.read.body)

    @property
    def version(self) -> int:
        """Changes with everything that may change a reply."""
        return self._resets + (self._state.version if self._state is not None else 0)

    def keep_again(self, told: tuple[Any, ...]) -> None:
        """Records a call that only its time sets apart from one before."""
        self._keep(RawCall(time.time(), *told))

    def answered(self, request: MockRequest, prefix: str = "") -> Handled:
        """The reply of the mock. `prefix` is where the whole surface is mounted."""
        if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            return Handled(MockReply(status=204), valid=True)
        try:
            match = self.found(request)
            raw = chosen_operation(match, request.method)
        except Refused as refused:
            return Handled(problem_reply(refused), problem=refused.detail)
        if raw is None:
            allow = (("allow", _allow(match)),)
            return Handled(MockReply(status=204, headers=allow), valid=True)
        try:
            return self._judged(self._api.ready(raw), match, request, prefix)
        except InvalidInput as error:  # a broken schema spoils its own operation only
            unusable = Refused(500, f"the contract of {raw.key} cannot be used: {error}")
            return Handled(problem_reply(unusable), raw.key, problem=unusable.detail)

    def found(self, request: MockRequest) -> Match[RawOperation]:
        """Raises Refused: 404, 400."""
        base, path = self._api.base, request.path
        if path != base and not path.startswith(f"{base}/"):
            raise Refused(404, f"{path!r} is outside of {base!r}")
        try:
            match = self._api.find(path[len(base) :])
        except UnicodeDecodeError:
            raise Refused(400, "the path is not UTF-8") from None
        if match is None:
            raise Refused(404, f"the contract has no path {path!r}")
        return match

    def _judged(
        self,
        compiled: CompiledOperation,
        match: Match[RawOperation],
        request: MockRequest,
        prefix: str,
    ) -> Handled:
        body: JsonValue = None
        try:
            if compiled.credentials.demanded and self._behaviour.demands_credentials:
                compiled.credentials.check(request)
            read = compiled.validator.read(request, match.arguments)
            body = read.body
            reply = self._reply(compiled, read, request, prefix)
        except Refused as refused:
            reply = compiled.writer.refusal(refused)
            return Handled(reply, compiled.key, refused.keeps_contract, refused.detail, body)
        return Handled(reply, compiled.key, True, "", body, Known(compiled, read))

    def _reply(
        self, compiled: CompiledOperation, read: ReadRequest, request: MockRequest, prefix: str
    ) -> MockReply:
        accept = request.header(b"accept")
        prefer = request.headers.get(b"prefer")
        if prefer is not None:
            wish = wish_of(prefer)
            if wish is not None:
                return with_applied(compiled.writer.wished(wish, accept), wish)
        if not self._behaviour.stateful:
            return compiled.writer.success(accept)
        if accept is not None and compiled.operation.method != "GET":
            compiled.writer.check_accept(accept)  # a refused Accept must not change anything
        outcome = self._memory().handle(compiled.key, compiled.operation, read)
        if outcome is None:
            return compiled.writer.success(accept)
        location = prefix + self._api.base + outcome.location if outcome.location else ""
        return compiled.writer.success(
            accept, action=outcome.action, value=outcome.value, location=location
        )

    def _memory(self) -> MockState:
        if self._state is None:
            self._state = MockState(self._api.document, self._api.resources())
        return self._state

    def keep(self, request: MockRequest, handled: Handled) -> None:
        """Records a call."""
        self._keep(RawCall(time.time(), *self.told(request, handled)))

    def told(self, request: MockRequest, handled: Handled) -> tuple[Any, ...]:
        """What a record says besides the time."""
        reply = handled.reply
        path = request.path
        return (
            request.method,
            path.removeprefix(self._api.base) if self._api.base else path,
            request.query,
            request.headers,
            handled.body,
            800 + 4 * len(request.body) + len(reply.body),
            handled.operation,
            reply.status,
            handled.valid,
            handled.problem,
            reply.body,
            reply.content_type,
            self._contract.id,
            self._consumer,
            self._secrets,
        )

    def _tell(self, call: RawCall) -> None:
        self._record(call.told())


class _Repetition:
    """Answers one request again; reading is done, and replies hold until something changes."""

    __slots__ = ("_answer", "_known", "_prefix", "_request", "_surface", "_told", "_version")

    def __init__(
        self, surface: RestSurface, request: MockRequest, known: Known, prefix: str
    ) -> None:
        self._surface = surface
        self._request = request
        self._known = known
        self._prefix = prefix
        self._version = -1
        self._answer: tuple[bytes, bytes] = (b"", b"")
        self._told: tuple[Any, ...] = ()

    def reply(self) -> tuple[bytes, bytes]:
        surface = self._surface
        if self._version == surface.version:
            surface.keep_again(self._told)
            return self._answer
        handled = surface.repeated(self._request, self._known, self._prefix)
        self._answer = (handled.reply.head(), handled.reply.body)
        self._told = surface.told(self._request, handled)
        surface.keep_again(self._told)
        if self._known.compiled.operation.method == "GET":
            self._version = surface.version
        return self._answer


def chosen_operation(match: Match[RawOperation], method: str) -> RawOperation | None:
    """None for an OPTIONS that only asks what is allowed.

    Raises:
        Refused: 405.
    """
    known = match.methods.get(method)
    if known is not None:
        return known
    if method == "HEAD" and "GET" in match.methods:
        return match.methods["GET"]
    if method == "OPTIONS":
        return None
    allow = _allow(match)
    raise Refused(
        405, f"{method} is not allowed here; allowed: {allow}", headers=(("allow", allow),)
    )


def _allow(match: Match[RawOperation]) -> str:
    methods = {*match.methods, "OPTIONS"} | ({"HEAD"} if "GET" in match.methods else set())
    return ", ".join(sorted(methods))
