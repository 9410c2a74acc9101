"""Finds its way in a parsed OpenAPI document: references, bodies, answers, names, examples."""

import re
from collections.abc import Mapping
from typing import Any

from maestro.domain.values import JsonValue


def resolve(document: Mapping[str, Any], node: Any) -> dict[str, Any]:
    """`node` with a local reference followed and `allOf` merged; {} for anything else."""
    for _ in range(16):
        if not isinstance(node, Mapping) or "$ref" not in node:
            break
        target: Any = document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            target = target.get(key, {}) if isinstance(target, Mapping) else {}
        node = target
    if not isinstance(node, Mapping):
        return {}
    merged = {key: value for key, value in node.items() if key != "allOf"}
    for part in node.get("allOf") or ():
        inner = resolve(document, part)
        merged["properties"] = {**inner.pop("properties", {}), **merged.get("properties", {})}
        merged["required"] = [*inner.pop("required", []), *merged.get("required", [])]
        merged = {**inner, **merged}
    return merged


def words(name: str) -> str:
    """`dueDate` and `due_date` as `due date`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[^A-Za-z0-9]+", spaced)).strip().lower() or name


def snake(name: str) -> str:
    """`OrderLine` as `order_line`."""
    return words(name).replace(" ", "_")


def success_reference(document: Mapping[str, Any], operation: Any) -> Any:
    """The JSON schema of an operation's first 2xx answer, unresolved."""
    responses = resolve(document, operation).get("responses") or {}
    for status in sorted(map(str, responses)):
        if status.startswith("2") or status == "default":
            return _json_schema(resolve(document, responses[status]))
    return None


def success_schema(document: Mapping[str, Any], operation: Any) -> dict[str, Any]:
    return resolve(document, success_reference(document, operation))


def body_schema(document: Mapping[str, Any], operation: Any) -> dict[str, Any]:
    body = resolve(document, resolve(document, operation).get("requestBody"))
    return resolve(document, _json_schema(body))


def _json_schema(content_owner: Mapping[str, Any]) -> Any:
    for media, content in (content_owner.get("content") or {}).items():
        if "json" in media or media == "*/*":
            return content.get("schema")
    return None


def schema_name(node: Any) -> str:
    reference = str(node.get("$ref", "")) if isinstance(node, Mapping) else ""
    return reference.rsplit("/", 1)[-1]


def example_value(
    document: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0
) -> JsonValue:
    """A value of the schema for people to start from; its own example wins."""
    node = resolve(document, schema)
    given = node.get("examples")
    if "example" in node or "default" in node:
        return node.get("example", node.get("default"))
    if isinstance(given, list) and given:
        return given[0]
    if node.get("enum"):
        return node["enum"][0]
    kind = node.get("type")
    if kind == "object" and depth < 4:
        required = node.get("required") or ()
        properties = node.get("properties") or {}
        return {n: example_value(document, properties.get(n, {}), depth + 1) for n in required}
    if kind == "array":
        fill = bool(node.get("minItems")) and depth < 4
        return [example_value(document, node.get("items") or {}, depth + 1)] if fill else []
    return {"integer": 1, "number": 1, "boolean": True, "string": "text"}.get(str(kind))
