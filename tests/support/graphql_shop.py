"""A provider of examples/contracts/shop.graphql that is no mock, with faults to choose from."""

import base64
import itertools
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute,
    parse,
    validate,
)

SHOP = Path(__file__).parents[2] / "examples" / "contracts" / "shop.graphql"

FAULTS: Mapping[str, str] = {
    "field missing": "schema_missing",
    "type changed": "schema_changed",
    "enum value added": "schema_changed",
    "argument missing": "schema_missing",
    "introspection off": "introspection",
    "null for non-null": "null_for_non_null",
    "number for text": "result_type",
    "field left out": "result_missing_field",
    "field too many": "result_extra_field",
    "wrong enum": "enum_value",
    "wrong typename": "abstract_type",
    "no moment": "scalar_format",
    "html": "content_type",
    "lost write": "lost_write",
    "lost update": "lost_update",
    "wrong object": "wrong_object",
    "any key found": "unknown_key_found",
    "same key": "duplicate_key",
    "not listed": "created_not_listed",
    "filter ignored": "filter_ignored",
    "limit ignored": "limit_ignored",
    "cursor ignored": "page_repeats",
    "order ignored": "order_ignored",
    "delete ignored": "delete_ignored",
    "deleted still listed": "deleted_still_listed",
    "cancel does nothing": "transition_ignored",
    "create breaks": "server_error",
    "status 500": "server_error",
    "stack trace": "stack_trace",
    "errors as text": "error_shape",
    "nothing refused": "accepts_unknown_field",
    "scalar unchecked": "accepts_invalid_value",
    "mutation by GET": "mutation_over_get",
    "malformed JSON": "accepts_malformed_json",
}
"""Each fault with the rule that has to find it."""

_SCHEMAS = {
    "field missing": ("  description: String\n  price: Decimal!\n", "  price: Decimal!\n"),
    "type changed": ("quantity: Int!\n}\n\ninterface", "quantity: Float!\n}\n\ninterface"),
    "enum value added": ("  SHIPPED\n", "  SHIPPED\n  LOST\n"),
    "argument missing": (", status: OrderStatus", ""),
}


