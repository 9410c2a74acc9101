"""What the document says of every single reply: status, media type, headers, body."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from maestro.contracts.openapi.operations import MediaType, OperationParameter, OperationResponse
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.wire import Answer
from maestro.domain.contract import Finding, Severity
from maestro.errors import InvalidInput

PROTOCOL = frozenset({404, 405, 406, 411, 412, 413, 414, 415, 421, 428, 429, 431})
"""HTTP's own answers to requests that are outside of the document; nobody documents them all."""
REFUSALS = frozenset({400, 422})
"""Of requests outside of the document: a gap where the document names neither, no fault."""
NO_ENTRY = frozenset({401, 403})
MAX_ERRORS = 2


def reply_findings(api: ApiUnderTest, answer: Answer) -> Iterator[Finding]:
    """Everything about the reply that is not as documented."""
    if answer.status >= 500:
        yield answer.finding(
            "not_a_server_error", "the provider fails", expected="a status below 500"
        )
        return
    if not answer.asking.inside and answer.status in PROTOCOL:
        documented = answer.operation.responses.get(str(answer.status))
        if documented is None:
            return  # `default` speaks of the operation, which such a request may never reach
    else:
        documented = api.documented(answer.operation, answer.status)
    if documented is None:
        yield from _undocumented(answer)
        return
    yield from _header_findings(api, answer, documented)
    if answer.operation.method != "HEAD" and documented.content:
        yield from _body_findings(api, answer, documented)
    yield from _problem_findings(answer)


def _undocumented(answer: Answer) -> Iterator[Finding]:
    """A document that names no success, or no error, at all does not mean that there is none."""
    statuses = answer.operation.responses
    named = {"default" if s == "default" else s[0] for s in statuses}
    kind = str(answer.status)[0]
    if kind not in named and kind in "24" and answer.operation.method != "HEAD":
        return
    if answer.status in NO_ENTRY:
        return  # whether it may refuse is for the trials of access
    finding = answer.finding(
        "status_code_conformance",
        f"status {answer.status} is not documented",
        expected=f"one of {', '.join(statuses)}",
    )
    mild = (
        not answer.asking.inside and answer.status in REFUSALS and not {"400", "422"} & {*statuses}
    )
    yield replace(finding, severity=Severity.WARNING) if mild else finding


def _header_findings(
    api: ApiUnderTest, answer: Answer, documented: OperationResponse
) -> Iterator[Finding]:
    for name, header in documented.headers.items():
        rule = "response_headers_conformance"
        value = answer.headers.get(name.lower())
        if value is None and header.required:
            yield answer.finding(
                rule,
                f"header {name} is missing",
                expected=f"the header {name}",
                seen=f"only {', '.join(sorted(answer.headers))}",
            )
        elif value is not None and not _fits_header(api, header, value):
            yield answer.finding(
                rule,
                f"header {name} does not fit its schema",
                expected=str(header.schema),
                seen=f"{name}: {value}",
            )


def _fits_header(api: ApiUnderTest, header: OperationParameter, value: str) -> bool:
    kinds = api.plain(header.schema).get("type")
    read: Any = value
    try:
        if kinds == "integer":
            read = int(value)
        elif kinds == "number":
            read = float(value)
        elif kinds == "boolean":
            read = {"true": True, "false": False}.get(value, value)
        elif kinds not in ("string", None):
            return True
    except ValueError:
        return False
    return bool(api.answers(header.schema).is_valid(read))


def _body_findings(
    api: ApiUnderTest, answer: Answer, documented: OperationResponse
) -> Iterator[Finding]:
    kinds = " or ".join(documented.content)
    if not answer.content:
        yield answer.finding(
            "response_body_missing", "the reply has no body", expected=f"a body of type {kinds}"
        )
        return
    given = answer.headers.get("content-type", "")
    media = _media(documented.content, given)
    if media is None:
        yield answer.finding(
            "content_type_conformance",
            "the media type is not documented",
            expected=kinds,
            seen=given or "no content type",
        )
    elif is_json(given):
        yield from _schema_findings(api, answer, media)


def _media(content: Mapping[str, MediaType], given: str) -> MediaType | None:
    """The documented media type that the given one is an instance of."""
    plain = given.partition(";")[0].strip().lower()
    for kind, media in content.items():
        documented = kind.partition(";")[0].strip()
        if documented in (plain, "*/*"):
            return media
        if documented.endswith("/*") and plain.startswith(documented[:-1]):
            return media
    return None


def _schema_findings(api: ApiUnderTest, answer: Answer, media: MediaType) -> Iterator[Finding]:
    value = answer.json()
    rule = "response_schema_conformance"
    if value is None and answer.content.strip() != b"null":
        yield answer.finding(rule, "the body is not JSON", expected="a JSON text")
        return
    try:
        errors = api.answers(media.schema).iter_errors(value)
    except InvalidInput:
        return  # the lint of the contract says what is wrong with the schema
    for _, error in zip(range(MAX_ERRORS), errors, strict=False):
        place = "/" + "/".join(str(step) for step in error.instance_path)
        yield answer.finding(
            rule,
            f"the body does not fit its schema at {place}",
            expected=error.message,
            seen=answer.shown(),
        )


def _problem_findings(answer: Answer) -> Iterator[Finding]:
    given = answer.headers.get("content-type", "").partition(";")[0].strip()
    body = answer.json() if given == "application/problem+json" else None
    if isinstance(body, Mapping) and body.get("status", answer.status) != answer.status:
        yield answer.finding(
            "problem_details",
            "problem details name another status than the reply has",
            expected=f'"status": {answer.status}',
        )
