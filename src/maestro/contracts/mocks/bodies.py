"""Request bodies: media type, text, value."""

from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

import orjson

from maestro.contracts.mocks.messages import Refused, Violation
from maestro.contracts.mocks.reading import field_kinds, form_value, query_pairs
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import MediaType, RequestBody
from maestro.contracts.openapi.parsing import MAX_DEPTH, check_values
from maestro.contracts.openapi.shapes import is_json
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

NO_VALUE = object()
"""A body that is not looked into, such as an image."""


def media_type_of(body: RequestBody, header: str | None) -> str:
    """The key of `body.content` that the Content-Type header falls under.

    Raises:
        Refused: 415, naming what is accepted.
    """
    given = (header or "").partition(";")[0].strip().lower()
    plain = {kind.partition(";")[0].strip(): kind for kind in body.content}
    for candidate in (given, f"{given.partition('/')[0]}/*", "*/*"):
        if given and candidate in plain:
            return plain[candidate]
    if given.endswith("+json") and "application/json" in plain:
        return plain["application/json"]
    raise Refused(
        415,
        f"the content type {header!r} is not accepted here; send {' or '.join(body.content)}",
    )


class BodyReader:
    """Reads the bodies of one operation that come with one Content-Type header."""

    def __init__(
        self, document: OpenApiDocument, kind: str, media: MediaType, header: str, malformed: int
    ) -> None:
        """`malformed` is the status for what cannot be read as what it claims to be."""
        self._document = document
        self._media = media
        self._header = header
        self._sent = header.partition(";")[0].strip().lower()
        self._malformed = malformed
        self._decode = self._decoder(kind)

    def read(self, raw: bytes) -> JsonValue:
        """The value of a body, NO_VALUE for media types without one.

        Raises:
            Refused: it cannot be read.
        """
        try:
            return self._decode(raw)
        except (ValueError, LookupError, InvalidInput) as error:  # so is UnicodeDecodeError
            detail = f"the body is not readable as {self._sent}: {error}"
            violation = Violation("", f"{error} (well-formed)")
            raise Refused(self._malformed, detail, (violation,)) from None

    def _decoder(self, kind: str) -> Callable[[bytes], JsonValue]:
        if is_json(kind) or is_json(self._sent):
            return read_json
        if self._sent == "application/x-www-form-urlencoded":
            return lambda raw: self._form(query_pairs(raw.decode()))
        if self._sent == "multipart/form-data":
            return lambda raw: self._form(_multipart(self._header, raw))
        if self._sent.startswith("text/"):
            return bytes.decode
        return lambda raw: NO_VALUE

    def _form(self, fields: Mapping[str, list[Any]]) -> JsonValue:
        return form_value(fields, field_kinds(self._document, self._media.schema))


def read_json(raw: bytes) -> JsonValue:
    """Strict JSON: UTF-8, finite numbers, bounded nesting.

    Raises:
        ValueError: it is not.
        InvalidInput: nested too deep or not finite.
    """
    value = orjson.loads(raw)
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:  # only then can it be nested too deep
        check_values(value, name="body")
    return value


def _multipart(header: str, raw: bytes) -> Mapping[str, list[Any]]:
    """Fields by name; files count as texts, whatever they hold."""
    head = b"Content-Type: " + header.encode("latin-1", "replace") + b"\r\n\r\n"
    message = BytesParser(policy=compat32).parsebytes(head + raw)
    parts = message.get_payload()
    if not isinstance(parts, list):
        raise ValueError("no parts were found; is the boundary right?")
    fields: dict[str, list[Any]] = {}
    for part in parts:
        if isinstance(part, str):
            continue
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            raise ValueError("a part has no name")
        content = part.get_payload(decode=True)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
        fields.setdefault(name, []).append(text)
    return fields
