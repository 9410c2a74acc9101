"""GraphQL over WebSocket: the protocol `graphql-transport-ws`."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.contracts.mocks.graphql.engine import (
    GraphqlEngine,
    Prepared,
    PreparedOperation,
    reply_of,
)
from maestro.contracts.mocks.graphql.http import Asked, Unreadable, asked_of
from maestro.contracts.mocks.graphql.memory import Memory
from maestro.contracts.mocks.messages import dump
from maestro.contracts.mocks.surface import Receive, Scope, Send

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAX_OPERATIONS = 100
"""At once on one connection."""
MAX_MESSAGE = 1024 * 1024

Kept = Callable[[Asked, PreparedOperation | None, dict[str, Any]], None]


class _Closed(Exception):
    """Ends the connection with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Socket:
    """One connection."""

    def __init__(self, engine: GraphqlEngine, memory: Memory, kept: Kept) -> None:
        self._engine = engine
        self._memory = memory
        self._kept = kept
        self._send: Send | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._is_greeted = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until one side closes."""
        await receive()
        self._send = send
        header = (MOCK_HEADER[0].encode(), MOCK_HEADER[1].encode())
        is_known = PROTOCOL in scope.get("subprotocols", ())
        accept: dict[str, Any] = {"type": "websocket.accept", "headers": [header]}
        await send({**accept, "subprotocol": PROTOCOL} if is_known else accept)
        if not is_known:
            await self._close(4406, f"Subprotocol not acceptable: {PROTOCOL} is spoken here")
            return
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._converse(receive, group)
                except _Closed as closed:
                    await self._close(closed.code, closed.reason)
                finally:
                    for task in self._running.values():
                        task.cancel()
        except* OSError:
            self._running.clear()  # the other side went in the middle of a message

    async def _converse(self, receive: Receive, group: asyncio.TaskGroup) -> None:
        """Raises _Closed."""
        while True:
            try:
                async with asyncio.timeout(None if self._is_greeted else INIT_SECONDS):
                    event = await receive()
            except TimeoutError:
                raise _Closed(4408, "Connection initialisation timeout") from None
            if event["type"] == "websocket.disconnect":
                return
            if event["type"] == "websocket.receive":
                await self._message(_read(event), group)

    async def _message(self, message: dict[str, Any], group: asyncio.TaskGroup) -> None:
        kind = message.get("type")
        if kind == "connection_init":
            if self._is_greeted:
                raise _Closed(4429, "Too many initialisation requests")
            self._is_greeted = True
            await self._say({"type": "connection_ack"})
        elif kind == "ping":
            await self._say({"type": "pong"})
        elif kind == "subscribe":
            self._subscribe(message, group)
        elif kind == "complete":
            task = self._running.pop(_id_of(message), None)
            if task is not None:
                task.cancel()
        elif kind != "pong":
            raise _Closed(4400, f"Unknown message type {str(kind)[:40]!r}")

    def _subscribe(self, message: dict[str, Any], group: asyncio.TaskGroup) -> None:
        if not self._is_greeted:
            raise _Closed(4401, "Unauthorized")
        name = _id_of(message)
        if name in self._running:
            raise _Closed(4409, f"Subscriber for {name[:40]} already exists")
        if len(self._running) >= MAX_OPERATIONS:
            raise _Closed(4400, f"More than {MAX_OPERATIONS} operations at once")
        try:
            asked = asked_of(message.get("payload"))
        except Unreadable as error:
            raise _Closed(4400, error.message[:100]) from None
        self._running[name] = group.create_task(self._run(name, asked))

    async def _run(self, name: str, asked: Asked) -> None:
        try:
            await self._answer(name, asked)
        finally:
            if self._running.get(name) is asyncio.current_task():
                del self._running[name]

    async def _answer(self, name: str, asked: Asked) -> None:
        prepared = self._engine.prepare(asked.query)
        operation = prepared.operation(asked.operation_name)
        if prepared.errors or operation is None:
            errors = prepared.errors or [{"message": "operationName has to choose one operation"}]
            self._kept(asked, operation, {"errors": errors})
            await self._say({"type": "error", "id": name, "payload": errors})
            return
        if operation.kind != "subscription":
            reply = self._engine.execute(
                self._memory, prepared, asked.operation_name, asked.variables
            )
            self._kept(asked, operation, reply)
            await self._next(name, reply)
        elif not await self._follow(name, asked, prepared, operation):
            return
        await self._say({"type": "complete", "id": name})

    async def _follow(
        self, name: str, asked: Asked, prepared: Prepared, operation: PreparedOperation
    ) -> bool:
        """Whether the subscription ran at all."""
        found = await self._engine.subscribe(
            self._memory, prepared, asked.operation_name, asked.variables
        )
        if isinstance(found, dict):
            self._kept(asked, operation, found)
            await self._say({"type": "error", "id": name, "payload": found["errors"]})
            return False
        is_first = True
        try:
            async for result in found:
                reply = reply_of(result)
                if is_first:
                    self._kept(asked, operation, reply)
                is_first = False
                await self._next(name, reply)
        finally:
            await found.aclose()
        return True

    async def _next(self, name: str, reply: dict[str, Any]) -> None:
        if "data" in reply:
            await self._say({"type": "next", "id": name, "payload": reply})
        else:
            await self._say({"type": "error", "id": name, "payload": reply["errors"]})

    async def _say(self, message: dict[str, Any]) -> None:
        assert self._send is not None
        await self._send({"type": "websocket.send", "text": dump(message).decode()})

    async def _close(self, code: int, reason: str) -> None:
        assert self._send is not None
        await self._send({"type": "websocket.close", "code": code, "reason": reason[:120]})


def _read(event: dict[str, Any]) -> dict[str, Any]:
    text = event.get("text") or ""
    if len(text) > MAX_MESSAGE:
        raise _Closed(4400, f"Messages of more than {MAX_MESSAGE} characters are not read")
    try:
        message = orjson.loads(text)
    except (ValueError, RecursionError):
        raise _Closed(4400, "Invalid message: no JSON") from None
    if not isinstance(message, dict):
        raise _Closed(4400, "Invalid message: no object")
    return message


def _id_of(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not name:
        raise _Closed(4400, "Invalid message: no id")
    return name
