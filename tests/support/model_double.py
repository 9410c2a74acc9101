"""TEST DOUBLE of model providers: a real HTTP server that speaks three wire formats, and no model.

It answers Anthropic's Messages, OpenAI's chat and Gemini's format, streamed, from a script. It
lives under tests/ and nothing in the product knows it; as a program it is `python model_double.py
SCRIPT`.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, whatever its wire format."""

    wire: str
    """`openai`, `anthropic` or `google`."""
    model: str
    system: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[str, ...]
    body: Mapping[str, Any]

    @property
    def last(self) -> str:
        """The text of the last message."""
        return _text(self.messages[-1])

    @property
    def first(self) -> str:
        return _text(self.messages[0])

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Says:
    """What the double answers, or how it fails."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    """(tool, arguments)"""
    status: int = 200
    finish: str = "stop"
    """`stop`, `length` or `refusal`."""
    fault: str = ""
    """`cut`: the connection ends in the middle; `garbage`: what is sent is no event; `drops`: after
    the middle nothing comes but signs of life, until nobody listens any more.
    """
    wait: threading.Event | None = None
    """Answers only once it is set."""
    tokens: tuple[int, int] = (100, 50)
    """Of the input and of the output."""


Script = Callable[[Asked], Says]


@dataclass
class ModelDouble:
    """Use `with serving(script) as double`."""

    script: Script
    asked: list[Asked] = field(default_factory=list)
    answered: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    @property
    def url(self) -> str:
        """As OpenAI-compatible servers are named, without the model."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root(self) -> str:
        """As the SDKs of Anthropic and Google want it."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(script: Script) -> Iterator[ModelDouble]:
    double = ModelDouble(script)

    class Handler(_Handler):
        owner = double

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: ModelDouble
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        return

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = self._read(body)
        with self.owner.lock:
            self.owner.asked.append(asked)
        says = self.owner.script(asked)
        if says.wait is not None:
            says.wait.wait(60)
        try:
            self._answer(asked, says)
        except (BrokenPipeError, ConnectionResetError):
            return
        with self.owner.lock:
            self.owner.answered.append(asked)

    def _read(self, body: Mapping[str, Any]) -> Asked:
        if ":streamGenerateContent" in self.path:
            return _asked_google(self.path, body)
        return _asked("anthropic" if self.path.startswith("/v1/messages") else "openai", body)

    def _answer(self, asked: Asked, says: Says) -> None:
        if says.status != 200:
            self._send_error(asked.wire, says.status)
            return
        speak = {"anthropic": _anthropic, "google": _google, "openai": _openai}[asked.wire]
        events = list(speak(asked, says))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("x-test-double", "yes")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        if says.fault in ("cut", "drops"):
            events = events[: len(events) // 2]
        if says.fault == "garbage":
            events = ["data: {not json at all\n\n"]
        self.wfile.write("".join(events).encode())
        self.wfile.flush()
        while says.fault == "drops":
            self.wfile.write(b"\n")
            time.sleep(0.05)

    def _send_error(self, wire: str, status: int) -> None:
        told = {"type": "api_error", "message": f"the double was told to answer {status}"}
        if wire == "google":
            told = {**told, "status": str(status)}
        body = json.dumps({"type": "error", "error": told}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _asked(wire: str, body: Mapping[str, Any]) -> Asked:
    messages = list(body["messages"])
    if wire == "anthropic":
        given = body.get("system") or ""
        system = given if isinstance(given, str) else "".join(part["text"] for part in given)
        tools = tuple(tool["name"] for tool in body.get("tools") or ())
    else:
        placed = [m for m in messages if m["role"] in ("system", "developer")]
        system = "".join(_text(message) for message in placed)
        messages = [m for m in messages if m not in placed]
        tools = tuple(tool["function"]["name"] for tool in body.get("tools") or ())
    return Asked(
        wire=wire,
        model=body["model"],
        system=system,
        messages=tuple(messages),
        tools=tools,
        body=body,
    )


def _asked_google(path: str, body: Mapping[str, Any]) -> Asked:
    """Gemini's: the model stands in the path, the instructions beside the contents."""
    placed = (body.get("systemInstruction") or {}).get("parts", ())
    declared = [one for tool in body.get("tools") or () for one in tool["functionDeclarations"]]
    messages = [
        {
            "role": "assistant" if content.get("role") == "model" else "user",
            "content": [{"text": _google_text(part)} for part in content["parts"]],
        }
        for content in body["contents"]
    ]
    return Asked(
        wire="google",
        model=path.split("models/")[1].split(":")[0],
        system="".join(part.get("text", "") for part in placed),
        messages=tuple(messages),
        tools=tuple(one["name"] for one in declared),
        body=body,
    )


