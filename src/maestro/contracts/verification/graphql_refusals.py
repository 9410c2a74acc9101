"""Requests that break the schema: each has to be refused, and in the right shape."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlencode

from graphql import GraphQLEnumType, GraphQLScalarType, get_named_type, is_required_argument

from maestro.contracts.sdl.scalars import is_custom, scalar_kind
from maestro.contracts.verification.graphql_entities import EntityWorld
from maestro.contracts.verification.graphql_probe import GraphqlReply
from maestro.contracts.verification.graphql_requests import GraphqlRequest, input_types
from maestro.domain.contract import Finding

JSON = {"content-type": "application/json"}
_STRICT = {"date-time": "no moment", "date": "no day", "uuid": "no-uuid", "integer": "many",
    "decimal": "a lot", "email": "nowhere", "boolean": "maybe"}  # fmt: skip
"""Kinds of custom scalars whose wrong values nobody can take for right, with such a value."""


async def refusals(world: EntityWorld) -> AsyncIterator[Finding]:
    """Every finding of every request that should have been refused."""
    async for finding in _documents(world):
        yield finding
    async for finding in _transport(world):
        yield finding
    for kind in ("query", "mutation"):
        for name in world.fields(kind):
            async for finding in _arguments(world, kind, name):
                yield finding


async def _documents(world: EntityWorld) -> AsyncIterator[Finding]:
    root = world.maker.root("query").name
    cases = {
        "accepts_syntax_error": ("{ __typename", "a document that is not complete"),
        "accepts_unknown_field": ("{ thereIsNoSuchField }", "a field that the schema lacks"),
        "accepts_unknown_argument": ("{ __typename(of: 1) }", "an argument the schema lacks"),
        "accepts_unknown_fragment": ("{ ...missing }", "a fragment that is not there"),
    }
    for rule, (query, what) in cases.items():
        request = GraphqlRequest(operation=f"{root}.__typename", query=query)
        reply = await world.probe.ask(request, judged=False)
        if reply is not None and _is_taken(reply):
            yield reply.finding(rule, f"{what} is accepted", "errors and no data")


async def _transport(world: EntityWorld) -> AsyncIterator[Finding]:
    root = world.maker.root("query").name
    broken = await world.probe.raw(f"{root}.__typename", "POST", b"{", JSON, "")
    if broken is not None and (broken.status >= 500 or broken.status < 300):
        rule = "server_error" if broken.status >= 500 else "accepts_malformed_json"
        yield broken.finding(rule, "a body that is no JSON is not refused", "a status of 4xx")
    empty = await world.probe.raw(f"{root}.__typename", "POST", b"{}", JSON, "")
    if empty is not None and (empty.status >= 500 or _is_taken(empty)):
        rule = "server_error" if empty.status >= 500 else "accepts_missing_query"
        yield empty.finding(rule, "a request without a query is not refused", "errors")
    for name in list(world.fields("mutation"))[:1]:
        request = world.maker.request("mutation", name, number=77)
        query = urlencode(
            {"query": request.query, "variables": json.dumps(dict(request.variables))}
        )
        reply = await world.probe.raw(request.operation, "GET", b"", {}, query)
        if reply is not None and reply.status < 300 and reply.value() is not None:
            message = "a mutation is carried out by a GET"
            yield reply.finding("mutation_over_get", message, "405 or an error")


async def _arguments(world: EntityWorld, kind: str, name: str) -> AsyncIterator[Finding]:
    asked = world.fields(kind)[name]
    valid = world.maker.request(kind, name, number=91, depth=1)
    required = [n for n, a in asked.args.items() if is_required_argument(a)]
    if required:
        left = {n: v for n, v in valid.variables.items() if n != required[0]}
        request = GraphqlRequest(operation=valid.operation, query=valid.query, variables=left)
        reply = await world.probe.ask(request, judged=False)
        if reply is not None and _is_taken(reply):
            message = f"{required[0]} is missing and nobody complains"
            yield reply.finding("accepts_missing_argument", message, "errors and no data")
    for request, place, value in _wrong_values(world, valid, kind, name):
        reply = await world.probe.ask(request, judged=False)
        if reply is not None and _is_taken(reply):
            message = f"{place} is {value!r} and nobody complains"
            yield reply.finding("accepts_invalid_value", message, "errors and no data")


def _wrong_values(
    world: EntityWorld, valid: GraphqlRequest, kind: str, name: str
) -> Iterator[tuple[GraphqlRequest, str, Any]]:
    """The same request with one value that its type excludes; each type once."""
    tried: set[str] = set()
    for place, declared in input_types(world.fields(kind)[name]).items():
        wrong = _excluded(world, declared)
        if wrong is None or declared in tried:
            continue
        given = dict(valid.variables)
        changed, found = _replaced(given, place, wrong)
        if found:
            tried.add(declared)
            yield (
                GraphqlRequest(operation=valid.operation, query=valid.query, variables=changed),
                place,
                wrong,
            )


def _excluded(world: EntityWorld, declared: str) -> Any:
    named = get_named_type(world.roles.schema.type_map[declared])
    if isinstance(named, GraphQLEnumType):
        return "NO_SUCH_VALUE"
    if isinstance(named, GraphQLScalarType) and is_custom(named):
        return _STRICT.get(scalar_kind(named))
    return {"Int": "many", "Float": "much", "Boolean": "maybe", "String": {"a": 1}}.get(declared)


def _replaced(values: dict[str, Any], place: str, wrong: Any) -> tuple[dict[str, Any], bool]:
    for name, value in values.items():
        if name == place and not isinstance(value, dict):
            return {**values, name: wrong}, True
        if isinstance(value, dict):
            inner, found = _replaced(value, place, wrong)
            if found:
                return {**values, name: inner}, True
    return values, False


def _is_taken(reply: GraphqlReply) -> bool:
    """Whether a request that should have been refused was carried out."""
    return not reply.errors and reply.status < 400
