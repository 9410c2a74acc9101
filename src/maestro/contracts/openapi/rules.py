"""Rules over meaning that the meta-schemas cannot express."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.bundling import compiled, standalone, usable_pattern
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation, operations, raw_operations
from maestro.contracts.openapi.pointers import follow, join
from maestro.contracts.openapi.schemas import Schema, subschemas
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput

Problem = tuple[str, str]
"""JSON pointer and what is wrong there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    name: str
    severity: Severity
    check: Callable[[OpenApiDocument], Iterator[Problem]]


def _has_operations(document: OpenApiDocument) -> Iterator[Problem]:
    if next(raw_operations(document), None) is None:
        yield "/paths", "no operation is described, so nothing can be served or checked"


def _unique_ids(document: OpenApiDocument) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for path, method, _, raw in raw_operations(document):
        operation_id = raw.get("operationId")
        pointer = join("/paths", path, method)
        if isinstance(operation_id, str):
            if operation_id in first:
                yield (
                    join(pointer, "operationId"),
                    f"operationId {operation_id!r} is also used at {first[operation_id]}",
                )
            first.setdefault(operation_id, pointer)


def _path_parameters(document: OpenApiDocument) -> Iterator[Problem]:
    for operation in _readable(document):
        wanted = re.findall(r"\{([^{}]*)\}", operation.path)
        declared = {p.name for p in operation.in_location("path")}
        for name in wanted:
            if name not in declared:
                yield operation.pointer, f"the path has {{{name}}}, but no path parameter {name!r}"
        for parameter in operation.in_location("path"):
            if parameter.name not in wanted:
                yield parameter.pointer, f"path parameter {parameter.name!r} is not in the path"
        if len(set(wanted)) < len(wanted):
            yield operation.pointer, "the same parameter stands twice in the path"


def _path_braces(document: OpenApiDocument) -> Iterator[Problem]:
    for path in _mapping(document.root.get("paths")):
        rest = re.sub(r"\{[^{}]+\}", "", path)
        if "{" in rest or "}" in rest:
            yield join("/paths", path), "braces in the path do not match"


def _same_paths(document: OpenApiDocument) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for path in _mapping(document.root.get("paths")):
        shape = re.sub(r"\{[^{}]*\}", "{}", path)
        if shape in seen:
            yield join("/paths", path), f"matches the same requests as {seen[shape]!r}"
        seen.setdefault(shape, path)


def _responses(document: OpenApiDocument) -> Iterator[Problem]:
    for path, method, _, raw in raw_operations(document):
        if not _mapping(raw.get("responses")):
            yield join("/paths", path, method), "no response is described"


def _success(document: OpenApiDocument) -> Iterator[Problem]:
    for path, method, _, raw in raw_operations(document):
        statuses = [str(status) for status in _mapping(raw.get("responses"))]
        if statuses and not any(s[:1] in "123" or s == "default" for s in statuses):
            yield join("/paths", path, method, "responses"), "no response means success"


def _unreadable(document: OpenApiDocument) -> Iterator[Problem]:
    """Shapes and references of operations, each operation tried by itself."""
    operations(document)
    yield from ()


def _named_schemas(document: OpenApiDocument) -> Iterator[Problem]:
    components = _mapping(document.root.get("components"))
    for name, schema in _mapping(components.get("schemas")).items():
        yield from _references(document, schema, join("/components/schemas", name))


def _references(document: OpenApiDocument, schema: Schema, pointer: str) -> Iterator[Problem]:
    waiting = [(pointer, schema)]
    while waiting:
        place, current = waiting.pop()
        if isinstance(current, Mapping) and isinstance(current.get("$ref"), str):
            try:
                follow(document.root, current, where=place)
            except InvalidInput as error:
                yield place, str(error).partition(": ")[2]
        waiting += subschemas(current, place)


