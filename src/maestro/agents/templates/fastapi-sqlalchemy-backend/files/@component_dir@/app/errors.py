"""Errors as problem details (RFC 9457): every failed request is answered in the same shape."""

import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
MOST_ERRORS = 50

logger = logging.getLogger(__name__)


class Problem(Exception):
    """Ends a request with a status and, per wrong value, a pointer to it and what is wrong."""

    def __init__(self, status: int, detail: str, errors: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        # ASCII only: text from a request may hold characters that UTF-8 cannot carry.
        return json.dumps(content).encode("ascii")


def install(app: FastAPI) -> None:
    """Makes every error of `app` a problem response."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(IntegrityError, _integrity)
    app.add_exception_handler(Exception, _unexpected)


def respond(
    status: int,
    detail: str,
    errors: Iterable[tuple[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> ProblemResponse:
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    listed = [{"pointer": pointer, "detail": text} for pointer, text in errors]
    if listed:
        content["errors"] = listed[:MOST_ERRORS]
    return ProblemResponse(content, status_code=status, headers=headers)


async def _problem(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Problem)
    return respond(error.status, error.detail, error.errors)


async def _invalid(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return respond(422, "The body is not JSON.")
    wrong = [
        (_pointer(item["loc"]), str(item["msg"]).removeprefix("Value error, "))
        for item in error.errors()
    ]
    return respond(422, "The request does not keep to the contract.", wrong)


def _pointer(location: Iterable[int | str]) -> str:
    """The place inside body, query or path as a JSON pointer."""
    _, *parts = map(str, location)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:
        # FastAPI's answer to a body it cannot decode; the contract knows one for invalid requests.
        return respond(422, "The body cannot be decoded.")
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return respond(error.status_code, str(error.detail), headers=headers)


def _allowed_methods(request: Request) -> list[str]:
    """All methods of a path, which may belong to several routes; files can only be read."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    return [
        method
        for method in METHODS
        if any(r.matches({**request.scope, "method": method})[0] is Match.FULL for r in routes)
    ] or ["GET", "HEAD"]


async def _integrity(_: Request, error: Exception) -> ProblemResponse:
    logger.info("refused by the database: %s", error)
    return respond(409, "Another entry stands against this change.")


async def _unexpected(_: Request, error: Exception) -> ProblemResponse:
    return respond(500, "The service failed; its log says why.")
