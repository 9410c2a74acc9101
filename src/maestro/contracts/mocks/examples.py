"""Examples of a reply by the names the contract gives them."""

from collections.abc import Mapping
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, OperationResponse
from maestro.contracts.openapi.pointers import follow, join
from maestro.domain.values import JsonValue


def named_examples(
    document: OpenApiDocument, operation: Operation, response: OperationResponse, kind: str
) -> dict[str, JsonValue]:
    """The `examples` of one media type. Raises InvalidInput for bad references."""
    root, where = document.root, operation.pointer
    found = _raw_operation(document, operation)
    responses = found.get("responses") if isinstance(found, Mapping) else None
    for status, entry in responses.items() if isinstance(responses, Mapping) else ():
        if status.upper() == response.status.upper():
            raw = follow(root, entry, where=join(where, "responses", status))
            content = raw.get("content") if isinstance(raw, Mapping) else None
            media = content.get(kind) if isinstance(content, Mapping) else None
            named = media.get("examples") if isinstance(media, Mapping) else None
            return _values(root, named, where)
    return {}


def _raw_operation(document: OpenApiDocument, operation: Operation) -> Any:
    paths = document.root.get("paths")
    item = paths.get(operation.path) if isinstance(paths, Mapping) else None
    item = follow(document.root, item, where=operation.pointer)
    return item.get(operation.method.lower()) if isinstance(item, Mapping) else None


def _values(root: Mapping[str, Any], named: Any, where: str) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {}
    for name, entry in named.items() if isinstance(named, Mapping) else ():
        example = follow(root, entry, where=where)
        if isinstance(example, Mapping) and "value" in example:
            made[name] = example["value"]
    return made
