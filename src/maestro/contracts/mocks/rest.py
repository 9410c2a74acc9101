"""A REST contract as an ASGI application: reads, judges, answers, records."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from maestro.contracts.mocks.compiling import CompiledOperation, RawOperation, ServedApi
from maestro.contracts.mocks.credentials import secret_places
from maestro.contracts.mocks.messages import MockReply, MockRequest, Refused, dump, problem_reply
from maestro.contracts.mocks.preferences import wish_of, with_applied
from maestro.contracts.mocks.recording import AnsweredRequest, CallOrigin, CallRecorder
from maestro.contracts.mocks.replies import Wish
from maestro.contracts.mocks.routes import Match, path_below
from maestro.contracts.mocks.seeding import SeedEntries
from maestro.contracts.mocks.starting import collections, started_state
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
class _Known:
    """A request that was read and keeps to the contract, with all that its reply depends on."""

    request: MockRequest
    compiled: CompiledOperation
    read: ReadRequest
    accept: str | None
    wish: Wish | None
    base: str
    """Where the contract's own paths begin."""


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
        self._record = record
        secrets = secret_places(self._api.document)
        origin = CallOrigin(contract.id, consumer, self._api.base, secrets)
        keep = record.defer if isinstance(record, CallRecorder) else self._tell
        self.keep: Callable[[AnsweredRequest], None] = partial(keep, origin)
        """Records a call."""
        self._state: MockState | None = None
        self._resets = 0
        self._start: SeedEntries = {}

    @property
    def roots(self) -> Sequence[str]:
        return (self._api.base,)

    @property
    def api(self) -> ServedApi:
        return self._api

    def for_consumer(self, consumer: str) -> "RestSurface":
        made = RestSurface(self._contract, self._behaviour, self._record, consumer, api=self._api)
        made.start_with(self._start)
        return made

    def collections(self) -> Sequence[str]:
        return tuple(collections(self._api))

    def check_start(self, given: SeedEntries) -> None:
        """Raises InvalidInput."""
        started_state(self._api, given)

    def start_with(self, given: SeedEntries) -> None:
        self._start = given
        self.reset()

    def routes(self) -> Sequence[MockRoute]:
        base = self._api.written_base
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
            call = self.answered(request, scope.get("root_path", ""))
        except BodyRefused as error:
            reply = problem_reply(error.refused)
            call = AnsweredRequest(request, reply, problem=error.refused.detail)
        self.keep(call)
        await send_reply(send, request, call.reply)

    def answered_now(self, request: MockRequest, prefix: str) -> Prompt | None:
        """The short way of the host for whole requests."""
        if len(request.body) > MAX_BODY:
            return None
        call, known = self._handled(request, prefix)
        self.keep(call)
        if known is None or self._behaviour.dynamic:
            return call.reply, None
        return call.reply, _Repetition(self, known)

    def answered(self, request: MockRequest, prefix: str = "") -> AnsweredRequest:
        """What the mock says. `prefix` is where the whole surface is mounted."""
        return self._handled(request, prefix)[0]

    def carried_out(self, known: _Known) -> AnsweredRequest:
        """The reply to a request that was read already; what it does is done once more."""
        compiled, read = known.compiled, known.read
        try:
            reply = self._reply(known)
        except Refused as refused:
            return _refusal(compiled, known.request, refused, read.body)
        except InvalidInput as error:
            return _unusable(known.request, compiled.key, error)
        return AnsweredRequest(known.request, reply, compiled.key, True, "", read.body)

    @property
    def version(self) -> int:
        """Changes with everything that may change a reply."""
        return self._resets + (self._state.version if self._state is not None else 0)

    def _handled(self, request: MockRequest, prefix: str) -> tuple[AnsweredRequest, _Known | None]:
        if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            return AnsweredRequest(request, MockReply(status=204), valid=True), None
        try:
            match = self.found(request)
            raw = chosen_operation(match, request.method)
        except Refused as refused:
            return AnsweredRequest(request, problem_reply(refused), problem=refused.detail), None
        if raw is None:
            allow = (("allow", _allow(match)),)
            return AnsweredRequest(request, MockReply(status=204, headers=allow), valid=True), None
        try:
            return self._judged(self._api.ready(raw), match, request, prefix)
        except InvalidInput as error:
            return _unusable(request, raw.key, error), None

    def found(self, request: MockRequest) -> Match[RawOperation]:
        """Raises Refused: 404, 400."""
        below = path_below(self._api.base, request.path)
        if below is None:
            raise Refused(404, f"{request.path!r} is outside of {self._api.written_base!r}")
        try:
            match = self._api.find(below)
        except UnicodeDecodeError:
            raise Refused(400, "the path is not UTF-8") from None
        if match is None:
            raise Refused(404, f"the contract has no path {request.path!r}")
        return match

    def _judged(
        self,
        compiled: CompiledOperation,
        match: Match[RawOperation],
        request: MockRequest,
        prefix: str,
    ) -> tuple[AnsweredRequest, _Known | None]:
        headers = request.headers
        accept = request.header(b"accept")
        body: JsonValue = None
        try:
            if compiled.credentials.demanded and self._behaviour.demands_credentials:
                compiled.credentials.check(request)
            read = compiled.validator.read(request, match.arguments)
            body = read.body
            wish = wish_of(headers[b"prefer"]) if b"prefer" in headers else None
            if wish is None and accept is not None and request.method != "GET":
                compiled.writer.check_accept(accept)  # a refused Accept must not change anything
        except Refused as refused:
            return _refusal(compiled, request, refused, body), None
        known = _Known(request, compiled, read, accept, wish, prefix + self._api.written_base)
        return self.carried_out(known), known

    def _reply(self, known: _Known) -> MockReply:
        compiled, accept = known.compiled, known.accept
        if known.wish is not None:
            return with_applied(compiled.writer.wished(known.wish, accept), known.wish)
        if not self._behaviour.stateful:
            return compiled.writer.success(accept)
        state = self._state or self._memory()
        outcome = state.handle(compiled.key, compiled.operation, known.read)
        if outcome is None:
            return compiled.writer.success(accept)
        location = known.base + outcome.location if outcome.location else ""
        return compiled.writer.success(accept, outcome.action, outcome.value, location)

    def _memory(self) -> MockState:
        if self._state is None:
            self._state = started_state(self._api, self._start)
        return self._state

    def _tell(self, origin: CallOrigin, call: AnsweredRequest) -> None:
        self._record(call.told(time.time(), origin))


class _Repetition:
    """Answers one request again; reading is done, and replies hold until something changes."""

    __slots__ = ("_answer", "_call", "_known", "_surface", "_version")

    def __init__(self, surface: RestSurface, known: _Known) -> None:
        self._surface = surface
        self._known = known
        self._version = -1

    def __call__(self) -> tuple[bytes, bytes]:
        surface = self._surface
        if self._version < 0 or self._version != surface.version:
            call = self._call = surface.carried_out(self._known)
            self._answer = (call.reply.head(), call.reply.body)
            if call.request.method == "GET":
                self._version = surface.version
        surface.keep(self._call)
        return self._answer


def _unusable(request: MockRequest, key: str, error: InvalidInput) -> AnsweredRequest:
    """A broken schema spoils its own operation only."""
    refused = Refused(500, f"the contract of {key} cannot be used: {error}")
    return AnsweredRequest(request, problem_reply(refused), key, problem=refused.detail)


def _refusal(
    compiled: CompiledOperation, request: MockRequest, refused: Refused, body: JsonValue
) -> AnsweredRequest:
    reply = compiled.writer.refusal(refused)
    return AnsweredRequest(
        request, reply, compiled.key, refused.keeps_contract, refused.detail, body
    )


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
