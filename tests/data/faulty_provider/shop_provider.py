"""A small shop that keeps examples/contracts/shop.yaml, and one fault that FAULT switches on.

    python shop_provider.py PORT

Verification is tested against it: without FAULT it must draw no finding, with one that fault must
be found. START_SECONDS makes it slow to start, CHILD makes it start a process of its own that
outlives a careless end, REFUSE makes it end at once.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs
import uvicorn
import yaml

FAULTS: dict[str, str] = json.loads((Path(__file__).parent / "faults.json").read_text("utf-8"))
DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "examples" / "contracts" / "shop.yaml").read_text("utf-8")
)
FAULT = os.environ.get("FAULT", "")
if FAULT and FAULT not in FAULTS:
    sys.exit(f"no fault {FAULT!r}")
BASE = "/api"
JSON, PROBLEM = "application/json", "application/problem+json"
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Refused(Exception):
    """An error reply."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = JSON


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes


def validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


VALIDATORS = {
    name: validator(name)
    for name in ("ProductCreate", "ProductUpdate", "OrderCreate", "OrderUpdate")
}
CATEGORIES = DOCUMENT["components"]["schemas"]["Category"]["enum"]
STATUSES = DOCUMENT["components"]["schemas"]["OrderStatus"]["enum"]
SORTS = ("id", "name", "price", "created_at")


def faulty(name: str) -> bool:
    return name == FAULT


