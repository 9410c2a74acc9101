"""Replies as the document describes them, also for refusals."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from app.document import Operation, Reply

ALTERNATIVES = {
    400: (400, 422, 405),
    404: (404, 400),
    409: (409, 400, 422),
    413: (413, 400, 422),
    415: (415, 400, 422, 405),
    422: (422, 400, 405),
}
"""Statuses that say the same, best first: the one that the document knows is used."""
DEPTH = 6


def accepted(operation: Operation, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """The documented success, with a body where the document has one."""
    reply = operation.reply(operation.success)
    if reply is None or not reply.content_type:
        return Response(status_code=operation.success, headers=dict(headers or {}))
    return Response(
        json.dumps(value),
        status_code=operation.success,
        media_type=reply.content_type,
        headers=dict(headers or {}),
    )


def refused(operation: Operation, status: int, message: str) -> Response:
    """A refusal in the document's own words, where it has some."""
    chosen = next(
        (s for s in ALTERNATIVES.get(status, (status,)) if operation.reply(s) is not None), status
    )
    reply = operation.reply(chosen)
    if reply is not None and not reply.content_type:
        return Response(status_code=chosen)
    if reply is None or reply.schema is None:
        return problem(chosen, message)
    body = _error(reply, chosen, message)
    if "json" not in reply.content_type:
        return Response(message, status_code=chosen, media_type=reply.content_type)
    return Response(json.dumps(body), status_code=chosen, media_type=reply.content_type)


def problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """RFC 9457."""
    body = {"title": message, "status": status}
    return Response(
        json.dumps(body),
        status_code=status,
        media_type="application/problem+json",
        headers=dict(headers or {}),
    )


def _error(reply: Reply, status: int, message: str) -> Any:
    """A value of the documented error schema that tells what happened."""
    schema = dict(reply.schema or {})
    return _told(schema, schema, "message", status, message, 0)


def _told(
    root: Mapping[str, Any], node: Any, name: str, status: int, message: str, depth: int
) -> Any:
    if not isinstance(node, Mapping) or depth > DEPTH:
        return message
    if "$ref" in node:
        target = root.get("$defs", {}).get(str(node["$ref"]).rpartition("/")[2], {})
        return _told(root, target, name, status, message, depth + 1)
    if "const" in node:
        return node["const"]
    if node.get("enum"):
        return node["enum"][0]
    kinds = node.get("type")
    kind = kinds[0] if isinstance(kinds, list) and kinds else kinds
    for part in (*node.get("allOf", ()), *node.get("anyOf", ())[:1], *node.get("oneOf", ())[:1]):
        if kind is None:
            return _told(root, part, name, status, message, depth + 1)
    if kind == "object" or "properties" in node:
        properties = node.get("properties", {})
        return {
            key: _told(root, value, key, status, message, depth + 1)
            for key, value in properties.items()
            if key in node.get("required", ()) or depth == 0
        }
    if kind == "array":
        fewest = int(node.get("minItems", 0))
        item = _told(root, node.get("items", {}), name, status, message, depth + 1)
        return [item] * max(fewest, 0)
    if kind in ("integer", "number"):
        return status
    if kind == "boolean":
        return False
    return message[: node.get("maxLength", len(message))]