def _schemas_compile(document: OpenApiDocument) -> Iterator[Problem]:
    for pointer, schema, _ in _carried(document):
        try:
            compiled(standalone(document, schema, where=pointer), where=pointer)
        except InvalidInput as error:
            yield pointer, str(error).partition(": ")[2] or str(error)


def _patterns(document: OpenApiDocument) -> Iterator[Problem]:
    roots = [(pointer, schema) for pointer, schema, _ in _carried(document)]
    components = _mapping(document.root.get("components"))
    named = _mapping(components.get("schemas"))
    roots += [(join("/components/schemas", name), schema) for name, schema in named.items()]
    while roots:
        pointer, schema = roots.pop()
        pattern = schema.get("pattern") if isinstance(schema, Mapping) else None
        if pattern is not None and not (isinstance(pattern, str) and usable_pattern(pattern)):
            yield join(pointer, "pattern"), f"{pattern!r} cannot be read and is not checked"
        roots += subschemas(schema, pointer)


def _examples(document: OpenApiDocument) -> Iterator[Problem]:
    for pointer, schema, examples in _carried(document):
        if not examples:
            continue
        with suppress(InvalidInput):  # an unusable schema is reported by another rule
            validator = compiled(standalone(document, schema, where=pointer), where=pointer)
            yield from ((pointer, problem) for problem in _misfits(validator, examples))


def _misfits(validator: Any, examples: tuple[Any, ...]) -> Iterator[str]:
    for example in examples:
        error = next(iter(validator.iter_errors(example)), None)
        if error is not None:
            place = join("", *error.instance_path) or "/"
            yield f"the example does not fit its schema at {place}: {error.message[:200]}"


def _carried(document: OpenApiDocument) -> Iterator[tuple[str, Schema, tuple[Any, ...]]]:
    """Pointer, schema and examples of parameters, bodies and responses."""
    for operation in _readable(document):
        for parameter in operation.parameters:
            yield parameter.pointer, parameter.schema, parameter.examples
        if operation.body:
            for kind, media in operation.body.content.items():
                place = join(operation.pointer, "requestBody", "content", kind, "schema")
                yield place, media.schema, media.examples
        for status, response in operation.responses.items():
            for kind, media in response.content.items():
                place = join(operation.pointer, "responses", status, "content", kind, "schema")
                yield place, media.schema, media.examples


def _readable(document: OpenApiDocument) -> tuple[Operation, ...]:
    """Nothing where operations cannot be read; that is reported by a rule of its own."""
    try:
        return operations(document)
    except InvalidInput:
        return ()


def _body_on_read(document: OpenApiDocument) -> Iterator[Problem]:
    for path, method, _, raw in raw_operations(document):
        if method in ("get", "head", "delete") and "requestBody" in raw:
            yield join("/paths", path, method, "requestBody"), f"{method.upper()} with a body"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


SEMANTIC_RULES = (
    LintRule(name="operations-present", severity=Severity.ERROR, check=_has_operations),
    LintRule(name="readable", severity=Severity.ERROR, check=_unreadable),
    LintRule(name="operation-id-unique", severity=Severity.ERROR, check=_unique_ids),
    LintRule(name="path-braces", severity=Severity.ERROR, check=_path_braces),
    LintRule(name="path-parameter-declared", severity=Severity.ERROR, check=_path_parameters),
    LintRule(name="path-unique", severity=Severity.ERROR, check=_same_paths),
    LintRule(name="response-present", severity=Severity.WARNING, check=_responses),
    LintRule(name="reference-resolves", severity=Severity.ERROR, check=_named_schemas),
    LintRule(name="schema-usable", severity=Severity.ERROR, check=_schemas_compile),
    LintRule(name="success-response", severity=Severity.WARNING, check=_success),
    LintRule(name="pattern-readable", severity=Severity.WARNING, check=_patterns),
    LintRule(name="example-valid", severity=Severity.WARNING, check=_examples),
    LintRule(name="body-on-read", severity=Severity.WARNING, check=_body_on_read),
)