@dataclass
class Shop:
    products: dict[int, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    ghosts: dict[int, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    last: int = 0

    # products

    async def list_products(self, asked: Asked) -> Reply:
        strict = not faulty("query_validation_absent")
        limit = whole(asked, "limit", 20, 1, 100, strict=strict)
        offset = whole(asked, "offset", 0, 0, 1_000_000, strict=strict)
        found = list(({**self.products, **self.ghosts}).values())
        everything = len(found)
        found = self._filtered(asked, found)
        found = sorted_by(found, asked.query.get("sort", "id"))
        total = everything if faulty("filter_wrong_total") else len(found)
        first = 0 if faulty("offset_ignored") else offset
        unlimited = faulty("limit_ignored") or (
            faulty("default_limit_ignored") and "limit" not in asked.query
        )
        page = found[first:] if unlimited else found[first : first + limit]
        if faulty("total_wrong"):
            total = len(page)
        shown = [self._shown_in_list(entry) for entry in page]
        body = {"items": shown, "total": total, "limit": limit, "offset": offset}
        return Reply(200, body, kind="text/html" if faulty("wrong_content_type") else JSON)

    def _filtered(self, asked: Asked, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        query = asked.query
        if "q" in query:
            found = searched(query["q"], found)
        if "category" in query:
            if query["category"] not in CATEGORIES:
                raise Refused(422, "category")
            if not faulty("filter_ignored"):
                found = [e for e in found if e["category"] == query["category"]]
        if "in_stock" in query:
            if query["in_stock"] not in ("true", "false"):
                raise Refused(422, "in_stock")
            if not faulty("boolean_filter_ignored"):
                found = [e for e in found if e["in_stock"] is (query["in_stock"] == "true")]
        return found

    @staticmethod
    def _shown_in_list(entry: dict[str, Any]) -> dict[str, Any]:
        if faulty("bad_enum"):
            return {**entry, "category": "sundries"}
        if faulty("null_field"):
            return {**entry, "name": None}
        return entry

    async def create_product(self, asked: Asked) -> Reply:
        body = read(asked, "ProductCreate", checked=not faulty("body_validation_absent"))
        if faulty("long_input_500") and len(body["name"]) > 100:
            raise RuntimeError("the column is too short")
        if faulty("over_strict_body") and len(body["name"]) > 60:
            raise Refused(422, "name")
        if not faulty("duplicate_accepted"):
            self._free(body.get("sku"))
        if faulty("race_on_create"):
            await asyncio.sleep(0.02)
        self.last += 1
        entry = {
            "description": None,
            "in_stock": not faulty("default_value_ignored"),
            **(body if isinstance(body, dict) else {"name": str(body)}),
            "id": self.last,
            "created_at": now(),
        }
        for name, blank in (("sku", "NONE"), ("name", "none"), ("category", "toys"), ("price", 0)):
            entry.setdefault(name, blank)
        if faulty("lost_field"):
            entry["description"] = None
        self.products[self.last] = entry
        shown = {**entry, "id": self.last + 1} if faulty("wrong_id") else entry
        place = {} if faulty("location_missing") else {"location": f"{BASE}/products/{self.last}"}
        return Reply(200 if faulty("create_status") else 201, shown, place)

    async def get_product(self, asked: Asked, given: str) -> Reply:
        if faulty("path_validation_absent"):
            given = re.sub(r"\D.*", "", given) or given
        entry = dict(self._product(given))
        if faulty("missing_field"):
            del entry["price"]
        if faulty("mistyped_field"):
            entry["price"] = str(entry["price"])
        if faulty("extra_field"):
            entry["margin"] = 0.4
        return Reply(200, entry)

    async def replace_product(self, asked: Asked, given: str) -> Reply:
        entry = self._product(given)
        body = read(asked, "ProductCreate")
        self._free(body["sku"], but=entry["id"])
        kept = {"id": entry["id"], "created_at": entry["created_at"]}
        self.products[entry["id"]] = {"description": None, "in_stock": True, **body, **kept}
        return Reply(200, self.products[entry["id"]])

    async def update_product(self, asked: Asked, given: str) -> Reply:
        number = product_id(given)
        if faulty("update_missing_creates") and number not in self.products:
            body = read(asked, "ProductUpdate")
            made = {"sku": f"NEW-{number}", "name": "new", "description": None, "price": 1}
            made |= {"category": "toys", "in_stock": True, "created_at": now()}
            self.products[number] = {**made, **body, "id": number}
            return Reply(200, self.products[number])
        entry = self._product(given)
        body = {} if faulty("empty_body_accepted") and asked.content.strip() == b"{}" else None
        if body is None:
            body = read(asked, "ProductUpdate")
        if "sku" in body and not faulty("duplicate_by_update"):
            self._free(body["sku"], but=entry["id"])
        changed = {**entry, **body}
        if faulty("update_replaces") and "description" not in body:
            changed["description"] = None
        if not faulty("lost_write"):
            self.products[entry["id"]] = changed
        return Reply(200, changed)

    async def delete_product(self, asked: Asked, given: str) -> Reply:
        entry = self._product(given)
        if any(
            line["product_id"] == entry["id"] for o in self.orders.values() for line in o["lines"]
        ):
            raise Refused(409, "an order needs it")
        if not faulty("delete_kept"):
            del self.products[entry["id"]]
        if faulty("deleted_still_listed"):
            self.ghosts[entry["id"]] = entry
        return Reply(204)

    def _product(self, given: str) -> dict[str, Any]:
        number = product_id(given)
        if number not in self.products:
            if faulty("missing_as_200") and self.products:
                return next(iter(self.products.values()))
            raise Refused(404, f"no product {number}")
        return self.products[number]

    def _free(self, sku: Any, but: int | None = None) -> None:
        if any(e["sku"] == sku and e["id"] != but for e in self.products.values()):
            raise Refused(409, f"sku {sku} is taken")

    # orders

    async def list_orders(self, asked: Asked) -> Reply:
        limit = whole(asked, "limit", 20, 1, 99 if faulty("over_strict_query") else 100)
        cursor = asked.query.get("cursor", "")
        if "cursor" in asked.query and not re.fullmatch("c[0-9]{1,9}", cursor):
            raise Refused(422, "cursor")
        wanted = asked.query.get("status")
        if wanted is not None and wanted not in STATUSES:
            raise Refused(422, "status")
        found = [e for e in self.orders.values() if wanted in (None, e["status"])]
        if faulty("list_misses_created"):
            found = found[:-1]
        start = 0 if faulty("cursor_repeats") or not cursor else int(cursor[1:])
        if faulty("cursor_loses_entry") and cursor:
            start += 1
        page = found[start : start + limit]
        more = f"c{start + limit}" if start + limit < len(found) else None
        return Reply(200, {"items": page, "next_cursor": more})

    async def create_order(self, asked: Asked) -> Reply:
        key = asked.headers.get("idempotency-key", "")
        wrong = "idempotency-key" in asked.headers and not re.fullmatch("[A-Za-z0-9-]{1,64}", key)
        if wrong and not faulty("header_validation_absent"):
            raise Refused(422, "Idempotency-Key")
        body = read(asked, "OrderCreate")
        if key in self.keys and not faulty("idempotency_ignored"):
            entry = self.orders.get(self.keys[key])
            if entry is not None:
                return Reply(201, entry, {"location": f"{BASE}/orders/{entry['id']}"})
        known = all(line["product_id"] in self.products for line in body["lines"])
        if not known and not faulty("reference_unchecked"):
            raise Refused(409, "a product does not exist")
        number = len(self.orders) + 1
        if faulty("race_on_ids"):
            await asyncio.sleep(0.02)
        made = uuid.UUID(int=number, version=4) if faulty("race_on_ids") else uuid.uuid4()
        entry = {"note": None, **body, "id": str(made), "status": "open", "created_at": now()}
        self.orders[entry["id"]] = entry
        if key:
            self.keys[key] = entry["id"]
        shown = uuid.uuid4() if faulty("location_wrong") else entry["id"]
        return Reply(201, entry, {"location": f"{BASE}/orders/{shown}"})

    async def get_order(self, asked: Asked, given: str) -> Reply:
        return Reply(200, self._order(given, asked.method))

    async def update_order(self, asked: Asked, given: str) -> Reply:
        entry = self._order(given)
        body = read(asked, "OrderUpdate")
        for changed in list(self.orders.values()) if faulty("update_changes_all") else [entry]:
            changed.update(body)
        return Reply(200, entry)

    async def delete_order(self, asked: Asked, given: str) -> Reply:
        if faulty("delete_missing_204") and order_id(given) not in self.orders:
            return Reply(204)
        del self.orders[self._order(given)["id"]]
        return Reply(204)

    def _order(self, given: str, method: str = "") -> dict[str, Any]:
        found = order_id(given)
        if found not in self.orders:
            status = 400 if faulty("wrong_status_unknown") and method == "GET" else 404
            raise Refused(status, f"no order {found}")
        return self.orders[found]


def searched(text: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not 1 <= len(text) <= 100:
        raise Refused(422, "q")
    if faulty("search_ignored"):
        return found
    return [
        e
        for e in found
        if text.lower() in e["name"].lower() or text.lower() in (e["description"] or "").lower()
    ]


def product_id(given: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,9}", given) or int(given) > 2147483647:
        raise Refused(422, "product_id")
    return int(given)


def order_id(given: str) -> str:
    shape = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    if not re.fullmatch(shape, given):
        if faulty("bad_path_500"):
            raise RuntimeError("invalid input syntax for type uuid")
        raise Refused(422, "order_id")
    return given.lower()


def whole(
    asked: Asked, name: str, default: int, least: int, most: int, *, strict: bool = True
) -> int:
    text = asked.query.get(name)
    if text is None:
        return default
    if not re.fullmatch("-?[0-9]{1,9}", text) or not least <= int(text) <= most:
        if strict:
            raise Refused(422, name)
        return max(0, int(text)) if re.fullmatch("-?[0-9]{1,9}", text) else default
    return int(text)


def sorted_by(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    name = key.removeprefix("-")
    if name not in SORTS or key.startswith("--"):
        raise Refused(422, "sort")
    if faulty("sort_ignored"):
        return found
    down = key.startswith("-") and not faulty("sort_descends_never")
    return sorted(found, key=lambda entry: entry[name], reverse=down)


def read(asked: Asked, schema: str, *, checked: bool = True) -> Any:
    kind = asked.headers.get("content-type", "").partition(";")[0].strip()
    if kind != JSON and not faulty("content_type_unchecked"):
        raise Refused(422, f"media type {kind!r}")
    try:
        body = json.loads(asked.content, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if faulty("malformed_json_500") and asked.path.endswith("/orders"):
            raise RuntimeError("cannot read") from error
        raise Refused(422, "no JSON") from error
    found = next(iter(VALIDATORS[schema].iter_errors(body)), None)
    if found is not None and checked:
        raise Refused(422, found.message[:200])
    return body


def _no_number(text: str) -> None:
    raise ValueError(text)


def now() -> str:
    made = datetime.now(UTC)
    if faulty("datetime_format"):
        return made.strftime("%Y-%m-%d %H:%M:%S")
    return made.isoformat().replace("+00:00", "Z")


def allowed(asked: Asked) -> bool:
    key, token = asked.headers.get("x-api-key"), asked.headers.get("authorization", "")
    if faulty("auth_absent") and asked.method == "DELETE" and "/products/" in asked.path:
        return True
    if faulty("auth_any_credential") and key:
        return True
    return key == "shop-key" or token == "Bearer shop-token"


Act = Callable[..., Awaitable[Reply]]


def routes(shop: Shop) -> dict[str, dict[str, Act]]:
    found: dict[str, dict[str, Act]] = {
        r"/products": {"GET": shop.list_products, "POST": shop.create_product},
        r"/products/([^/]+)": {
            "GET": shop.get_product,
            "PUT": shop.replace_product,
            "PATCH": shop.update_product,
            "DELETE": shop.delete_product,
        },
        r"/orders": {"GET": shop.list_orders, "POST": shop.create_order},
        r"/orders/([^/]+)": {
            "GET": shop.get_order,
            "PATCH": shop.update_order,
            "DELETE": shop.delete_order,
        },
    }
    if faulty("missing_delete"):
        del found[r"/orders/([^/]+)"]["DELETE"]
    return found


SHOP = Shop()
ROUTES = routes(SHOP)


async def answer(asked: Asked) -> Reply:
    try:
        for pattern, actions in ROUTES.items():
            found = re.fullmatch(BASE + pattern, asked.path)
            if found is None:
                continue
            if asked.method not in actions:
                raise Refused(405, "method", {"allow": ", ".join(actions)})
            if asked.method != "GET" and not allowed(asked):
                raise Refused(401, "credentials")
            return await actions[asked.method](asked, *found.groups())
        raise Refused(404, "no such path")
    except Refused as refused:
        if faulty("problem_missing"):
            return Reply(refused.status, headers=refused.headers)
        status = 400 if faulty("problem_status_differs") else refused.status
        body = {"type": "about:blank", "title": "Refused", "status": status}
        body["detail"] = refused.detail
        return Reply(refused.status, body, refused.headers, PROBLEM)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    content = b""
    while True:
        message = await receive()
        content += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = Asked(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]},
        content=content,
    )
    reply = await answer(asked)
    body = b"" if reply.body is None else json.dumps(reply.body).encode()
    headers = {**reply.headers, "content-length": str(len(body))}
    if reply.status == 204:
        del headers["content-length"]
    if body:
        headers["content-type"] = reply.kind
    pairs = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def serve(port: int) -> None:
    await asyncio.sleep(float(os.environ.get("START_SECONDS", "0")))
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    if os.environ.get("REFUSE"):
        sys.exit("this shop is closed")
    if os.environ.get("CHILD"):
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        Path(os.environ["CHILD"]).write_text(str(child.pid), encoding="utf-8")
    asyncio.run(serve(int(sys.argv[1])))
