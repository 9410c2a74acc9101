"""A small API that keeps the conventions of designed contracts, in memory, and serves a page.

Started as a process of its own: `uvicorn memory_backend:app` with the environment variables
PAGES_DOCUMENTS (JSON: component -> path of an OpenAPI document) and PAGES_FRONTEND (a folder).
PAGES_DEFECT names, with commas, what it breaks on purpose: create, edit, delete, filter, search.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

DEFECTS = frozenset(os.environ.get("PAGES_DEFECT", "").split(","))
DOCUMENTS = {
    name: json.loads(Path(path).read_text())
    for name, path in json.loads(os.environ["PAGES_DOCUMENTS"]).items()
}
STORE: dict[str, dict[int, dict[str, Any]]] = {}
NUMBERS = {"last": 0}


def problem(status: int, detail: str, *errors: tuple[str, str]) -> Response:
    body = {
        "type": "about:blank",
        "title": "Refused",
        "status": status,
        "detail": detail,
        "errors": [{"pointer": pointer, "detail": text} for pointer, text in errors],
    }
    return JSONResponse(body, status, media_type="application/problem+json")


def routes(document: dict[str, Any]) -> list[Route]:
    found = []
    for path, item in document["paths"].items():
        if "{" in path:
            continue
        name = item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][name.rsplit("/", 1)[-1]]
        entity = Resource(path, item["get"]["parameters"], schema)
        found.append(Route(path, entity.collection, methods=["GET", "POST"]))
        found.append(Route(path + "/{id:int}", entity.item, methods=["GET", "PATCH", "DELETE"]))
    return found


class Resource:
    def __init__(self, path: str, parameters: list[dict[str, Any]], schema: dict[str, Any]) -> None:
        self.rows: dict[int, dict[str, Any]] = STORE.setdefault(path, {})
        self.parameters = {parameter["name"] for parameter in parameters}
        self.properties: dict[str, dict[str, Any]] = schema["properties"]
        self.required: list[str] = schema.get("required", [])

    async def collection(self, request: Request) -> Response:
        if request.method == "GET":
            return self.list(dict(request.query_params))
        body = await request.json()
        errors = [(f"/{name}", "is required") for name in self.required if body.get(name) is None]
        errors += self.wrong(body)
        if errors:
            return problem(422, "The request does not keep to the contract.", *errors)
        NUMBERS["last"] += 1
        number = NUMBERS["last"]
        row: dict[str, Any] = {"id": number, "created_at": datetime.now(UTC).isoformat()}
        for name, schema in self.properties.items():
            row[name] = body.get(name, schema.get("default"))
        if "create" not in DEFECTS:
            self.rows[number] = row
        return JSONResponse(row, 201)

    def wrong(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        found = [(f"/{name}", "is unknown") for name in body if name not in self.properties]
        for name, schema in self.properties.items():
            if schema.get("x-unique") and any(
                row[name] == body.get(name) for row in self.rows.values() if name in body
            ):
                found.append((f"/{name}", "is taken"))
        return found

    def list(self, query: dict[str, str]) -> Response:
        unknown = sorted(set(query) - self.parameters)
        if unknown:
            return problem(422, f"unknown parameter {unknown[0]}")
        limit, offset = int(query.pop("limit", 20)), int(query.pop("offset", 0))
        sort, text = query.pop("sort", "id"), query.pop("q", "").lower()
        rows = [
            row
            for row in self.rows.values()
            if all(json.dumps(row[n]).strip('"') == v for n, v in query.items())
            or "filter" in DEFECTS
        ]
        if text and "search" not in DEFECTS:
            rows = [row for row in rows if text in " ".join(map(str, row.values())).lower()]
        name = sort.lstrip("-")
        rows.sort(key=lambda r: (r[name] is not None, r[name]), reverse=sort.startswith("-"))
        page = rows[offset : offset + limit]
        return JSONResponse({"items": page, "total": len(rows), "limit": limit, "offset": offset})

    async def item(self, request: Request) -> Response:
        number = request.path_params["id"]
        if number not in self.rows:
            return problem(404, f"There is no entry {number}.")
        if request.method == "GET":
            return JSONResponse(self.rows[number])
        if request.method == "DELETE":
            if "delete" not in DEFECTS:
                del self.rows[number]
            return Response(status_code=204)
        body = await request.json()
        errors = self.wrong(body)
        if errors:
            return problem(422, "The request does not keep to the contract.", *errors)
        if "edit" not in DEFECTS:
            self.rows[number] |= body
        return JSONResponse(self.rows[number])


async def config(request: Request) -> Response:
    alone = len(DOCUMENTS) == 1
    return JSONResponse({"apis": {n: "/api" if alone else f"/api/{n}" for n in DOCUMENTS}})


def application() -> Starlette:
    frontend = os.environ.get("PAGES_FRONTEND")
    alone = len(DOCUMENTS) == 1
    mounts: list[Route | Mount] = [
        Mount("/api" if alone else f"/api/{name}", routes=routes(document))
        for name, document in DOCUMENTS.items()
    ]
    mounts.append(Route("/config.json", config))
    if frontend:
        mounts.append(Mount("/", StaticFiles(directory=frontend, html=True)))
    return Starlette(routes=mounts)


app = application()
