"""Messages that come by HTTP, and messages that are demanded by HTTP."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.asyncapi.checking import header_values
from maestro.contracts.asyncapi.model import EventMessage
from maestro.contracts.asyncapi.wire import decoded
from maestro.contracts.mocks.events.exchange import (
    body_of,
    headers_of,
    refusal,
    refuse,
    reply,
)
from maestro.contracts.mocks.events.stage import EventStage, Meeting, wire_text
from maestro.contracts.mocks.messages import Refused, dump
from maestro.contracts.mocks.surface import Receive, Scope, Send
from maestro.contracts.openapi.parsing import parse_json
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

_GENERAL = ("", "application/json", "text/plain", "application/x-www-form-urlencoded")
"""Content types that clients send when nobody told them one."""


async def take_post(
    stage: EventStage, meeting: Meeting, scope: Scope, receive: Receive, send: Send
) -> None:
    """One message that a client publishes. Raises Refused for what is no message at all."""
    sent = headers_of(scope)
    _check_content_type(sent.get("content-type", ""), meeting.served.received)
    body = await body_of(receive)
    payload, headers = _read(body, sent, meeting.served.received)
    try:
        taken = stage.take(meeting, payload, headers)
    except InvalidInput as error:
        raise Refused(500, f"the contract has an answer that cannot be made: {error}") from None
    refused = None if taken.judgement.fits else refusal(taken.judgement)
    answer = taken.reply.sample if taken.reply else None
    status = refused.status if refused else (200 if answer else 202)
    stage.keep(
        meeting,
        method="PUBLISH",
        protocol="http",
        status=status,
        valid=refused is None,
        operation=taken.operation,
        problem=taken.judgement.text,
        payload=payload,
        headers=headers,
        answer=answer.payload if answer else None,
    )
    if refused is not None:
        await refuse(send, refused)
        return
    if answer is None:
        await reply(send, status)
        return
    kind = answer.message.content_type
    await reply(send, status, wire_text(answer).encode(), kind)


async def take_demand(
    stage: EventStage, address: str, method: str, receive: Receive, send: Send
) -> None:
    """Publishes now what a test asks for; raises Refused."""
    if method != "POST":
        raise Refused(405, "publishing on demand is a POST", headers=(("allow", "POST"),))
    body = await body_of(receive)
    wanted: Any = {}
    if body.strip():
        try:
            wanted = parse_json(body.decode())
        except ValueError as error:
            raise Refused(400, f"the body is not JSON: {error}") from None
    if not isinstance(wanted, Mapping) or set(wanted) - {"message", "payload", "headers", "count"}:
        raise Refused(422, "the body is an object of message, payload, headers and count")
    count, headers = wanted.get("count", 1), wanted.get("headers") or {}
    if not isinstance(count, int) or not 1 <= count <= 500 or not isinstance(headers, Mapping):
        raise Refused(422, "count is a number from 1 to 500, and headers is an object")
    try:
        made = stage.publish(
            address or "/",
            named=str(wanted.get("message", "")),
            payload=wanted.get("payload"),
            headers=headers,
            given="payload" in wanted,
            count=count,
        )
    except InvalidInput as error:
        raise Refused(422, str(error)) from None
    listed = [
        {"id": p.number, "message": p.sample.message.name, "payload": p.sample.payload}
        for p in made
    ]
    await reply(send, 202, dump({"published": listed}), "application/json")


def _check_content_type(header: str, messages: tuple[EventMessage, ...]) -> None:
    kind = header.partition(";")[0].strip().lower()
    allowed = {m.content_type.partition(";")[0].strip().lower() for m in messages}
    if kind not in _GENERAL and kind not in allowed and not kind.endswith("+json"):
        listed = ", ".join(sorted(allowed))
        raise Refused(415, f"messages here are {listed}, not {header!r}")


def _read(
    body: bytes, sent: Mapping[str, str], messages: tuple[EventMessage, ...]
) -> tuple[JsonValue, JsonObject]:
    """Payload, and those headers of the request that the messages know."""
    try:
        payload, inside = decoded(body.decode(), messages)
    except ValueError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    known: dict[str, JsonValue] = {}
    for message in messages:
        schema = message.headers
        names = schema.get("properties") if isinstance(schema, Mapping) else None
        wanted = {str(n).lower() for n in names} if isinstance(names, Mapping) else set()
        known |= header_values({n: v for n, v in sent.items() if n in wanted}, schema)
    return payload, {**known, **inside}
