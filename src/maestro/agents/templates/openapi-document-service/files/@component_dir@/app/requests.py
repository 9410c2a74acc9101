"""What a request says, held against the document."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from app.document import Operation, Parameter

MAX_BODY_BYTES = 1_000_000


class Refused(Exception):
    """The request does not keep to the document, or asks for what is not there."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def parameters(operation: Operation, request: Request) -> dict[str, Any]:
    """Path and query values by name, in their own types."""
    known = {p.name for p in operation.parameters if p.location == "query"}
    for name in request.query_params:
        if name not in known and name.removesuffix("[]") not in known:
            raise Refused(400, f"unknown query parameter {name!r}")
    return {
        parameter.name: value
        for parameter in operation.parameters
        if (value := _value(parameter, request)) is not None
    }


def _value(parameter: Parameter, request: Request) -> Any:
    texts = _texts(parameter, request)
    if not texts:
        if parameter.required:
            raise Refused(400, f"{parameter.location} parameter {parameter.name!r} is missing")
        return parameter.schema.get("default")
    value = _typed(parameter.schema, texts, parameter.explode)
    error = next(iter(parameter.validator.iter_errors(value)), None)
    if error is not None:
        raise Refused(400, f"{parameter.location} parameter {parameter.name!r}: {error.message}")
    return value


def _texts(parameter: Parameter, request: Request) -> list[str]:
    if parameter.location == "path":
        return [request.path_params[parameter.name]]
    if parameter.location == "query":
        return request.query_params.getlist(parameter.name)
    source: Mapping[str, str] = (
        request.headers if parameter.location == "header" else request.cookies
    )
    return [source[parameter.name]] if parameter.name in source else []


def _typed(schema: Mapping[str, Any], texts: list[str], explode: bool) -> Any:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
    if "array" in kinds:
        parts = texts if explode or len(texts) > 1 else texts[0].split(",")
        items = schema.get("items")
        return [_scalar(items if isinstance(items, Mapping) else {}, part) for part in parts]
    if len(texts) > 1:
        raise Refused(400, "a parameter is given more than once")
    return _scalar(schema, texts[0])


def _scalar(schema: Mapping[str, Any], text: str) -> Any:
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds or ())
    for kind in kinds:
        if kind in ("integer", "number", "boolean", "null") and "string" not in kinds:
            try:
                value = json.loads(text)
            except ValueError:
                return text
            if isinstance(value, float) and value.is_integer():
                return int(value)  # 1.0 is the whole number 1
            # Python reads NaN and Infinity, which JSON does not have.
            return value if isinstance(value, int | float | bool) and value == value else text
    return text


async def body(operation: Operation, request: Request) -> Any:
    """The JSON body, valid against the document's schema; None where none was sent or is known."""
    if operation.body_validator is None:
        return None
    raw = await request.body()
    if len(raw) > MAX_BODY_BYTES:
        raise Refused(413, "the body is too large")
    if not raw:
        if operation.body_required:
            raise Refused(400, "the body is missing")
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refused(415, f"content type {kind!r} is not JSON")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    try:
        problem = next(iter(operation.body_validator.iter_errors(value)), None)
    except ValueError as error:
        raise Refused(400, f"the body cannot be read: {error}") from None
    if problem is not None:
        place = "/".join(str(part) for part in problem.instance_path)
        raise Refused(422, f"/{place}: {problem.message}")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
