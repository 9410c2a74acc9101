"""Errors as application/problem+json: the last boundary of every request and task."""

import json
import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from maestro.domain.values import JsonObject
from maestro.errors import (
    Blocked,
    CallerError,
    Conflict,
    InvalidInput,
    MaestroError,
    NotFound,
    PermissionDenied,
    SchemaMismatch,
    StorageError,
)
from maestro.settings import without_password

log = logging.getLogger("maestro.server")
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
PROBLEM_CONTENT: dict[str, dict[str, object]] = {
    MEDIA_TYPE: {
        "schema": {
            "type": "object",
            "required": ["type", "title", "status", "detail", "instance", "code", "retryable"],
            "properties": {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "instance": {"type": "string"},
                "code": {"type": "string"},
                "retryable": {"type": "boolean"},
                "hint": {"type": ["string", "null"]},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["pointer", "detail"],
                        "properties": {
                            "pointer": {"type": "string"},
                            "detail": {"type": "string"},
                        },
                    },
                },
            },
        }
    }
}
"""How the API's own description names an error answer."""
_STATUS: tuple[tuple[type[MaestroError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (PermissionDenied, 403),
    (CallerError, 400),
    (Blocked, 409),
    (SchemaMismatch, 500),
    (StorageError, 503),
)
_CODES = {
    400: "invalid_input",
    401: "unauthenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    421: "misdirected",
    422: "invalid_input",
    428: "precondition_required",
    429: "rate_limited",
    503: "storage_unavailable",
    504: "timed_out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpProblem:
    """One error answer. RFC 9457, with what a program needs beside it."""

    status: int
    detail: str
    code: str = ""
    retryable: bool = False
    hint: str | None = None
    errors: Sequence[JsonObject] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> JsonObject:
        code = self.code or _CODES.get(self.status, "internal")
        return {
            "type": f"urn:maestro:error:{code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": without_password(self.detail),
            "instance": instance,
            "code": code,
            "retryable": self.retryable,
            "hint": self.hint,
            "errors": list(self.errors),
        }

    def response(self, instance: str) -> Response:
        return Response(
            json.dumps(self.document(instance), ensure_ascii=False),
            status_code=self.status,
            media_type=MEDIA_TYPE,
            headers=dict(self.headers),
        )


class RequestRefused(CallerError):
    """A refusal that only HTTP knows, such as a missing precondition."""

    code = "refused"

    def __init__(self, problem: HttpProblem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def problem_of(error: MaestroError) -> HttpProblem:
    """What a caller is told of an error raised on purpose."""
    if isinstance(error, RequestRefused):
        return error.problem
    status = next((number for kind, number in _STATUS if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    reasons = error.reasons if isinstance(error, Blocked) else ()
    return HttpProblem(
        status=status,
        detail=str(error),
        code=error.code,
        retryable=error.retryable or status == 503,
        headers=headers,
        errors=[{"pointer": "", "detail": reason} for reason in reasons],
    )


def storage_away(detail: str) -> HttpProblem:
    return HttpProblem(
        status=503,
        detail=detail,
        retryable=True,
        hint="ask again; runs go on by themselves when the database is back",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


async def on_own_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MaestroError)
    return problem_of(error).response(request.url.path)


async def on_framework_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = HttpProblem(
        status=error.status_code,
        detail=str(error.detail),
        headers=error.headers or {},
        hint="GET /api/v1/openapi.json lists what there is" if error.status_code == 404 else None,
    )
    return problem.response(request.url.path)


async def on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"pointer": _pointer(item["loc"]), "detail": str(item["msg"])} for item in error.errors()
    ]
    detail = "; ".join(f"{item['pointer']}: {item['detail']}" for item in found[:3])
    return HttpProblem(status=422, detail=detail, errors=found).response(request.url.path)


async def on_fault(request: Request, error: Exception) -> Response:
    """A fault of our own: told as one, its cause only in the log."""
    log.error("fault while answering %s", request.url.path, exc_info=error)
    problem = HttpProblem(
        status=500,
        code="internal",
        detail=f"a fault in Maestro itself ({type(error).__name__}); the server's log has more",
    )
    return problem.response(request.url.path)


async def contained(work: Awaitable[object], doing: str) -> MaestroError | None:
    """Awaits what a task of the server does; an error ends that work and nothing beside it."""
    try:
        await work
    except MaestroError as error:
        log.warning("%s: %s: %s", doing, error.code, without_password(str(error)))
        return error
    except Exception as error:  # the boundary of a task: the server goes on
        log.exception("fault in %s", doing)
        return MaestroError(f"a fault in Maestro itself ({type(error).__name__})")
    return None


def _pointer(location: Sequence[object]) -> str:
    """JSON pointer into the body, or into the part of the request that is not its body."""
    parts = [str(part) for part in location]
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)
