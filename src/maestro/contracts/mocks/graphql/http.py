"""GraphQL over HTTP: how a request is read and which status and media type a reply has."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import orjson

from maestro.contracts.mocks.messages import accepted

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENTS = "text/event-stream"

_MEMBERS = {"query", "operationName", "variables", "extensions"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation as a client sent it."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """For the record; enough to send it again."""
        body: dict[str, Any] = {"query": self.query}
        if self.operation_name:
            body["operationName"] = self.operation_name
        if self.variables:
            body["variables"] = self.variables
        return body


class Unreadable(Exception):
    """A request that is no GraphQL request at all."""

    def __init__(
        self, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers

    def reply(self) -> dict[str, Any]:
        return {"errors": [{"message": self.message, "extensions": {"code": "BAD_REQUEST"}}]}


@lru_cache(maxsize=256)
def reply_type(accept: str | None) -> str | None:
    """The media type of the reply, None when the client takes none of ours."""
    return accepted(accept, (RESPONSE, JSON, EVENTS))


def read_post(content_type: str | None, body: bytes) -> Asked:
    """Raises Unreadable."""
    plain, _, parameters = (content_type or "").partition(";")
    if plain.strip().lower() != JSON:
        shown = f"{content_type[:80]!r}" if content_type else "none"
        raise Unreadable(415, f"a GraphQL request has content-type {JSON}, got {shown}")
    charset = dict(_parameters(parameters)).get("charset", "utf-8").strip('"').lower()
    if charset not in ("utf-8", "utf8"):
        raise Unreadable(415, f"charset {charset[:40]!r} is not read; send utf-8")
    try:
        value = orjson.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(400, f"the body is no JSON: {str(error)[:200]}") from None
    if isinstance(value, list):
        raise Unreadable(400, "batches are not answered; send one operation in one request")
    return asked_of(value)


def read_get(query: str) -> Asked:
    """Raises Unreadable."""
    try:
        pairs = dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=50))
    except ValueError:
        raise Unreadable(400, "the query string is not UTF-8, or has too many parts") from None
    value: dict[str, Any] = {n: v for n, v in pairs.items() if n in _MEMBERS}
    for name in ("variables", "extensions"):
        if name in value:
            try:
                value[name] = orjson.loads(value[name] or "null")
            except ValueError:
                raise Unreadable(400, f"parameter {name!r} is no JSON") from None
    return asked_of(value)


def asked_of(value: Any) -> Asked:
    """A request's JSON object. Raises Unreadable naming the member that is wrong."""
    if not isinstance(value, dict):
        raise Unreadable(400, "a GraphQL request is a JSON object with the member 'query'")
    query, name, variables = value.get("query"), value.get("operationName"), value.get("variables")
    if not isinstance(query, str) or not query.strip():
        raise Unreadable(400, "the member 'query' has to be a text that holds the operation")
    if name is not None and not isinstance(name, str):
        raise Unreadable(400, "the member 'operationName' has to be a text")
    for member in ("variables", "extensions"):
        given = value.get(member)
        if given is not None and not isinstance(given, dict):
            raise Unreadable(400, f"the member {member!r} has to be an object")
    return Asked(query, name or None, variables)


def status_of(reply: Mapping[str, Any], media_type: str) -> int:
    """A reply without `data` is a request error; only the newer media type says so in its
    status, older clients of plain JSON expect 200 for every well-formed request.
    """
    return 400 if "data" not in reply and media_type == RESPONSE else 200


def _parameters(text: str) -> list[tuple[str, str]]:
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return [(name.strip().lower(), value.strip()) for name, _, value in pairs]
