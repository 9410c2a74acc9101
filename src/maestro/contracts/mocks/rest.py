"""A REST contract as an ASGI application: reads, judges, answers, records."""

import time
from collections.abc import Iterator, Sequence

from maestro.contracts.mocks.carrying import JudgedRequest, refusal, repetition, unusable
from maestro.contracts.mocks.compiling import AskedOperation, LastReply, RawOperation, ServedApi
from maestro.contracts.mocks.credentials import secret_places
from maestro.contracts.mocks.messages import MockReply, MockRequest, Refused, dump, problem_reply
from maestro.contracts.mocks.preferences import wish_of
from maestro.contracts.mocks.recording import AnsweredRequest, CallOrigin, keeper
from maestro.contracts.mocks.routes import Match, path_below
from maestro.contracts.mocks.seeding import SeedEntries
from maestro.contracts.mocks.starting import RestMemory, collections, started_state
from maestro.contracts.mocks.surface import (
    MockBehaviour,
    MockRoute,
    Prompt,
    Receive,
    Record,
    Scope,
    Send,
)
from maestro.contracts.mocks.wire import MAX_BODY, BodyRefused, read_body_of, request_of, send_reply
from maestro.domain.contract import Contract
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput


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
        self._origin = CallOrigin(
            contract.id, consumer, self._api.base, secrets, version=contract.version
        )
        self._take = keeper(record)
        self._memory = RestMemory(self._api)

    @property
    def roots(self) -> Sequence[str]:
        return (self._api.base,)

    @property
    def api(self) -> ServedApi:
        return self._api

    def for_consumer(self, consumer: str) -> "RestSurface":
        made = RestSurface(self._contract, self._behaviour, self._record, consumer, api=self._api)
        made.start_with(self._memory.start)
        return made

    def collections(self) -> Sequence[str]:
        return tuple(collections(self._api))

    def check_start(self, given: SeedEntries) -> None:
        """Raises InvalidInput."""
        started_state(self._api, given)

    def start_with(self, given: SeedEntries) -> None:
        self._memory.start_with(given)
        self._api.forget_asked()

    def routes(self) -> Sequence[MockRoute]:
        base = self._api.written_base
        return [
            MockRoute(protocol="http", method=raw.method, path=base + raw.path, summary=raw.summary)
            for raw in self._api.raw
        ]

    def specification(self) -> tuple[str, bytes]:
        return "application/json", dump(self._contract.specification)

    def reset(self) -> None:
        self._memory.reset()
        self._api.forget_asked()

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

    def keep(self, call: AnsweredRequest) -> None:
        """Records a call."""
        self._take((call.size, time.time(), self._origin, call, None))

    def answered_now(self, request: MockRequest, prefix: str, *, returns: bool) -> Prompt | None:
        """The short way of the host for whole requests."""
        if len(request.body) > MAX_BODY:
            return None
        call, judged = self._handled(request, prefix, returns=returns)
        self.keep(call)
        if not returns or judged is None or self._behaviour.dynamic:
            return call.reply, None
        return call.reply, repetition(judged, call, self._origin, self._take)

    def answered(self, request: MockRequest, prefix: str = "") -> AnsweredRequest:
        """What the mock says. `prefix` is where the whole surface is mounted."""
        return self._handled(request, prefix)[0]

    def _handled(
        self, request: MockRequest, prefix: str, *, returns: bool = False
    ) -> tuple[AnsweredRequest, JudgedRequest | None]:
        """What is said, and for requests that keep to the contract why; `returns` asks for it."""
        if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
            return AnsweredRequest(request, MockReply(status=204), valid=True), None
        asked = self._api.asked_before(request)
        if asked is not None:
            return self._judged(asked, request, prefix, returns=returns)
        try:
            match = self.found(request)
            raw = chosen_operation(match, request.method)
        except Refused as refused:
            return AnsweredRequest(request, problem_reply(refused), problem=refused.detail), None
        if raw is None:
            allow = (("allow", _allow(match)),)
            return AnsweredRequest(request, MockReply(status=204, headers=allow), valid=True), None
        try:
            asked = self._api.asked(request, raw, match.arguments)
        except InvalidInput as error:
            return unusable(request, raw.key, error), None
        return self._judged(asked, request, prefix, returns=returns)

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
        self, asked: AskedOperation, request: MockRequest, prefix: str, *, returns: bool
    ) -> tuple[AnsweredRequest, JudgedRequest | None]:
        compiled, headers = asked.compiled, request.headers
        accept = request.header(b"accept")
        body: JsonValue = None
        try:
            if compiled.credentials.demanded and self._behaviour.demands_credentials:
                compiled.credentials.check(request)
            if asked.last is not None and not returns and b"prefer" not in headers:
                reply = self._said_before(asked.last, accept)
                if reply is not None:
                    return AnsweredRequest(request, reply, compiled.key, True), None
            read = compiled.validator.read(request, asked.values or asked.read(request))
            body = read.body
            wish = wish_of(headers[b"prefer"]) if b"prefer" in headers else None
            if wish is None and accept is not None and request.method != "GET":
                compiled.writer.check_accept(accept)  # a refused Accept must not change anything
        except Refused as refused:
            return refusal(compiled, request, refused, body), None
        except InvalidInput as error:
            return unusable(request, compiled.key, error), None
        base = prefix + self._api.written_base
        judged = JudgedRequest(request, compiled, read, accept, wish, base, self._memory)
        call = judged.carried_out()
        if compiled.is_told_by_address and wish is None and not call.problem:
            state = self._memory.state
            asked.last = (call.reply, accept, state, state.version if state is not None else 0)
        return call, judged

    def _said_before(self, last: LastReply, accept: str | None) -> MockReply | None:
        """The same reply for as long as nothing has changed."""
        reply, accepted, state, version = last
        if accepted != accept or state is not self._memory.state:
            return None
        return reply if state is None or state.version == version else None


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