class Shop:
    """Store, resolvers and the ASGI application around them."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        text = SHOP.read_text()
        for fault in faults:
            old, new = _SCHEMAS.get(fault, ("", ""))
            assert old in text
            text = text.replace(old, new, 1)
        self.schema: GraphQLSchema = build_schema(text)
        self._count = itertools.count(100)
        self.products: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.customers = {
            f"c{n}": {"__typename": "Customer", "id": f"c{n}", "name": name, "email": f"{n}@x.org"}
            for n, name in enumerate(("Ada", "Grace"))
        }
        for name, price, category in (("Desk", "90.00", "FURNITURE"), ("Mug", "7.50", "KITCHEN")):
            self._product({"name": name, "price": price, "category": category, "inStock": True})
        self._order({"customerId": "c0", "lines": [{"productId": "p100", "quantity": 2}]})
        self._resolve()
        if "scalar unchecked" not in faults:
            self._check_scalars()

    def _check_scalars(self) -> None:
        decimal: Any = self.schema.type_map["Decimal"]

        def amount(value: Any) -> str:
            try:
                return f"{Decimal(str(value)):.2f}"
            except ArithmeticError:
                raise ValueError("an amount of money is a number") from None

        decimal.parse_value = decimal.coerce_input_value = amount

    def _key(self, prefix: str) -> str:
        return f"{prefix}{100 if 'same key' in self.faults else next(self._count)}"

    def _product(self, values: Mapping[str, Any]) -> dict[str, Any]:
        if "create breaks" in self.faults and self.products.get("p101"):
            raise RuntimeError("disk full")
        made = {
            "__typename": "Product",
            "id": self._key("p"),
            "description": None,
            "createdAt": "2031-05-01T10:00:00Z",
            **values,
        }
        if "lost write" in self.faults:
            made["description"] = None
        if "no moment" in self.faults:
            made["createdAt"] = "yesterday"
        self.products[made["id"]] = made
        return made

    def _order(self, values: Mapping[str, Any]) -> dict[str, Any]:
        made = {
            "__typename": "Order",
            "id": self._key("o"),
            "status": "OPEN",
            "placedAt": "2031-05-01T10:00:00Z",
            "payment": {"__typename": "CardPayment", "amount": "9.00", "lastFour": "4242"},
            "customerId": values["customerId"],
            "lines": values["lines"],
        }
        self.orders[made["id"]] = made
        return made

    def _resolve(self) -> None:
        query, mutation = self.schema.query_type, self.schema.mutation_type
        assert query is not None
        assert mutation is not None
        for root, names in (
            (query, ("product", "products", "order", "orders", "customers", "search", "node")),
            (mutation, ("createProduct", "updateProduct", "deleteProduct", "placeOrder",
                        "cancelOrder")),
        ):  # fmt: skip
            for name in names:
                root.fields[name].resolve = getattr(self, f"on_{name}")
        objects: Any = self.schema.type_map
        objects["Order"].fields["customer"].resolve = lambda o, _: self.customers[o["customerId"]]
        objects["OrderLine"].fields["product"].resolve = lambda line, _: self._any_product(line)
        objects["Customer"].fields["orders"].resolve = lambda c, _: [
            o for o in self.orders.values() if o["customerId"] == c["id"]
        ]

    def _any_product(self, line: Mapping[str, Any]) -> dict[str, Any]:
        return self.products.get(line["productId"]) or next(iter(self.products.values()))

    def on_product(self, _: Any, _info: Any, id: str) -> Any:  # noqa: A002
        if "wrong object" in self.faults:
            return next(iter(self.products.values()))
        found = self.products.get(id)
        if found is None and "any key found" in self.faults:
            return {**next(iter(self.products.values())), "id": id}
        return None if found is None or found.get("hidden") else found

    def on_products(self, _: Any, _info: Any, **arguments: Any) -> Any:
        found = list(self.products.values())
        if "not listed" in self.faults:
            found = found[:2]
        category, dearest = arguments.get("category"), arguments.get("maxPrice")
        if category and "filter ignored" not in self.faults:
            found = [p for p in found if p["category"] == category]
        if dearest:
            found = [p for p in found if Decimal(p["price"]) <= Decimal(dearest)]
        order = arguments.get("orderBy") or ""
        if order and "order ignored" not in self.faults:
            by_price = order.startswith("PRICE")
            found.sort(
                key=lambda p: Decimal(p["price"]) if by_price else p["name"],
                reverse=order.endswith("DESC"),
            )
        start = 0
        if arguments.get("after") and "cursor ignored" not in self.faults:
            start = _place(arguments["after"]) + 1
        size = _size(arguments.get("first"))
        if "limit ignored" in self.faults:
            size = 1000
        page = found[start : start + size]
        edges = [
            {"node": p, "cursor": base64.b64encode(str(start + n).encode()).decode()}
            for n, p in enumerate(page)
        ]
        return {
            "edges": edges,
            "totalCount": len(found),
            "pageInfo": {
                "hasNextPage": start + size < len(found),
                "hasPreviousPage": start > 0,
                "startCursor": edges[0]["cursor"] if edges else None,
                "endCursor": edges[-1]["cursor"] if edges else None,
            },
        }

    def on_order(self, _: Any, _info: Any, id: str) -> Any:  # noqa: A002
        return self.orders.get(id)

    def on_orders(self, _: Any, _info: Any, **arguments: Any) -> Any:
        status, start = arguments.get("status"), _size(arguments.get("offset"), 0)
        found = [o for o in self.orders.values() if status is None or o["status"] == status]
        return found[start : start + _size(arguments.get("limit"))]

    def on_customers(self, _: Any, _info: Any) -> Any:
        return list(self.customers.values())

    def on_search(self, _: Any, _info: Any, text: str) -> Any:
        every = [*self.products.values(), *self.customers.values()]
        return [one for one in every if text.lower() in one["name"].lower()][:20]

    def on_node(self, _: Any, _info: Any, id: str) -> Any:  # noqa: A002
        return self.products.get(id) or self.orders.get(id) or self.customers.get(id)

    def on_createProduct(self, _: Any, _info: Any, input: Any) -> Any:  # noqa: A002, N802
        return self._product(input)

    def on_updateProduct(self, _: Any, _info: Any, id: str, input: Any) -> Any:  # noqa: A002, N802
        found = self.products.get(id)
        input = {n: v for n, v in input.items() if v is not None or n == "description"}  # noqa: A001
        if found is not None and "lost update" in self.faults:
            return {**found, **input}
        if found is not None:
            found.update(input)
        return found

    def on_deleteProduct(self, _: Any, _info: Any, id: str) -> bool:  # noqa: A002, N802
        if "deleted still listed" in self.faults and id in self.products:
            self.products[id]["hidden"] = True
            return True
        if "delete ignored" in self.faults:
            return id in self.products
        return self.products.pop(id, None) is not None

    def on_placeOrder(self, _: Any, _info: Any, input: Any) -> Any:  # noqa: A002, N802
        if input["customerId"] not in self.customers:
            return {"order": None, "errors": ["no such customer"]}
        return {"order": self._order(input), "errors": []}

    def on_cancelOrder(self, _: Any, _info: Any, id: str) -> Any:  # noqa: A002, N802
        found = self.orders.get(id)
        if found is not None and "cancel does nothing" not in self.faults:
            found["status"] = "CANCELLED"
        return found

    def answer(self, asked: Mapping[str, Any]) -> tuple[int, Any]:
        if "query" not in asked:
            return 400, {"errors": [{"message": "a query is missing"}]}
        if "introspection off" in self.faults and "__schema" in asked["query"]:
            return 200, {"errors": [{"message": "introspection is off"}]}
        result = self._result(asked)
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = [self._error(error) for error in result.errors]
        if result.data is not None or not result.errors:
            body["data"] = result.data
        return self._spoilt(body)

    def _result(self, asked: Mapping[str, Any]) -> ExecutionResult:
        document = _read(self.schema, self.faults, str(asked["query"]))
        if isinstance(document, list):
            return ExecutionResult(None, document)
        result = execute(
            self.schema,
            document,
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName"),
        )
        assert isinstance(result, ExecutionResult)
        return result

    def _error(self, error: GraphQLError) -> Any:
        made: dict[str, Any] = dict(error.formatted)
        inner = error.original_error
        if inner is not None and not isinstance(inner, GraphQLError):
            made["extensions"] = {"code": "INTERNAL_SERVER_ERROR"}
        if "stack trace" in self.faults:
            made["extensions"] = {"stacktrace": traceback.format_stack()[-1:]}
        return made

    def _spoilt(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("errors"):
            if "errors as text" in self.faults:
                return 200, {"errors": "something went wrong"}
            if "nothing refused" in self.faults:
                return 200, {"data": {}}
        if "status 500" in self.faults and body.get("data", {}).get("order"):
            return 500, {"errors": [{"message": "broken"}]}
        if isinstance(body.get("data"), dict) and "__schema" not in body["data"]:
            for fault in self.faults:
                if fault in _SPOILS:
                    body["data"] = _walked(body["data"], _SPOILS[fault])
        return (400 if "data" not in body else 200), body

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        status, value = self._read(scope, body)
        plain = b"text/html" if "html" in self.faults else b"application/json"
        headers = [(b"content-type", plain)]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(value).encode()})

    def _read(self, scope: Mapping[str, Any], body: bytes) -> tuple[int, Any]:
        if scope["path"] != "/graphql":
            return 404, {"detail": "nothing here"}
        if scope["method"] == "GET":
            asked: dict[str, Any] = dict(parse_qsl(scope["query_string"].decode()))
            asked["variables"] = json.loads(asked.get("variables", "{}"))
            is_mutation = asked.get("query", "").startswith("mutation")
            if is_mutation and "mutation by GET" not in self.faults:
                return 405, {"errors": [{"message": "send a POST"}]}
            return self.answer(asked)
        try:
            return self.answer(json.loads(body))
        except ValueError:
            status = 200 if "malformed JSON" in self.faults else 400
            return status, {"errors": [{"message": "no JSON"}]}


def _size(given: int | None, otherwise: int = 20) -> int:
    if given is not None and given < 0:
        raise GraphQLError("a size is not negative", extensions={"code": "BAD_USER_INPUT"})
    return otherwise if given is None else given


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True))
    except ValueError:
        error = {"code": "BAD_USER_INPUT"}
        raise GraphQLError("this is no cursor", extensions=error) from None


_READ: dict[tuple[tuple[str, ...], str], DocumentNode | list[GraphQLError]] = {}
"""Validation takes longest, and every shop is asked the same."""


def _read(
    schema: GraphQLSchema, faults: tuple[str, ...], text: str
) -> DocumentNode | list[GraphQLError]:
    special = tuple(f for f in faults if f in _SCHEMAS or f == "scalar unchecked")
    key = (special, text)
    if key not in _READ:
        try:
            document = parse(text)
        except GraphQLError as error:
            _READ[key] = [error]
        else:
            _READ[key] = validate(schema, document) or document
    return _READ[key]


def _walked(value: Any, spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_walked(one, spoil) for one in value]
    if isinstance(value, dict):
        return spoil({name: _walked(one, spoil) for name, one in value.items()})
    return value


def _changed(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda entry: {**entry, name: value} if name in entry else entry


_SPOILS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "null for non-null": _changed("email", None),
    "number for text": _changed("email", 7),
    "wrong enum": _changed("category", "GARDEN"),
    "field left out": lambda e: {n: v for n, v in e.items() if n != "totalCount"},
    "field too many": lambda e: {**e, "internal": 1} if "totalCount" in e else e,
    "wrong typename": lambda e: (
        {**e, "__typename": "Gift"} if e.get("__typename") == "CardPayment" else e
    ),
}