def _google_text(part: Mapping[str, Any]) -> str:
    if "functionResponse" in part:
        return json.dumps(part["functionResponse"]["response"])
    return str(part.get("text", ""))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(_part_text(part) for part in content)


def _part_text(part: Mapping[str, Any]) -> str:
    if part.get("type") == "tool_result":
        inner = part.get("content") or ""
        return inner if isinstance(inner, str) else "".join(one.get("text", "") for one in inner)
    return str(part.get("text", ""))


def _openai(asked: Asked, says: Says) -> Iterator[str]:
    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _data(
            {
                "id": "double-1",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": asked.model,
                "choices": [choice],
            }
        )

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(says.text):
        yield chunk({"content": piece})
    for index, (name, arguments) in enumerate(says.calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {
            "index": index,
            "id": f"call_{len(asked.messages)}_{index}",
            "type": "function",
            "function": {"name": name, "arguments": text},
        }
        yield chunk({"tool_calls": [call]})
    finish = {"stop": "tool_calls" if says.calls else "stop", "length": "length"}
    yield chunk({}, finish.get(says.finish, "content_filter"))
    used = {"prompt_tokens": says.tokens[0], "completion_tokens": says.tokens[1]}
    yield _data(
        {
            "id": "double-1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": asked.model,
            "choices": [],
            "usage": {**used, "total_tokens": sum(says.tokens)},
        }
    )
    yield "data: [DONE]\n\n"


def _anthropic(asked: Asked, says: Says) -> Iterator[str]:
    def event(kind: str, **content: Any) -> str:
        return f"event: {kind}\n" + _data({"type": kind, **content})

    message: dict[str, Any] = {
        "id": "msg_double",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": says.tokens[0], "output_tokens": 1},
    }
    yield event("message_start", message=message)
    index = 0
    if says.text:
        yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        for piece in _pieces(says.text):
            delta = {"type": "text_delta", "text": piece}
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
        index += 1
    for name, arguments in says.calls:
        block = {
            "type": "tool_use",
            "id": f"toolu_{len(asked.messages)}_{index}",
            "name": name,
            "input": {},
        }
        yield event("content_block_start", index=index, content_block=block)
        delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
        index += 1
    reason = {"stop": "tool_use" if says.calls else "end_turn", "length": "max_tokens"}
    ended = {"stop_reason": reason.get(says.finish, "refusal"), "stop_sequence": None}
    yield event("message_delta", delta=ended, usage={"output_tokens": says.tokens[1]})
    yield event("message_stop")


def _google(asked: Asked, says: Says) -> Iterator[str]:
    def piece(parts: list[Mapping[str, Any]], finish: str | None = None) -> str:
        candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
        if finish is not None:
            candidate["finishReason"] = finish
        used = {"promptTokenCount": says.tokens[0], "candidatesTokenCount": says.tokens[1]}
        return _data(
            {
                "candidates": [candidate],
                "usageMetadata": {**used, "totalTokenCount": sum(says.tokens)},
                "modelVersion": asked.model,
                "responseId": "double-1",
            }
        )

    for text in _pieces(says.text):
        yield piece([{"text": text}])
    for name, arguments in says.calls:
        yield piece([{"functionCall": {"name": name, "args": arguments}}])
    ends = {"stop": "STOP", "length": "MAX_TOKENS"}
    yield piece([{"text": ""}], ends.get(says.finish, "SAFETY"))


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), 400):
        yield text[start : start + 400]


def _data(value: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"
