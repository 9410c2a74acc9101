"""A library that keeps library.yaml, and one fault that FAULT switches on.

    PORT=... python library_provider.py

Its document was not designed here: verification has to find out by itself what can be tried.
"""

import asyncio
import json
import os
import re
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import uvicorn
import yaml

FAULT = os.environ.get("FAULT", "")
SCHEMAS = yaml.safe_load((Path(__file__).parent / "library.yaml").read_text("utf-8"))["components"][
    "schemas"
]
SHELVES: dict[str, dict[str, Any]] = {}
BOOKS: dict[str, dict[str, dict[str, Any]]] = {}


class Refused(Exception):
    """An error reply without a body; the document promises none."""


def body_of(content: bytes, kind: str, schema: str) -> dict[str, Any]:
    rules = json.loads(json.dumps(SCHEMAS[schema]))
    for found in rules["properties"].values():
        if found.pop("nullable", False):
            found["type"] = [found["type"], "null"]
    try:
        body: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError):
        raise Refused(400) from None
    if kind != "application/json" or not jsonschema_rs.is_valid(rules, body):
        raise Refused(400)
    return {name: body[name] for name in rules["properties"] if name in body}


def number(query: dict[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch("-?[0-9]{1,9}", text) or not (1 <= int(text) <= most):
        raise Refused(400)
    return int(text)


def listed(shelf: str, query: dict[str, str]) -> list[dict[str, Any]]:
    page, size = number(query, "page", 1, 10**9), number(query, "perPage", 10, 50)
    books = list(BOOKS[shelf].values())
    if "minYear" in query:
        if not re.fullmatch("-?[0-9]{1,9}", query["minYear"]):
            raise Refused(400)
        if FAULT != "bound_ignored":
            books = [book for book in books if book["year"] >= int(query["minYear"])]
    order = query.get("orderBy")
    if order not in (None, "title_asc", "title_desc"):
        raise Refused(400)
    if order is not None and FAULT != "order_ignored":
        books.sort(key=lambda book: str(book["title"]), reverse=order == "title_desc")
    start = 0 if FAULT == "page_ignored" else (page - 1) * size
    return books[start : start + size]


def shelves(method: str, content: bytes, kind: str) -> tuple[int, Any]:
    if method == "GET":
        return 200, list(SHELVES.values())
    made = {**body_of(content, kind, "ShelfInput"), "id": uuid.uuid4().hex}
    SHELVES[made["id"]], BOOKS[made["id"]] = made, {}
    return 201, made


def shelf(method: str, name: str) -> tuple[int, Any]:
    if name not in SHELVES:
        raise Refused(404)
    if method == "DELETE":
        del BOOKS[name]
        SHELVES.pop(name)
        return 200, None
    return 200, SHELVES[name]


def books(
    method: str, name: str, query: dict[str, str], content: bytes, kind: str
) -> tuple[int, Any]:
    if name not in SHELVES:
        raise Refused(404)
    if method == "GET":
        return 200, listed(name, query)
    made = {**body_of(content, kind, "BookInput"), "bookId": uuid.uuid4().hex[:10]}
    BOOKS[name][made["bookId"]] = made
    return 201, made


def book(method: str, name: str, title: str, content: bytes, kind: str) -> tuple[int, Any]:
    if title not in BOOKS.get(name, {}):
        raise Refused(404)
    if method == "PUT":
        changed = {**body_of(content, kind, "BookInput"), "bookId": title}
        if FAULT == "year_lost":
            changed["year"] = BOOKS[name][title]["year"]
        BOOKS[name][title] = changed
    if method == "DELETE":
        BOOKS[name].pop(title)
        return 200, None
    return 200, BOOKS[name][title]


def answer(method: str, path: str, query: dict[str, str], content: bytes, kind: str) -> Any:
    parts = path.strip("/").split("/")
    shape = [parts[0], *("x" if i % 2 else p for i, p in enumerate(parts[1:], 1))]
    if path == "/greeting" and method == "GET":
        return 200, {"text": 5 if FAULT == "greeting_mistyped" else "hello"}
    if shape == ["shelves"] and method in ("GET", "POST"):
        return shelves(method, content, kind)
    if shape == ["shelves", "x"] and method in ("GET", "DELETE"):
        return shelf(method, parts[1])
    if shape == ["shelves", "x", "books"] and method in ("GET", "POST"):
        return books(method, parts[1], query, content, kind)
    if shape == ["shelves", "x", "books", "x"] and method in ("GET", "PUT", "DELETE"):
        return book(method, parts[1], parts[3], content, kind)
    raise Refused(405 if parts[0] in ("shelves", "greeting") else 404)


async def application(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        return
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = dict(scope["headers"])
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
    try:
        status, value = answer(scope["method"], scope["path"], query, content, kind)
    except Refused as refused:
        status, value = refused.args[0], None
    body = b"" if value is None else json.dumps(value).encode()
    pairs = [(b"content-length", str(len(body)).encode())]
    pairs += [(b"content-type", b"application/json")] if body else []
    pairs += [(b"allow", b"GET, POST, PUT, DELETE")] if status == 405 else []
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    config = uvicorn.Config(
        application, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="critical"
    )
    asyncio.run(uvicorn.Server(config).serve())
