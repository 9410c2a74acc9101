"""An operation made ready to judge requests: compiled once, when it is first called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.mocks.bodies import NO_VALUE, BodyReader, media_type_of, read_json
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


class ReadRequest:
    """A request that keeps to the contract."""

    __slots__ = ("arguments", "body", "query")

    def __init__(
        self, arguments: Mapping[str, JsonValue], query: Mapping[str, JsonValue], body: JsonValue
    ) -> None:
        self.arguments = arguments
        """Path parameters."""
        self.query = query
        self.body = body
        """None where there is none."""


@dataclass(frozen=True, slots=True)
class AddressValues:
    """What the parameters of path and query say, and what is wrong with them."""

    path: Mapping[str, JsonValue]
    query: Mapping[str, JsonValue]
    violations: tuple[Violation, ...]


_Pairs = Mapping[str, list[str]]
_NO_PAIRS: _Pairs = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """One parameter: where it stands, how it is read, what it may be."""

    parameter: OperationParameter
    reader: ParameterReader
    read_text: Callable[[str], JsonValue]
    validator: Any
    given: "Callable[[_Check, MockRequest, Mapping[str, str], _Pairs], JsonValue]"
    """The value in a request, or MISSING."""

    def judged(
        self, request: MockRequest, arguments: Mapping[str, str], pairs: _Pairs
    ) -> tuple[JsonValue, list[Violation]]:
        """The value in a request, or MISSING, and what is wrong with it."""
        value = self.given(self, request, arguments, pairs)
        if value is not MISSING and self.validator.is_valid(value):
            return value, []
        return value, list(_parameter_violations(self.parameter, self.validator, value))


class RequestValidator:
    """Reads and checks the requests of one operation."""

    def __init__(self, document: OpenApiDocument, operation: Operation) -> None:
        """Raises InvalidInput for schemas that cannot be compiled."""
        self._document = document
        self._operation = operation
        checks = [
            _check_of(document, parameter)
            for parameter in operation.parameters
            if not (parameter.location == "header" and parameter.name.lower() in _IGNORED_HEADERS)
        ]
        self._in_address = [c for c in checks if c.parameter.location in ("path", "query")]
        self._besides = [c for c in checks if c.parameter.location not in ("path", "query")]
        self._bodies = {
            kind: validator_of(document, media.schema, operation.pointer, marker="readOnly")
            for kind, media in (operation.body.content.items() if operation.body else ())
        }
        self._known_bodies: dict[bytes | None, tuple[BodyReader, Any]] = {}
        self._known_query = {
            name
            for check in checks
            if check.parameter.location == "query"
            for name in check.reader.names
        }

    @property
    def reads_more_than_address(self) -> bool:
        """Whether parameters stand in headers or cookies, or there is a body."""
        return bool(self._besides) or self._operation.body is not None

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

    def read(self, request: MockRequest, address: AddressValues) -> ReadRequest:
        """The values of a request, `address` among them.

        Raises:
            Refused: naming pointer and rule of everything that does not keep to the contract.
        """
        violations = list(address.violations)
        for check in self._besides:
            _, wrong = check.judged(request, {}, _NO_PAIRS)
            violations += wrong
        body = self._body(request, violations)
        if violations:
            raise self._refused(violations)
        return ReadRequest(address.path, address.query, body)

    def read_address(self, request: MockRequest, arguments: Mapping[str, str]) -> AddressValues:
        """What path and query say, which is the same for every request to this address.

        Raises:
            Refused: the query cannot be read.
        """
        try:
            pairs = query_pairs(request.query) if request.query else _NO_PAIRS
        except ValueError as error:
            detail = f"the query cannot be read: {error}"
            raise Refused(self.malformed_status, detail, (Violation("query", detail),)) from None
        violations: list[Violation] = []
        values: dict[str, dict[str, JsonValue]] = {"path": {}, "query": {}}
        for check in self._in_address:
            value, wrong = check.judged(request, arguments, pairs)
            violations += wrong
            if value is not MISSING:
                values[check.parameter.location][check.parameter.name] = value
        if self._operation.rejects_unknown_query:
            violations += self._unknown(pairs)
        return AddressValues(values["path"], values["query"], tuple(violations))

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
        header = request.headers.get(b"content-type")
        if not request.body and (header is None or not _json_expected(declared, header)):
            if declared.required:
                violations.append(Violation("", "a body is required (required)"))
            return None
        if b"content-encoding" in request.headers:
            _check_plain(request.headers[b"content-encoding"])
        known = self._known_bodies.get(header)
        reader, validator = known or self._body_reader(declared, header)
        value = reader.read(request.body)
        if value is NO_VALUE:
            return None
        if not validator.is_valid(value):
            violations += value_violations(validator, value, "")
        return value

    def _body_reader(self, declared: RequestBody, raw: bytes | None) -> tuple[BodyReader, Any]:
        """Clients send the same few headers again and again. Raises Refused (415)."""
        header = None if raw is None else raw.decode("latin-1")
        kind = media_type_of(declared, header)
        media = declared.content[kind]
        reader = BodyReader(self._document, kind, media, header or "", self.malformed_status)
        made = (reader, self._bodies[kind])
        if len(self._known_bodies) < _MAX_KINDS:
            self._known_bodies[raw] = made
        return made


def _check_plain(encoding: bytes) -> None:
    if encoding.strip().lower() not in (b"", b"identity"):
        raise Refused(
            415, f"bodies are not decompressed here, not even {encoding.decode('latin-1')!r}"
        )


def _json_expected(declared: RequestBody, header: bytes) -> bool:
    """An empty text that claims to be JSON is malformed rather than missing."""
    return declared.required and is_json(header.decode("latin-1"))


def validator_of(document: OpenApiDocument, schema: Any, where: str, *, marker: str = "") -> Any:
    """A compiled validator for a schema of the document, with nothing required that carries
    `marker`. Raises InvalidInput.
    """
    whole = standalone(document, schema, where=where)
    return compiled(without_marked(whole, marker) if marker else whole, where=where)


def _check_of(document: OpenApiDocument, parameter: OperationParameter) -> _Check:
    """Raises InvalidInput for a schema that cannot be compiled."""
    reader = ParameterReader(document, parameter)
    return _Check(
        parameter=parameter,
        reader=reader,
        read_text=read_text_json if parameter.is_json else reader.from_text,
        validator=validator_of(document, parameter.schema, parameter.pointer),
        given=_GIVEN.get(parameter.location, _in_query),
    )


def _in_path(
    check: _Check, request: MockRequest, arguments: Mapping[str, str], pairs: _Pairs
) -> JsonValue:
    text = arguments.get(check.parameter.name)
    return MISSING if text is None else check.read_text(text)


def _in_header(
    check: _Check, request: MockRequest, arguments: Mapping[str, str], pairs: _Pairs
) -> JsonValue:
    text = request.header(check.parameter.name.lower().encode("latin-1", "replace"))
    return MISSING if text is None else check.read_text(text)


def _in_cookie(
    check: _Check, request: MockRequest, arguments: Mapping[str, str], pairs: _Pairs
) -> JsonValue:
    return check.reader.from_pairs(cookie_pairs(request.header(b"cookie") or ""))


def _in_query(
    check: _Check, request: MockRequest, arguments: Mapping[str, str], pairs: _Pairs
) -> JsonValue:
    name = check.parameter.name
    if check.parameter.is_json and name in pairs:
        return check.read_text(pairs[name][-1])
    return check.reader.from_pairs(pairs)


_GIVEN = {"path": _in_path, "header": _in_header, "cookie": _in_cookie}


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
