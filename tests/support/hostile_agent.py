"""A remote agent that answers whatever a test wants, on a real socket. A test double."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

EXTENSION = "urn:maestro:work:1"
HEADERS = {"json": "application/json", "events": "text/event-stream", "html": "text/html"}


@dataclass
class HostileAgent:
    """Speaks just enough HTTP/1.1 to be met, and then what it was told to say."""

    replies: Callable[["HostileAgent", dict[str, Any], asyncio.StreamWriter], Awaitable[None]]
    card: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """First lines of all requests."""
    methods: list[str] = field(default_factory=list)
    """JSON-RPC methods that were called."""
    card_head: bytes | None = None
    """Answers the card instead, whole."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            self.requests.append(first)
            fields = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
            body = await reader.readexactly(int(fields.get("content-length", "0")))
            if first.startswith("GET"):
                if self.card_head is not None:
                    writer.write(self.card_head)
                else:
                    send(writer, "json", json.dumps(self.card))
            else:
                call = json.loads(body)
                self.methods.append(call["method"])
                if call["method"] == "CancelTask":
                    send(
                        writer,
                        "json",
                        json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": {}}),
                    )
                else:
                    await self.replies(self, call, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def served(agent: HostileAgent) -> AsyncIterator[HostileAgent]:
    server = await asyncio.start_server(agent.answer, "127.0.0.1", 0, limit=2**26)
    agent.port = server.sockets[0].getsockname()[1]
    agent.card = card(agent.url) | agent.card
    try:
        yield agent
    finally:
        server.close()


def card(url: str, skills: Sequence[str] = ("solution_architect",)) -> dict[str, Any]:
    return {
        "name": "Outside agent",
        "description": "A test double.",
        "version": "1",
        "supportedInterfaces": [
            {"url": f"{url}/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
        "capabilities": {
            "streaming": True,
            "extensions": [{"uri": EXTENSION, "required": True, "params": {"capacity": 3}}],
        },
        "defaultInputModes": ["application/json"],
        "defaultOutputModes": ["application/json"],
        "skills": [{"id": s, "name": s, "description": s, "tags": ["x"]} for s in skills],
    }


def send(writer: asyncio.StreamWriter, kind: str, text: str, status: str = "200 OK") -> None:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {HEADERS[kind]}\r\ncontent-length: {len(body)}"
    writer.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + body)


def begin_events(writer: asyncio.StreamWriter, extra: str = "") -> None:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{extra}connection: close\r\n\r\n"
    writer.write(head.encode())


def event(writer: asyncio.StreamWriter, call: Mapping[str, Any], result: Any) -> None:
    data = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result})
    writer.write(f"data: {data}\n\n".encode())


def working(text: str = "at work") -> dict[str, Any]:
    return status("TASK_STATE_WORKING", text)


def status(state: str, text: str = "") -> dict[str, Any]:
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": text}]}
    return {
        "statusUpdate": {
            "taskId": "t1",
            "contextId": "c1",
            "status": {"state": state, **({"message": message} if text else {})},
        }
    }


def artifact(part: Mapping[str, Any], name: str = "a1") -> dict[str, Any]:
    return {
        "artifactUpdate": {
            "taskId": "t1",
            "contextId": "c1",
            "artifact": {"artifactId": name, "parts": [part]},
        }
    }


def order_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """The document in a call."""
    document = json.loads(call["params"]["message"]["parts"][0]["text"])
    assert isinstance(document, dict)
    return document


def result_of(order: Mapping[str, Any], files: Any, **changes: Any) -> dict[str, Any]:
    """A proper result for an order, but for the changes."""
    return {
        "kind": "result",
        "lease": order["lease"],
        "result": {"summary": "done"},
        "files": files,
        **changes,
    }
