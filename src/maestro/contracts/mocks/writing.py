"""Values as texts of a media type."""

from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from maestro.contracts.mocks.messages import dump
from maestro.contracts.openapi.shapes import is_json
from maestro.domain.values import JsonValue


def written_as(kind: str) -> Callable[[JsonValue], bytes]:
    """What writes values of a media type."""
    if is_json(kind) or kind == "*/*":
        return dump
    return _xml_document if kind.endswith("xml") else _text


def _text(value: JsonValue) -> bytes:
    return value.encode() if isinstance(value, str) else dump(value)


def _xml_document(value: JsonValue) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return f'<?xml version="1.0" encoding="UTF-8"?>{_xml("reply", value)}'.encode()


def _xml(tag: str, value: JsonValue) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_xml(name, entry) for name, entry in value.items())
    elif isinstance(value, list):
        inside = "".join(_xml("item", entry) for entry in value)
    else:
        inside = "" if value is None else escape(str(value))
    return f"<{tag}>{inside}</{tag}>"


def concrete(kind: str) -> str:
    """Ranges are no content type of a reply."""
    if kind == "*/*":
        return "application/json"
    return kind.replace("/*", "/plain") if kind.endswith("/*") else kind
