"""A GraphQL contract served over HTTP and WebSocket, to one consumer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from maestro.contracts.mocks.graphql.engine import (
    GraphqlEngine,
    Prepared,
    PreparedOperation,
    engine_of,
    reply_of,
)
from maestro.contracts.mocks.graphql.http import (
    EVENTS,
    JSON,
    RESPONSE,
    Asked,
    Unreadable,
    read_get,
    read_post,
    reply_type,
    status_of,
)
from maestro.contracts.mocks.graphql.memory import Memory
from maestro.contracts.mocks.graphql.socket import Socket
from maestro.contracts.mocks.graphql.starting import check_entries, kept_values
from maestro.contracts.mocks.messages import MockReply, MockRequest, dump
from maestro.contracts.mocks.recording import AnsweredRequest, CallOrigin, CallRecorder
from maestro.contracts.mocks.seeding import SeedEntries
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
from maestro.contracts.sdl.lint import lint_sdl
from maestro.contracts.sdl.reading import sdl_of
from maestro.domain.contract import Contract

PATH = "/graphql"


@dataclass(slots=True)
class _Answer:
    reply: MockReply
    asked: Asked | None = None
    operation: str = ""
    valid: bool = False
    problem: str = ""
    is_repeatable: bool = False
    """The same request has the same reply until something changes."""


class GraphqlSurface:
    """Queries and mutations over HTTP, everything over WebSocket, subscriptions also as events."""

    def __init__(
        self, contract: Contract, behaviour: MockBehaviour, record: Record, consumer: str = ""
    ) -> None:
        """Raises InvalidInput for a schema that cannot be used."""
        self._contract = contract
        self._engine: GraphqlEngine = engine_of(sdl_of(contract), f"contract {contract.id!r}")
        self._memory = Memory(self._engine.roles, behaviour)
        self._start: SeedEntries = {}
        self._record = record
        self._origin = CallOrigin(
            contract.id, consumer, protocol="graphql", version=contract.version
        )
        self._take = record.defer if isinstance(record, CallRecorder) else self._tell

    @property
    def roots(self) -> Sequence[str]:
        return (PATH,)

    def routes(self) -> Sequence[MockRoute]:
        return tuple(
            MockRoute(
                protocol="graphql",
                method="SUBSCRIBE" if kind == "subscription" else "POST",
                path=PATH,
                summary=f"{root.name}.{name}",
            )
            for kind, root in (
                ("query", self._engine.schema.query_type),
                ("mutation", self._engine.schema.mutation_type),
                ("subscription", self._engine.schema.subscription_type),
            )
            if root is not None
            for name in root.fields
        )

    def specification(self) -> tuple[str, bytes]:
        return "application/graphql; charset=utf-8", self._engine.read.text.encode()

    def examine(self) -> Iterator[str]:
        """Everything was looked at when the schema was read."""
        return iter(())

    def notes(self) -> Sequence[str]:
        return [str(problem) for problem in lint_sdl(self._engine.read.text)]

    def for_consumer(self, consumer: str) -> "GraphqlSurface":
        """The same contract with a memory of its own."""
        made = GraphqlSurface(self._contract, self._memory.behaviour, self._record, consumer)
        made.start_with(self._start)
        return made

    def collections(self) -> Sequence[str]:
        return tuple(self._engine.roles.entities)

    def check_start(self, given: SeedEntries) -> None:
        """Raises InvalidInput."""
        check_entries(self._engine.roles, given)

    def start_with(self, given: SeedEntries) -> None:
        self._start = given
        roles = self._engine.roles
        self._memory.start = {
            name: [kept_values(roles, name, one) for one in entries if isinstance(one, dict)]
            for name, entries in given.items()
        }
        self._memory.reset()

    def reset(self) -> None:
        self._memory.reset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "websocket":
            await Socket(self._engine, self._memory, self._kept).serve(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(request_of(scope), receive, send)

    def answered_now(self, request: MockRequest, prefix: str, *, returns: bool) -> Prompt | None:
        """The short way of the host for whole requests; streams go the long way."""
        if len(request.body) > MAX_BODY:
            return None
        version = self._memory.version
        answer = self._answer(request)
        if answer is None:
            return None
        call = _told(request, answer)
        self._take(self._origin, call)
        again = None
        if returns and answer.is_repeatable and version == self._memory.version:
            again = _Repetition(self._memory, self._take, self._origin, call).again
        return answer.reply, again

    async def _http(self, request: MockRequest, receive: Receive, send: Send) -> None:
        patience = self._memory.behaviour.patience
        answer: _Answer | None
        try:
            request.body = await read_body_of(request, receive, patience=patience)
            answer = self._answer(request)
        except BodyRefused as error:
            refused = error.refused
            answer = _unreadable(Unreadable(refused.status, refused.detail, refused.headers))
        if answer is None:
            await self._stream(request, receive, send)
            return
        self._keep(request, answer)
        await send_reply(send, request, answer.reply)

    def _answer(self, request: MockRequest) -> _Answer | None:
        """None where the reply is a stream of events."""
        if request.method == "OPTIONS":
            return _preflight()
        try:
            asked = _read(request)
            media_type = _media_type(request)
        except Unreadable as error:
            return _unreadable(error)
        prepared = self._engine.prepare(asked.query)
        operation = prepared.operation(asked.operation_name)
        if media_type == EVENTS:
            return None
        wrong = _wrong_way(request, operation)
        if wrong is not None:
            return _unreadable(wrong)
        value = self._value(asked, prepared, operation)
        answer = _answered(value, asked, operation, media_type)
        is_query = operation is not None and operation.kind == "query"
        answer.is_repeatable = is_query and not self._memory.behaviour.dynamic
        return answer

    def _value(
        self, asked: Asked, prepared: Prepared, operation: PreparedOperation | None
    ) -> dict[str, Any]:
        if prepared.errors:
            return {"errors": prepared.errors}
        if operation is None:
            return _no_operation(asked, prepared)
        return self._engine.execute(self._memory, prepared, asked.operation_name, asked.variables)

    async def _stream(self, request: MockRequest, receive: Receive, send: Send) -> None:
        """Server-sent events: `next` for every result, `complete` at the end."""
        asked = _read(request)
        start = MockReply(status=200, content_type=EVENTS).start_message()
        headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send({**start, "headers": [*headers, (b"cache-control", b"no-store")]})
        sending = asyncio.create_task(self._send_events(request, asked, send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_events(self, request: MockRequest, asked: Asked, send: Send) -> None:
        first = True
        async with contextlib.aclosing(self._results(asked)) as results:
            async for value in results:
                if first:
                    operation = self._engine.prepare(asked.query).operation(asked.operation_name)
                    self._keep(request, _answered(value, asked, operation, RESPONSE))
                first = False
                await send(_part(b"event: next\ndata: " + dump(value) + b"\n\n"))
        await send(_part(b"event: complete\ndata: \n\n", more=False))

    async def _results(self, asked: Asked) -> AsyncGenerator[dict[str, Any]]:
        prepared = self._engine.prepare(asked.query)
        operation = prepared.operation(asked.operation_name)
        if prepared.errors or operation is None or operation.kind != "subscription":
            yield self._value(asked, prepared, operation)
            return
        found = await self._engine.subscribe(
            self._memory, prepared, asked.operation_name, asked.variables
        )
        if isinstance(found, dict):
            yield found
            return
        try:
            async for result in found:
                yield reply_of(result)
        finally:
            await found.aclose()

    def _keep(self, request: MockRequest, answer: _Answer) -> None:
        self._take(self._origin, _told(request, answer))

    def _tell(self, origin: CallOrigin, call: AnsweredRequest) -> None:
        self._record(call.told(time.time(), origin))

    def _kept(
        self, asked: Asked, operation: PreparedOperation | None, value: dict[str, Any]
    ) -> None:
        """An operation that came over a WebSocket."""
        answer = _answered(value, asked, operation, RESPONSE)
        is_event = operation is not None and operation.kind == "subscription"
        request = MockRequest("SUBSCRIBE" if is_event else "POST", PATH, "", {}, b"")
        self._keep(request, answer)


class _Repetition:
    """Answers one query again, for as long as nothing has changed."""

    __slots__ = ("_call", "_memory", "_origin", "_take", "_version")

    def __init__(
        self,
        memory: Memory,
        take: Callable[[CallOrigin, AnsweredRequest], None],
        origin: CallOrigin,
        call: AnsweredRequest,
    ) -> None:
        self._memory = memory
        self._version = memory.version
        self._take = take
        self._origin = origin
        self._call = call

    def again(self, date: bytes) -> bytes | None:
        if self._version != self._memory.version:
            return None
        self._take(self._origin, self._call)
        return self._call.reply.whole(date)


def _told(request: MockRequest, answer: _Answer) -> AnsweredRequest:
    """What the record says; the body of a POST is told as what it asks for."""
    query = "" if request.method == "POST" else request.query
    asked = MockRequest(request.method, PATH, query, request.headers, request.body)
    body = answer.asked.told() if answer.asked else None
    return AnsweredRequest(
        asked, answer.reply, answer.operation, answer.valid, answer.problem, body
    )


def _read(request: MockRequest) -> Asked:
    if request.method == "POST":
        return read_post(request.header(b"content-type"), request.body)
    if request.method in ("GET", "HEAD"):
        return read_get(request.query)
    allow = (("allow", "GET, HEAD, POST, OPTIONS"),)
    raise Unreadable(405, f"{request.method[:20]!r} is not allowed; send a POST", allow)


def _media_type(request: MockRequest) -> str:
    media_type = reply_type(request.header(b"accept"))
    if media_type is None:
        raise Unreadable(406, f"replies are {RESPONSE}, {JSON} or {EVENTS}")
    return media_type


def _wrong_way(request: MockRequest, operation: PreparedOperation | None) -> Unreadable | None:
    if operation is None:
        return None
    if operation.kind == "mutation" and request.method != "POST":
        return Unreadable(405, "a mutation is sent as a POST", (("allow", "POST"),))
    if operation.kind == "subscription":
        return Unreadable(
            400, f"a subscription needs a WebSocket (graphql-transport-ws) or accept: {EVENTS}"
        )
    return None


def _no_operation(asked: Asked, prepared: Prepared) -> dict[str, Any]:
    known = ", ".join(name for name in prepared.operations if name) or "none with a name"
    message = f"operation {asked.operation_name!r} is not in the document"
    if not asked.operation_name:
        message = "the document has several operations; operationName has to choose one"
    error = {"message": f"{message}: it has {known}", "extensions": {"code": "BAD_USER_INPUT"}}
    return {"errors": [error]}


def _answered(
    value: dict[str, Any], asked: Asked, operation: PreparedOperation | None, media_type: str
) -> _Answer:
    reply = MockReply(
        status=status_of(value, media_type),
        body=orjson.dumps(value),
        content_type=f"{media_type}; charset=utf-8",
    )
    valid = "data" in value
    problem = "" if valid else str(value["errors"][0]["message"])
    return _Answer(reply, asked, operation.label if operation else "", valid, problem)


def _unreadable(error: Unreadable) -> _Answer:
    value = error.reply()
    reply = MockReply(
        status=error.status,
        body=dump(value),
        content_type=f"{JSON}; charset=utf-8",
        headers=error.headers,
    )
    return _Answer(reply, problem=error.message)


def _preflight() -> _Answer:
    allow = (("allow", "GET, HEAD, POST, OPTIONS"),)
    return _Answer(MockReply(status=204, headers=allow), valid=True)


def _part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
