"""An operation made ready to judge requests: compiled once, when it is first called."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.mocks.bodies import NO_VALUE, media_type_of, read_body, read_json
from maestro.contracts.mocks.messages import MockRequest, Refused, Violation
from maestro.contracts.mocks.reading import MISSING, ParameterReader, cookie_pairs, query_pairs
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, OperationParameter, RequestBody
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.shapes import is_json
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_IGNORED_HEADERS = ("accept", "content-type", "authorization")
"""OpenAPI says that parameters of these names are ignored."""

_MAX_VIOLATIONS = 20
_MAX_KINDS = 50
"""Content-Type headers whose meaning is remembered."""


@dataclass(slots=True, kw_only=True)
class ReadRequest:
    """A request that keeps to the contract."""

    arguments: Mapping[str, JsonValue]
    """Path parameters."""
    query: Mapping[str, JsonValue]
    body: JsonValue
    """None where there is none."""


class RequestValidator:
    """Reads and checks the requests of one operation."""

    def __init__(self, document: OpenApiDocument, operation: Operation) -> None:
        """Raises InvalidInput for schemas that cannot be compiled."""
        self._document = document
        self._operation = operation
        self._readers = [
            (p, ParameterReader(document, p), validator_of(document, p.schema, p.pointer))
            for p in operation.parameters
            if not (p.location == "header" and p.name.lower() in _IGNORED_HEADERS)
        ]
        self._bodies = {
            kind: validator_of(document, media.schema, operation.pointer, marker="readOnly")
            for kind, media in (operation.body.content.items() if operation.body else ())
        }
        self._kinds: dict[str | None, str] = {}
        self._known_query = {
            name
            for parameter, reader, _ in self._readers
            if parameter.location == "query"
            for name in reader.names
        }

    @property
    def invalid_status(self) -> int:
        """What the contract foresees for requests that break it."""
        declared = self._operation.responses
        return next((int(s) for s in ("422", "400") if s in declared), 422)

    @property
    def malformed_status(self) -> int:
        """For what cannot even be read: 400, unless the contract only knows 422."""
        declared = self._operation.responses
        return 422 if "422" in declared and "400" not in declared else 400

    def read(self, request: MockRequest, arguments: Mapping[str, str]) -> ReadRequest:
        """The values of a request.

        Raises:
            Refused: naming pointer and rule of everything that does not keep to the contract.
        """
        try:
            pairs = query_pairs(request.query)
        except ValueError as error:
            detail = f"the query cannot be read: {error}"
            raise Refused(self.malformed_status, detail, (Violation("query", detail),)) from None
        violations: list[Violation] = []
        path: dict[str, JsonValue] = {}
        query: dict[str, JsonValue] = {}
        values = {"path": path, "query": query}
        for parameter, reader, validator in self._readers:
            value = _given(parameter, reader, request, arguments, pairs)
            if value is MISSING or not validator.is_valid(value):
                violations += _parameter_violations(parameter, validator, value)
            if value is not MISSING and parameter.location in values:
                values[parameter.location][parameter.name] = value
        if self._operation.rejects_unknown_query:
            violations += self._unknown(pairs)
        body = self._body(request, violations)
        if violations:
            raise self._refused(violations)
        return ReadRequest(arguments=path, query=query, body=body)

    def _refused(self, violations: list[Violation]) -> Refused:
        first = violations[0]
        more = f" and {len(violations) - 1} more" if len(violations) > 1 else ""
        return Refused(
            self.invalid_status,
            f"not as the contract says: {first.pointer or '/'} {first.detail}{more}",
            tuple(violations[:_MAX_VIOLATIONS]),
        )

    def _unknown(self, pairs: Mapping[str, Any]) -> Iterator[Violation]:
        for name in pairs:
            if name not in self._known_query:
                known = ", ".join(sorted(self._known_query)) or "none"
                yield Violation(
                    f"query/{name}", f"is not a parameter here; known: {known} (unknown-query)"
                )

    def _body(self, request: MockRequest, violations: list[Violation]) -> JsonValue:
        declared = self._operation.body
        if declared is None or not declared.content:
            return None
        header = request.header(b"content-type")
        if not request.body and (header is None or not _json_expected(declared, header)):
            if declared.required:
                violations.append(Violation("", "a body is required (required)"))
            return None
        kind = self._kind(declared, header)
        media = declared.content[kind]
        value = read_body(
            self._document, kind, media, header or "", request.body, self.malformed_status
        )
        if value is NO_VALUE:
            return None
        validator = self._bodies[kind]
        if not validator.is_valid(value):
            violations += value_violations(validator, value, "")
        return value

    def _kind(self, declared: RequestBody, header: str | None) -> str:
        """Clients send the same few headers again and again."""
        known = self._kinds.get(header)
        if known is None:
            known = media_type_of(declared, header)
            if len(self._kinds) < _MAX_KINDS:
                self._kinds[header] = known
        return known


def _json_expected(declared: RequestBody, header: str) -> bool:
    """An empty text that claims to be JSON is malformed rather than missing."""
    return declared.required and is_json(header)


def validator_of(document: OpenApiDocument, schema: Any, where: str, *, marker: str = "") -> Any:
    """A compiled validator for a schema of the document, with nothing required that carries
    `marker`. Raises InvalidInput.
    """
    whole = standalone(document, schema, where=where)
    return compiled(without_marked(whole, marker) if marker else whole, where=where)


def _given(
    parameter: OperationParameter,
    reader: ParameterReader,
    request: MockRequest,
    arguments: Mapping[str, str],
    pairs: Mapping[str, list[str]],
) -> JsonValue:
    if parameter.location == "path":
        text = arguments.get(parameter.name)
        return MISSING if text is None else _decoded(parameter, reader, text)
    if parameter.location == "header":
        text = request.header(parameter.name.lower().encode("latin-1", "replace"))
        return MISSING if text is None else _decoded(parameter, reader, text)
    if parameter.location == "cookie":
        return reader.from_pairs(cookie_pairs(request.header(b"cookie") or ""))
    if parameter.is_json and parameter.name in pairs:
        return _decoded(parameter, reader, pairs[parameter.name][-1])
    return reader.from_pairs(pairs)


def _decoded(parameter: OperationParameter, reader: ParameterReader, text: str) -> JsonValue:
    return read_text_json(text) if parameter.is_json else reader.from_text(text)


def read_text_json(text: str) -> JsonValue:
    """A JSON value in a parameter; what is none stays a text and fails its schema."""
    from_bytes = text.encode("utf-8", "replace")
    try:
        return read_json(from_bytes)
    except (ValueError, InvalidInput):
        return text


def _parameter_violations(
    parameter: OperationParameter, validator: Any, value: JsonValue
) -> Iterator[Violation]:
    pointer = f"{parameter.location}/{parameter.name}"
    if value is MISSING:
        if parameter.required:
            yield Violation(pointer, "is missing (required)")
    elif not (value == "" and parameter.allow_empty):
        yield from value_violations(validator, value, pointer)


def value_violations(validator: Any, value: JsonValue, pointer: str) -> Iterator[Violation]:
    """One violation for each rule that is broken, each named in brackets."""
    for count, error in enumerate(validator.iter_errors(value)):
        if count >= _MAX_VIOLATIONS:
            return
        rule = error.schema_path[-1] if error.schema_path else "schema"
        message = error.message if len(error.message) < 200 else error.message[:197] + "..."
        yield Violation(join(pointer, *error.instance_path), f"{message} ({rule})")
