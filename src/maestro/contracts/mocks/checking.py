"""Whether a provider's reply keeps to the contract of its operation."""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.mocks.bodies import read_json
from maestro.contracts.mocks.messages import NO_BODY, Violation
from maestro.contracts.mocks.reading import MISSING, ParameterReader
from maestro.contracts.mocks.validation import validator_of, value_violations
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import MediaType, Operation, OperationResponse
from maestro.contracts.openapi.shapes import is_json
from maestro.errors import InvalidInput


class ReplyChecker:
    """Judges the replies of one operation; validators are compiled when first needed."""

    def __init__(self, document: OpenApiDocument, operation: Operation) -> None:
        self._document = document
        self._operation = operation
        self._validators: dict[tuple[str, str], Any] = {}

    def violations(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> tuple[Violation, ...]:
        """Everything that is not as the contract says; names in `headers` are in small letters.

        Raises:
            InvalidInput: the contract's own schema cannot be used.
        """
        response = self._operation.response_for(status)
        if response is None:
            known = ", ".join(self._operation.responses) or "none"
            detail = f"{status} is not documented; documented are {known} (status)"
            return (Violation("reply/status", detail),)
        found = list(self._header_violations(response, headers))
        if response.content and status not in NO_BODY and self._operation.method != "HEAD":
            found += self._body_violations(response, headers.get("content-type", ""), body)
        return tuple(found[:20])

    def _header_violations(
        self, response: OperationResponse, headers: Mapping[str, str]
    ) -> Iterator[Violation]:
        for name, header in response.headers.items():
            pointer = f"reply/header/{name}"
            text = headers.get(name.lower())
            if text is None:
                if header.required:
                    yield Violation(pointer, "is missing (required)")
            elif name.lower() != "content-type" and not header.is_json:
                value = ParameterReader(self._document, header).from_text(text)
                validator = self._validator((response.status, name), header.schema)
                if value is not MISSING and not validator.is_valid(value):
                    yield from value_violations(validator, value, pointer)

    def _body_violations(
        self, response: OperationResponse, content_type: str, body: bytes
    ) -> Iterator[Violation]:
        given = content_type.partition(";")[0].strip().lower()
        media = _media(response.content, given)
        if media is None:
            known = ", ".join(response.content)
            detail = f"{content_type or 'nothing'!r} is not documented; documented are {known}"
            yield Violation("reply/header/content-type", f"{detail} (content-type)")
            return
        if not is_json(given):
            return
        try:
            value = read_json(body)
        except (ValueError, InvalidInput) as error:
            yield Violation("reply/body", f"{error} (well-formed)")
            return
        validator = self._validator((response.status, f"body {given}"), media.schema)
        if not validator.is_valid(value):
            yield from value_violations(validator, value, "reply/body")

    def _validator(self, key: tuple[str, str], schema: Any) -> Any:
        known = self._validators.get(key)
        if known is None:
            known = self._validators[key] = validator_of(
                self._document, schema, self._operation.pointer, marker="writeOnly"
            )
        return known


def _media(content: Mapping[str, MediaType], given: str) -> MediaType | None:
    plain = {kind.partition(";")[0].strip().lower(): media for kind, media in content.items()}
    for candidate in (given, f"{given.partition('/')[0]}/*", "*/*"):
        if candidate in plain:
            return plain[candidate]
    return None
