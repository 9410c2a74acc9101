"""WebSocket: one connection hears what the application publishes, and publishes itself."""

import asyncio
from collections.abc import Mapping

from maestro.contracts.asyncapi.checking import header_values, schema_problems
from maestro.contracts.asyncapi.dialects import UnverifiableSchema, message_schema
from maestro.contracts.asyncapi.wire import MAX_MESSAGE, decoded
from maestro.contracts.mock_marker import MOCK_HEADER
from maestro.contracts.mocks.events.exchange import (
    EventExchange,
    headers_of,
    pace,
    query_of,
    race,
    refusal,
)
from maestro.contracts.mocks.events.stage import listened, wire_text
from maestro.contracts.mocks.events.stream import tick
from maestro.contracts.mocks.events.topics import Published
from maestro.contracts.mocks.messages import (
    Refused,
    Violation,
    dump,
    problem_value,
)
from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

NORMAL, TOO_BIG, TRY_LATER = 1000, 1009, 1013
"""Codes with which a WebSocket is closed."""
CLOSE_SECONDS = 5.0


class SocketExchange(EventExchange):
    """One connection until it is closed, has enough, or does not keep up."""

    _code: int | None = NORMAL
    """None once the other side has closed."""

    def check_handshake(self) -> None:
        """Raises Refused for a handshake the contract's bindings do not allow."""
        query, headers = query_of(self._scope), headers_of(self._scope)
        pace(query)
        found: list[Violation] = []
        for channel in self._meeting.served.channels:
            binding = channel.bindings.get("ws")
            for key, values in (("query", query), ("headers", headers)):
                schema = binding.get(key) if isinstance(binding, Mapping) else None
                if isinstance(schema, Mapping):
                    where = join(channel.pointer, "bindings", "ws", key)
                    found += self._violations(schema, values, key, where)
        if found:
            first = found[0]
            detail = f"the handshake breaks the contract: {first.pointer}: {first.detail}"
            raise Refused(400, detail, tuple(found))

    async def run(self) -> None:
        accept: dict[str, object] = {"type": "websocket.accept"}
        accept["headers"] = [(MOCK_HEADER[0].encode(), MOCK_HEADER[1].encode())]
        if self._scope.get("subprotocols"):
            accept["subprotocol"] = self._scope["subprotocols"][0]
        await self._send(accept)
        every, count = pace(query_of(self._scope))
        opening = self._opening()
        self._stage.keep(
            self._meeting,
            method="SUBSCRIBE",
            protocol="websocket",
            status=101,
            valid=True,
            operation=listened(self._meeting.served),
            answer=opening[0].sample.payload if opening else None,
        )
        with self._meeting.topic.listening(self._listener):
            for published in opening:
                self._listener.put(published)
            jobs = [self._write(count), self._read(), self._overrun()]
            if every is not None:
                jobs.append(tick(self._stage, self._meeting, every))
            await race(*jobs)
        await self._close()

    def _opening(self) -> list[Published]:
        try:
            return self._stage.welcome(self._meeting)
        except InvalidInput as error:
            self._tell(Refused(500, f"no message of the contract can be made: {error}"))
        except Refused as refused:
            self._tell(refused)
        return []

    async def _write(self, count: int | None) -> None:
        left = count
        async for entry in self._listener.entries():
            text = entry if isinstance(entry, str) else wire_text(entry.sample)
            await self._send({"type": "websocket.send", "text": text})
            if left is not None and isinstance(entry, Published):
                left -= 1
                if left == 0:
                    return

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._code = None
                return
            data = message.get("bytes") or (message.get("text") or "").encode()
            if len(data) > MAX_MESSAGE:
                self._code = TOO_BIG
                return
            self._take(data)
            await asyncio.sleep(0)  # a flood from one client must not keep the others waiting

    async def _overrun(self) -> None:
        await self._listener.overrun.wait()
        self._code = TRY_LATER

    def _take(self, data: bytes) -> None:
        """One published message: judged, recorded, answered."""
        payload: JsonValue = None
        headers: JsonObject = {}
        operation, problem, status = "", "", 202
        answer: JsonValue = None
        try:
            payload, headers = self._decoded(data)
            taken = self._stage.take(self._meeting, payload, headers)
            operation = taken.operation
            if not taken.judgement.fits:
                raise refusal(taken.judgement)
            if taken.reply is not None:
                status, answer = 200, taken.reply.sample.payload
                away = taken.reply.address
                if not away or not self._stage.is_heard(away, self._meeting):
                    self._listener.put(wire_text(taken.reply.sample))
        except Refused as refused:
            status, problem = refused.status, refused.detail
            self._tell(refused)
        except InvalidInput as error:
            status, problem = 500, f"the contract has an answer that cannot be made: {error}"
            self._tell(Refused(status, problem))
        self._stage.keep(
            self._meeting,
            method="PUBLISH",
            protocol="websocket",
            status=status,
            valid=status < 400,
            operation=operation,
            problem=problem,
            payload=payload,
            headers=headers,
            answer=answer,
        )

    def _decoded(self, data: bytes) -> tuple[JsonValue, JsonObject]:
        try:
            return decoded(data.decode(), self._meeting.served.received)
        except ValueError as error:
            raise Refused(400, f"the message is not JSON: {error}") from None

    def _tell(self, refused: Refused) -> None:
        self._listener.put(dump(problem_value(refused)).decode())

    def _violations(
        self, schema: JsonObject, values: Mapping[str, str], key: str, where: str
    ) -> list[Violation]:
        root = self._stage.player.document.root
        own = {name: text for name, text in values.items() if not name.startswith("__")}
        try:
            made = message_schema(root, schema, "", where=where)
            problems = schema_problems(made, header_values(own, made), key)
        except (InvalidInput, UnverifiableSchema):
            return []  # told by the lint; a broken binding does not shut the channel
        return [Violation(p.pointer, f"{p.detail} ({p.rule})") for p in problems]

    async def _close(self) -> None:
        if self._code is None:
            return
        reason = "the listener does not keep up" if self._code == TRY_LATER else ""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send({"type": "websocket.close", "code": self._code, "reason": reason})
        except TimeoutError:
            return
