"""The contracts that are served, and the requests that are made."""

import json
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

_ORDER = {
    "type": "object",
    "required": ["id", "customer", "lines", "placed_on"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "customer": {"$ref": "#/components/schemas/Customer"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Line"}},
        "placed_on": {"type": "string", "format": "date"},
    },
}
_NEW_ORDER = {
    **_ORDER,
    "required": ["customer", "lines", "placed_on"],
    "additionalProperties": False,
    "properties": {name: rule for name, rule in _ORDER["properties"].items() if name != "id"},  # type: ignore[attr-defined]
}
_EXAMPLE = {
    "id": 7,
    "customer": {"name": "Ada"},
    "lines": [{"sku": "A-1", "count": 2}],
    "placed_on": "2030-01-01",
}
EXAMPLE_BODY = json.dumps(_EXAMPLE, separators=(",", ":")).encode()
BODY = json.dumps(
    {
        "customer": {"name": "Ada"},
        "lines": [{"sku": "A-1", "count": 2}],
        "placed_on": "2030-01-01",
    },
    separators=(",", ":"),
).encode()


OPERATIONS = 32
"""Of the contract that is measured: as many as public ones have on average (APIs.guru's directory
tells of 106,448 endpoints in 3,329 documents). Prism looks at every path on each request, so what
it reaches falls with their number.
"""


def orders() -> dict[str, Any]:
    """`two_operations` and those that a real contract has around them."""
    made = two_operations()
    made["paths"] |= _things(made["components"]["schemas"], OPERATIONS - 2)
    return made


def two_operations() -> dict[str, Any]:
    """One entry with a validated whole number in its path, one validated creation."""
    entry = {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}
    shown = {"application/json": {**entry["application/json"], "example": _EXAMPLE}}
    number = {
        "name": "order_id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Orders", "version": "1.0.0"},
        "paths": {
            "/orders/{order_id}": {
                "get": {
                    "parameters": [number],
                    "responses": {"200": {"description": "found", "content": shown}},
                }
            },
            "/orders": {
                "post": {
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/NewOrder"}
                            }
                        },
                    },
                    "responses": {"201": {"description": "made", "content": shown}},
                }
            },
        },
        "components": {
            "schemas": {
                "Order": _ORDER,
                "NewOrder": _NEW_ORDER,
                "Customer": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string", "minLength": 1}},
                },
                "Line": {
                    "type": "object",
                    "required": ["sku", "count"],
                    "properties": {
                        "sku": {"type": "string", "pattern": "^[A-Z]-[0-9]+$"},
                        "count": {"type": "integer", "minimum": 1},
                    },
                },
            }
        },
    }


def large(count: int = 1_000) -> dict[str, Any]:
    """A document of `count` operations, each with parameters and schemas of its own."""
    schemas: dict[str, Any] = {}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Large", "version": "1.0.0"},
        "paths": _things(schemas, count),
        "components": {"schemas": schemas},
    }


def _things(schemas: dict[str, Any], count: int) -> dict[str, Any]:
    """Paths of `count` operations, two each; what they speak of is added to `schemas`."""
    paths: dict[str, Any] = {}
    kinds = -(-count // 4)
    for number in range(kinds):
        name = f"Thing{number}"
        properties: dict[str, Any] = {
            "id": {"type": "integer", "minimum": 1},
            "name": {"type": "string", "minLength": 1, "maxLength": 80},
            "kind": {"type": "string", "enum": ["small", "middle", "large"]},
            "made_at": {"type": "string", "format": "date-time"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "next": {"$ref": f"#/components/schemas/Thing{(number + 1) % kinds}"},
        }
        schemas[name] = {"type": "object", "required": ["id", "name"], "properties": properties}
        paths |= _four_operations(f"/areas/{{area}}/things{number}", name)
    return dict(islice(paths.items(), count // 2))


def _four_operations(path: str, name: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    several = {
        "application/json": {
            "schema": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
        }
    }
    area = {"name": "area", "in": "path", "required": True, "schema": {"type": "string"}}
    key = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}}
    missing = {"description": "not there"}
    return {
        path: {
            "parameters": [area],
            "get": {
                "operationId": f"list{name}",
                "parameters": [limit],
                "responses": {"200": {"description": "", "content": several}},
            },
            "post": {
                "operationId": f"create{name}",
                "requestBody": {"required": True, "content": content},
                "responses": {"201": {"description": "", "content": content}},
            },
        },
        f"{path}/{{id}}": {
            "parameters": [area, key],
            "get": {
                "operationId": f"get{name}",
                "responses": {"200": {"description": "", "content": content}, "404": missing},
            },
            "delete": {
                "operationId": f"delete{name}",
                "responses": {"204": {"description": "gone"}, "404": missing},
            },
        },
    }


COUNTED = b"########"
"""Stands where the load writes the number of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of request that is made again and again."""

    name: str
    title: str
    method: str
    path: str
    status: int
    """What every reply has to have."""
    body: bytes = b""
    fresh: bool = False
    """Every request differs from all before by a header nobody looks at, so that what a server
    remembers of earlier requests is of no use.
    """

    def wire(self, port: int) -> bytes:
        """The request as it goes over the socket."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: 127.0.0.1:{port}", "accept: */*"]
        if self.fresh:
            lines.append(f"x-request-id: {COUNTED.decode()}")
        if self.body:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


GET = Task(
    name="get", title="GET with a validated number in its path", method="GET", path="/orders/1",
    status=200,
)  # fmt: skip
POST = Task(
    name="post", title="POST of a validated body", method="POST", path="/orders", status=201,
    body=BODY,
)  # fmt: skip
FRESH_GET = replace(GET, name="get-fresh", title="the same, no two requests alike", fresh=True)
FRESH_POST = replace(POST, name="post-fresh", title="the same, no two requests alike", fresh=True)
SMALL_GET = replace(GET, name="small-get", title="the same, of a contract of two operations")
SMALL_POST = replace(POST, name="small-post", title="the same, of a contract of two operations")

SDL = """
type Query { book(id: ID!): Book books(first: Int): [Book!]! }
type Mutation { addBook(title: String!, year: Int): Book! }
type Book { id: ID! title: String! year: Int author: Author! tags: [String!]! }
type Author { id: ID! name: String! books: [Book!]! }
"""
QUERY = Task(
    name="graphql", title="GraphQL query of a list", method="POST", path="/graphql", status=200,
    body=json.dumps(
        {"query": "{ books(first: 3) { id title year author { id name } tags } }"}
    ).encode(),
)  # fmt: skip
