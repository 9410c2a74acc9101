"""A provider of examples/contracts/orders.asyncapi.yaml, without faults or with one of them."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

Json = dict[str, Any]


def placed(order: str = "ord-5") -> Json:
    item = {"product_id": 3, "quantity": 1, "price": 4.25}
    return {
        "event": "order_placed",
        "order_id": order,
        "placed_at": "2031-02-03T04:05:06Z",
        "items": [item],
        "total": 4.25,
    }


def paid(order: str = "ord-5") -> Json:
    return {
        "event": "order_paid",
        "order_id": order,
        "paid_at": "2031-02-03T04:06:06Z",
        "amount": 4.25,
        "method": "card",
    }


def cancelled(order: str = "ord-5") -> Json:
    return {"event": "order_cancelled", "order_id": order, "cancelled_at": "2031-02-03T05:00:00Z"}


def _without(value: Json, name: str) -> Json:
    return {key: entry for key, entry in value.items() if key != name}


PUBLISHED: dict[str, Callable[[], Any]] = {
    "mistyped_field": lambda: paid() | {"amount": "4.25"},
    "missing_field": lambda: _without(paid(), "method"),
    "null_field": lambda: paid() | {"paid_at": None},
    "extra_field": lambda: paid() | {"internal_note": "x"},
    "bad_enum": lambda: paid() | {"method": "shells"},
    "bad_pattern": lambda: paid() | {"order_id": "5"},
    "bad_format": lambda: paid() | {"paid_at": "yesterday"},
    "out_of_bounds": lambda: paid() | {"amount": -1},
    "unknown_event": lambda: {"event": "order_shipped", "order_id": "ord-5"},
    "not_json": lambda: "order 5 was paid",
}
"""What is published in place of the right `orderPaid`."""

OTHERS = (
    "never_published",
    "invalid_accepted",
    "valid_refused",
    "crash_on_invalid",
    "reply_missing",
    "reply_mistyped",
    "reply_without_id",
    "replies_mixed_up",
    "channel_missing",
    "closes_early",
)


@dataclass
class Provider:
    """An ASGI application that speaks WebSocket, or HTTP with server-sent events."""

    fault: str = ""
    http_only: bool = False

    async def __call__(self, scope: Json, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket" and not self.http_only:
            await self._socket(scope["path"], receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    def _published(self, path: str) -> list[str]:
        if path == "/orders":
            middle = PUBLISHED.get(self.fault, paid)()
            every = [placed(), middle, cancelled()]
            every = [placed(), cancelled()] if self.fault == "never_published" else every
        elif path.startswith("/orders/"):
            order = path.rpartition("/")[2]
            every = [paid(order), cancelled(order)]
        else:
            every = []
        return [entry if isinstance(entry, str) else json.dumps(entry) for entry in every]

    async def _socket(self, path: str, receive: Any, send: Any) -> None:
        await receive()
        if self.fault == "channel_missing" and path.startswith("/orders/"):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        for text in self._published(path):
            await send({"type": "websocket.send", "text": text})
        if self.fault == "closes_early" and path == "/orders":
            await send({"type": "websocket.close", "code": 1011})
            return
        await self._talk(path, receive, send)

    async def _talk(self, path: str, receive: Any, send: Any) -> None:
        held: list[str] = []
        while (message := await receive())["type"] == "websocket.receive":
            answer = self._answer(path, message.get("text") or "")
            if answer == "crash":
                raise RuntimeError("seeded")
            if answer is not None:
                held.append(answer)
            if self.fault == "replies_mixed_up" and path == "/quotes" and len(held) < 2:
                continue
            for text in held:
                await send({"type": "websocket.send", "text": text})
            held.clear()

    async def _http(self, scope: Json, receive: Any, send: Any) -> None:
        path = scope["path"]
        if scope["method"] == "GET" and self.http_only and path != "/":
            await _start(send, 200, b"text/event-stream")
            for text in self._published(path):
                part = f"data: {text}\n\n".encode()
                await send({"type": "http.response.body", "body": part, "more_body": True})
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        status, body = 404, b"{}"
        if scope["method"] == "POST" and self.http_only:
            answer = self._answer(path, (await receive())["body"].decode())
            if answer == "crash":
                raise RuntimeError("seeded")
            status = 422 if answer and '"problem"' in answer else 202
            body = (answer or "").encode()
        await _start(send, status, b"application/json")
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, text: str) -> str | None:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        fits = _is_request(value) if path == "/quotes" else _is_cancellation(value)
        if self.fault == "valid_refused" and path != "/quotes":
            fits = not fits
        if not fits:
            if self.fault == "crash_on_invalid":
                return "crash"
            if self.fault != "invalid_accepted":
                return json.dumps({"problem": "no such message"})
        return self._quote(value) if path == "/quotes" else None

    def _quote(self, value: Any) -> str | None:
        identity = value.get("request_id", "?") if isinstance(value, dict) else "?"
        quote: Json = {
            "request_id": str(identity),
            "total": 4.25,
            "valid_until": "2031-02-03T04:05:06Z",
        }
        if self.fault == "reply_missing":
            return None
        if self.fault == "reply_mistyped":
            quote["total"] = "free"
        if self.fault in ("reply_without_id", "replies_mixed_up"):
            quote["request_id"] = "quote-1"
        return json.dumps(quote)


async def _start(send: Any, status: int, kind: bytes) -> None:
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


def _is_item(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and set(item) == {"product_id", "quantity", "price"}
        and all(isinstance(number, int | float) for number in item.values())
        and item["product_id"] >= 1
    )


def _is_request(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"request_id", "items"}
        and isinstance(value["request_id"], str)
        and isinstance(value["items"], list)
        and bool(value["items"])
        and all(_is_item(item) for item in value["items"])
    )


def _is_cancellation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"command", "reason"}
        and value["command"] == "cancel"
        and isinstance(value["reason"], str)
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(application: Any) -> AsyncIterator[str]:
    """Any ASGI application on a free port; yields `127.0.0.1:port`."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        application,
        lifespan="off",
        log_config=None,
        log_level="critical",
        ws="websockets-sansio",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()
