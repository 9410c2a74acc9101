"""An in-memory task API that keeps task_api.json, with defects that DEFECT switches on.

    python task_provider.py FILE_DESCRIPTOR

It is what contract verification is tested against: without DEFECT (names, separated by commas) it
must draw no finding, with a defect that defect must be found. NOT_BUILT (`GET /users,...`) makes
operations answer 501, MOCK makes it say that it is a mock.
"""

import json
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import uvicorn

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parent / "task_api.json").read_text(encoding="utf-8")
)
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
ENTITIES = {
    "users": ("user", "User"),
    "projects": ("project", "Project"),
    "tasks": ("task", "Task"),
}
UNIQUE = {"users": "email", "projects": "name"}
REFERENCES = {"project_id": "projects", "assignee_id": "users"}

DEFECTS = {
    "wrong_status": "create_task answers 200 instead of 201",
    "missing_field": "get_task leaves `priority` out",
    "mistyped_field": "get_task gives `project_id` as text",
    "null_field": "get_task gives `title` as null",
    "extra_field": "get_task adds `secret`",
    "bad_enum": "list_tasks gives a status outside of the enumeration",
    "wrong_content_type": "list_users answers text/html",
    "problem_as_json": "errors are not application/problem+json",
    "ignored_validation": "create_project stores any body",
    "ignored_query_validation": "list_tasks does not check limit and offset",
    "filter_ignored": "list_tasks ignores ?status=",
    "limit_ignored": "list_projects ignores ?limit=",
    "sort_ignored": "list_tasks ignores ?sort=",
    "search_ignored": "list_tasks ignores ?q=",
    "wrong_total": "list_users gives the length of the page as total",
    "delete_kept": "delete_task answers 204 and keeps the task",
    "lost_write": "update_task answers the change and does not store it",
    "lost_field": "create_task forgets the description",
    "long_input_500": "create_task answers 500 on a title of more than 200 characters",
    "missing_location": "create_user sends no Location",
    "missing_as_200": "get_project answers 200 for an unknown id",
    "unique_ignored": "create_user stores an e-mail twice",
    "reference_unchecked": "create_task stores a reference to an unknown project",
    "wrong_id": "create_task answers an id that is not the stored one",
    "over_strict": "create_task refuses priority 5",
    "method_accepted": "PUT /projects answers 200",
    "assign_ignored": "update_task leaves `assignee_id` as it was",
    "required_ignored": "create_task stores a task without a title",
    "enum_ignored": "create_task stores any status",
    "delete_hangs_up": "delete_user closes the connection in the middle of the answer",
    "undeclared_501": "delete_project answers 501",
    "any_media_type": "bodies are taken whatever they are said to be",
    "deep_json_500": "bodies that are nested deeply are answered 500",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Refusal(Exception):
    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


@dataclass
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


async def read_all(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def compiled(name: str) -> jsonschema_rs.Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@dataclass
class TaskApi:
    defects: frozenset[str] = frozenset()
    not_built: frozenset[str] = frozenset()
    mock: bool = False
    rows: dict[str, dict[int, dict[str, Any]]] = field(
        default_factory=lambda: {plural: {} for plural in ENTITIES}
    )
    last_id: int = 0

    def __post_init__(self) -> None:
        if not self.defects <= set(DEFECTS):
            raise SystemExit(f"unknown DEFECT in {sorted(self.defects)}")
        self.bodies = {
            name: compiled(name) for name in SCHEMAS if name.endswith(("Create", "Update"))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await read_all(receive)
        kind = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0]
        if kind != b"application/json" and "any_media_type" not in self.defects:
            body = b""  # which is no JSON
        try:
            reply = self.answer(scope["method"], scope["path"], scope["query_string"], body)
        except Refusal as refusal:
            content_type = "application/problem+json"
            if "problem_as_json" in self.defects:
                content_type = "application/json"
            problem = {"type": "about:blank", "title": "Refused", "status": refusal.status}
            reply = Reply(
                refusal.status,
                {**problem, "detail": refusal.detail},
                refusal.headers,
                content_type,
            )
        if self.mock:
            reply.headers["x-maestro-mock"] = "task-api"
        content = b"" if reply.body is None else json.dumps(reply.body).encode()
        headers = dict(reply.headers)
        if reply.status != 204:
            headers.setdefault("content-length", str(len(content)))
        if content:
            headers["content-type"] = reply.content_type
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def answer(self, method: str, path: str, query: bytes, body: bytes) -> Reply:
        if path == "/api/health":
            return Reply(200, {"status": "ok"})
        match = re.fullmatch(r"/api/(users|projects|tasks)(?:/([^/]*))?", path)
        if match is None:
            raise Refusal(404, f"no such path: {path}")
        plural, text = match.groups()
        singular, _ = ENTITIES[plural]
        template = f"/{plural}" if text is None else f"/{plural}/{{{singular}_id}}"
        if f"{method} {template}" in self.not_built:
            raise Refusal(501, "not built")
        allowed = DOCUMENT["paths"][template]
        if method.lower() not in allowed:
            if "method_accepted" in self.defects and (method, template) == ("PUT", "/projects"):
                return Reply(200, {})
            raise Refusal(405, "method not allowed", allow=", ".join(m.upper() for m in allowed))
        if text is None:
            return self.page(plural, query) if method == "GET" else self.create(plural, body)
        self.no_query(query)
        return self.entry(method, plural, text, body)

    def no_query(self, query: bytes) -> None:
        if query:
            raise Refusal(422, f"unknown query: {query!r}")

    def entry(self, method: str, plural: str, text: str, body: bytes) -> Reply:
        singular, _ = ENTITIES[plural]
        if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) > 2147483647:
            raise Refusal(422, f"bad id {text!r}")
        if "undeclared_501" in self.defects and (method, plural) == ("DELETE", "projects"):
            raise Refusal(501, "later")
        changes = self.read_body(plural, "Update", body) if method == "PATCH" else {}
        row = self.rows[plural].get(int(text))
        if row is None:
            if "missing_as_200" in self.defects and (method, plural) == ("GET", "projects"):
                return Reply(200, self.blank_project(int(text)))
            raise Refusal(404, f"no {singular} {text}")
        if method == "GET":
            return Reply(200, self.shown(plural, row))
        if method == "DELETE":
            return self.delete(plural, row)
        return self.update(plural, row, changes)

    def blank_project(self, number: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        blank = {"name": "?", "description": None, "archived": False}
        return {"id": number, "created_at": now, **blank}

    def shown(self, plural: str, row: Mapping[str, Any]) -> dict[str, Any]:
        copy = dict(row)
        if plural != "tasks":
            return copy
        if "missing_field" in self.defects:
            del copy["priority"]
        if "mistyped_field" in self.defects:
            copy["project_id"] = str(copy["project_id"])
        if "null_field" in self.defects:
            copy["title"] = None
        if "extra_field" in self.defects:
            copy["secret"] = "x"
        return copy

    def page(self, plural: str, query: bytes) -> Reply:
        given = self.read_query(plural, query)
        limit, offset = given.pop("limit", 20), given.pop("offset", 0)
        sort, words = given.pop("sort", "id"), given.pop("q", "")
        if "filter_ignored" in self.defects and plural == "tasks":
            given.pop("status", None)
        rows = [r for r in self.rows[plural].values() if all(r[k] == v for k, v in given.items())]
        if words and not ("search_ignored" in self.defects and plural == "tasks"):
            rows = [r for r in rows if self.mentions(r, words)]
        if not ("sort_ignored" in self.defects and plural == "tasks"):
            name = sort.removeprefix("-")
            rows.sort(key=lambda r: (r[name] is not None, r[name]), reverse=sort.startswith("-"))
        page = rows[offset : offset + limit]
        if "limit_ignored" in self.defects and plural == "projects":
            page = rows[offset:]
        if "bad_enum" in self.defects and plural == "tasks":
            page = [{**row, "status": "later"} for row in page]
        total = len(page) if "wrong_total" in self.defects and plural == "users" else len(rows)
        body = {"items": page, "total": total, "limit": limit, "offset": offset}
        html = "wrong_content_type" in self.defects and plural == "users"
        return Reply(200, body, content_type="text/html" if html else "application/json")

    def mentions(self, row: Mapping[str, Any], words: str) -> bool:
        texts = [str(v) for k, v in row.items() if isinstance(v, str) and k != "created_at"]
        return any(words.lower() in text.lower() for text in texts)

    def create(self, plural: str, body: bytes) -> Reply:
        _, type_name = ENTITIES[plural]
        given = self.read_body(plural, "Create", body)
        if plural == "tasks":
            if "long_input_500" in self.defects and len(given["title"]) > 200:
                return Reply(500, {"oops": True})
            if "over_strict" in self.defects and given.get("priority") == 5:
                raise Refusal(422, "priority 5 is too much")
        self.check_stored(plural, given, None)
        self.last_id += 1
        number = self.last_id
        properties = SCHEMAS[f"{type_name}Create"]["properties"]
        values = {
            name: given.get(name, schema.get("default")) for name, schema in properties.items()
        }
        if "lost_field" in self.defects and plural == "tasks":
            values["description"] = None
        row = {"id": number, "created_at": datetime.now(UTC).isoformat(), **values}
        self.rows[plural][number] = row
        headers = {"location": f"/api/{plural}/{number}"}
        shown = dict(row)
        status = 201
        if plural == "tasks" and "wrong_status" in self.defects:
            status = 200
        if plural == "tasks" and "wrong_id" in self.defects:
            shown["id"] = number + 1000
            headers["location"] += "000"
        if plural == "users" and "missing_location" in self.defects:
            headers = {}
        return Reply(status, shown, headers)

    def update(self, plural: str, row: dict[str, Any], changes: dict[str, Any]) -> Reply:
        self.check_stored(plural, changes, row["id"])
        if "assign_ignored" in self.defects:
            changes.pop("assignee_id", None)
        if "lost_write" in self.defects and plural == "tasks":
            return Reply(200, {**row, **changes})
        row.update(changes)
        return Reply(200, dict(row))

    def delete(self, plural: str, row: Mapping[str, Any]) -> Reply:
        for name, target in REFERENCES.items():
            if target == plural and any(r[name] == row["id"] for r in self.rows["tasks"].values()):
                raise Refusal(409, "still referenced")
        if "delete_hangs_up" in self.defects and plural == "users":
            return Reply(200, {}, {"content-length": "100"})
        if not ("delete_kept" in self.defects and plural == "tasks"):
            del self.rows[plural][row["id"]]
        return Reply(204)

    def check_stored(self, plural: str, given: Mapping[str, Any], own: int | None) -> None:
        for name, target in REFERENCES.items():
            number = given.get(name)
            if number is None or number in self.rows[target]:
                continue
            if "reference_unchecked" not in self.defects or name != "project_id":
                raise Refusal(409, f"{name}: no such entry {number}")
        unique = UNIQUE.get(plural)
        if unique is None or unique not in given:
            return
        if "unique_ignored" in self.defects and plural == "users":
            return
        rows = self.rows[plural].values()
        if any(r[unique] == given[unique] and r["id"] != own for r in rows):
            raise Refusal(409, f"{unique} {given[unique]!r} is taken")

    def read_body(self, plural: str, kind: str, body: bytes) -> dict[str, Any]:
        _, type_name = ENTITIES[plural]
        try:
            value = json.loads(body)
        except ValueError:
            raise Refusal(422, "the body is not JSON") from None
        except RecursionError:
            if "deep_json_500" in self.defects:
                raise
            raise Refusal(422, "the body is nested too deeply") from None
        problems = list(self.bodies[type_name + kind].iter_errors(value))
        if problems and not self.forgives(plural, kind, value, problems):
            raise Refusal(422, problems[0].message)
        return dict(value)

    def forgives(self, plural: str, kind: str, value: Any, problems: list[Any]) -> bool:
        if kind != "Create" or not isinstance(value, dict):
            return False
        if "ignored_validation" in self.defects and plural == "projects":
            value.setdefault("name", f"unnamed {self.last_id}")
            for name in set(value) - set(SCHEMAS["ProjectCreate"]["properties"]):
                del value[name]
            return True
        if plural != "tasks" or len(problems) > 1:
            return False
        if "title" not in value:
            value["title"] = "untitled"
            return "required_ignored" in self.defects
        place = [*problems[0].instance_path]
        return "enum_ignored" in self.defects and place == ["status"]

    def read_query(self, plural: str, query: bytes) -> dict[str, Any]:
        declared = {
            p["name"]: p["schema"] for p in DOCUMENT["paths"][f"/{plural}"]["get"]["parameters"]
        }
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        result: dict[str, Any] = {}
        for name, text in pairs:
            if name not in declared or name in result:
                raise Refusal(422, f"unknown or repeated query parameter {name!r}")
            result[name] = self.read_value(plural, name, text, declared[name])
        return result

    def read_value(self, plural: str, name: str, text: str, schema: dict[str, Any]) -> Any:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        value: Any = text
        if "integer" in kinds and re.fullmatch(r"-?[0-9]{1,10}", text):
            value = int(text)
        elif "boolean" in kinds and text in ("true", "false"):
            value = text == "true"
        validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        if validator.is_valid(value):
            return value
        if "ignored_query_validation" in self.defects and name in ("limit", "offset"):
            return {"limit": 20, "offset": 0}[name]
        raise Refusal(422, f"query parameter {name}: {text!r}")


def app_from_environment() -> TaskApi:
    def names(variable: str) -> frozenset[str]:
        return frozenset(filter(None, os.environ.get(variable, "").split(",")))

    return TaskApi(names("DEFECT"), names("NOT_BUILT"), "MOCK" in os.environ)


def main() -> None:
    """Serves on a socket that the caller bound, given as its file descriptor."""
    listener = socket.socket(fileno=int(sys.argv[1]))
    config = uvicorn.Config(app_from_environment(), log_level="error", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
