"""What query strings and headers share: cursors and tags of versions."""

import base64
import binascii
import json
from typing import Annotated

from fastapi import Header, Path, Query, Request
from starlette.responses import Response

from maestro.errors import InvalidInput
from maestro.server.problems import HttpProblem, RequestRefused

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
RunPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.\-]{0,127}$")]
StepPath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.\-]{0,127}$")]
NamePath = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.\-]{0,127}$")]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=200)]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=200, pattern=r"^[\x21-\x7e]{1,200}$")
]


def to_cursor(*parts: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def from_cursor(text: str, *kinds: type) -> list[str | int]:
    """Raises InvalidInput for what no page of ours gave."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds):
        raise InvalidInput(f"cursor {text!r} is not the `next` of a page of this list")
    return parts


def unchanged(request: Request, etag: str) -> Response | None:
    """304 where the asker has this version already."""
    known = [word.strip() for word in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag})
    return None


def demand_match(given: str | None, etag: str, what: str) -> None:
    """Raises RequestRefused unless the decision was made about the present version."""
    if given is None:
        raise RequestRefused(
            HttpProblem(
                status=428,
                detail=f"say which version of {what} you decide about: If-Match: {etag}",
                hint="read it, look at it, and send its `etag`",
            )
        )
    if given.strip() not in (etag, "*"):
        raise RequestRefused(
            HttpProblem(
                status=412,
                detail=f"{what} has changed since you read it: it is {etag} now, not {given}",
                hint="read it again and decide again",
            )
        )
