"""Words for what Schemathesis reports: what was expected, what was seen, how to see it again."""

import json
from typing import Any

from maestro.contracts.verification.probe import clipped
from maestro.domain.contract import Finding

_ABOUT_ONE_REPLY = frozenset({
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
})  # fmt: skip


def is_about_one_reply(check: str) -> bool:
    """Whether the check judges a reply by the contract alone, without regard to what is stored."""
    return check in _ABOUT_ONE_REPLY


def describe(check: str, operation: str, failure: Any, response: Any, info: Any) -> Finding:
    """The finding behind a failed check, before it is confirmed."""
    expected, seen = _values(failure, response)
    curls = [step.curl for step in info.steps] or [info.code_sample]
    return Finding(
        rule=check,
        message=_message(failure),
        operation=operation,
        expected=clipped(expected),
        seen=clipped(seen),
        reproduce="\n".join(curls),
    )


def _message(failure: Any) -> str:
    place = getattr(failure, "instance_path", None)
    if place is not None:
        return f"{failure.title} at {_pointer(place)}"
    details = [line.strip() for line in failure.message.splitlines() if line.strip()]
    invalid = [line for line in details if line.startswith("Invalid component")]
    return f"{failure.title}: {invalid[0]}" if invalid else failure.title


def _values(failure: Any, response: Any) -> tuple[str, str]:
    """Expected and seen."""
    # Matched by name: importing the classes would import all of Schemathesis with this module.
    kind = type(failure).__name__
    if kind == "JsonSchemaError":
        return failure.validation_message, _json(failure.instance)
    if kind in ("UndefinedContentType", "MissingContentType"):
        documented = getattr(failure, "defined_content_types", None) or failure.media_types
        return " or ".join(documented), getattr(failure, "content_type", "no content type")
    if kind == "MissingHeaders":
        return f"headers {', '.join(failure.missing_headers)}", _headers(response)
    return _expected(kind, failure), _reply(response)


def _expected(kind: str, failure: Any) -> str:
    if kind == "UndefinedStatusCode":
        return f"one of {', '.join(failure.defined_status_codes)}"
    if kind in _EXPECTED:
        return _EXPECTED[kind]
    lines = [line.strip() for line in failure.message.splitlines() if line.strip()]
    return lines[0] if lines else str(failure.title)


_EXPECTED = {
    "ServerError": "a status below 500",
    "ContentTypeServerError": "a status below 500",
    "AcceptedNegativeData": "the request is refused with a 4xx status",
    "RejectedPositiveData": "the request is accepted",
    "UnsupportedMethodResponse": "405 with an Allow header",
}


def _reply(response: Any) -> str:
    body = (response.content or b"").decode("utf-8", errors="replace")
    return f"{response.status_code} {clipped(body)}".strip()


def _headers(response: Any) -> str:
    return "only " + ", ".join(sorted(response.headers))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pointer(path: Any) -> str:
    return "/" + "/".join(str(segment) for segment in path)
