"""Rules over paths, operations and parameters that the meta-schemas cannot express."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.operations import operations
from maestro.contracts.openapi.pointers import follow, join
from maestro.contracts.openapi.reference_rules import REFERENCE_RULES
from maestro.contracts.openapi.reviewing import LintRule, Problem, Review, listed, mapping
from maestro.contracts.openapi.schema_rules import SCHEMA_RULES
from maestro.domain.contract import Severity
from maestro.errors import InvalidInput


def _has_operations(review: Review) -> Iterator[Problem]:
    if not review.raw and not mapping(review.document.root.get("webhooks")):
        yield "/paths", "no operation is described, so nothing can be served or checked"


def _readable(review: Review) -> Iterator[Problem]:
    """Shapes and references of operations, each operation tried by itself."""
    operations(review.document)
    for note in review.document.notes:
        if note.rule == "spoiled":
            pointer, _, message = note.message.removeprefix("cannot be used: ").partition(": ")
            yield (pointer, message) if message else (note.pointer, note.message)


def _unique_ids(review: Review) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for pointer, raw in review.of_kind("operation"):
        operation_id = raw.get("operationId")
        if isinstance(operation_id, str):
            if operation_id in first:
                yield (
                    join(pointer, "operationId"),
                    f"operationId {operation_id!r} is also used at {first[operation_id]}",
                )
            first.setdefault(operation_id, pointer)


def _path_parameters(review: Review) -> Iterator[Problem]:
    for operation in review.operations:
        wanted = re.findall(r"\{([^{}]*)\}", operation.path)
        declared = {p.name for p in operation.in_location("path")}
        for name in wanted:
            if name not in declared:
                yield operation.pointer, f"the path has {{{name}}}, but no path parameter {name!r}"
        for parameter in operation.in_location("path"):
            if parameter.name not in wanted:
                yield parameter.pointer, f"path parameter {parameter.name!r} is not in the path"


def _path_repeats(review: Review) -> Iterator[Problem]:
    for pointer, path, _ in review.raw:
        wanted = re.findall(r"\{([^{}]*)\}", path)
        if len(set(wanted)) < len(wanted):
            yield pointer, "the same parameter stands twice in the path"


def _path_repeats_strictly(review: Review) -> Iterator[Problem]:
    if review.document.version not in ("2.0", "3.0"):  # they say nothing about it
        yield from _path_repeats(review)


def _path_braces(review: Review) -> Iterator[Problem]:
    for path in mapping(review.document.root.get("paths")):
        rest = re.sub(r"\{[^{}]+\}", "", path)
        if "{" in rest or "}" in rest:
            yield join("/paths", path), "braces in the path do not match"


def _path_query(review: Review) -> Iterator[Problem]:
    yield from _paths_with("?", "a path has no query", review)


def _path_fragment(review: Review) -> Iterator[Problem]:
    yield from _paths_with("#", "the fragment is never sent, so this is not found", review)


def _paths_with(sign: str, message: str, review: Review) -> Iterator[Problem]:
    for path in mapping(review.document.root.get("paths")):
        if not path.startswith("x-") and sign in re.sub(r"\{[^{}]*\}", "", path):
            yield join("/paths", path), message


def _same_paths(review: Review) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for path in mapping(review.document.root.get("paths")):
        shape = re.sub(r"\{[^{}]*\}", "{}", path)
        if shape in seen:
            yield join("/paths", path), f"matches the same requests as {seen[shape]!r}"
        seen.setdefault(shape, path)


def _ambiguous_paths(review: Review) -> Iterator[Problem]:
    """`/a/{b}` and `/{a}/b` both match `/a/b`, and neither is more exact."""
    shapes: dict[int, list[tuple[str, list[str]]]] = {}
    for path in mapping(review.document.root.get("paths")):
        segments = path.strip("/").split("/")
        for other, theirs in shapes.get(len(segments), ())[-200:]:
            if _crossing(segments, theirs):
                yield join("/paths", path), f"some requests match {other!r} as well as this"
        shapes.setdefault(len(segments), []).append((path, segments))


def _crossing(one: list[str], other: list[str]) -> bool:
    pairs = [(a[:1] == "{", b[:1] == "{") for a, b in zip(one, other, strict=True)]
    fixed_match = all(
        a == b for a, b in zip(one, other, strict=True) if a[:1] != "{" and b[:1] != "{"
    )
    return fixed_match and (True, False) in pairs and (False, True) in pairs


def _same_parameters(review: Review) -> Iterator[Problem]:
    for kind in ("operation", "path-item"):
        for pointer, owner in review.of_kind(kind):
            seen: set[tuple[str, str]] = set()
            for position, entry in enumerate(listed(owner.get("parameters"))):
                place = join(pointer, "parameters", position)
                key = _parameter_key(review, entry, place)
                if key in seen and key is not None:
                    yield place, f"parameter {key[0]!r} in {key[1]} is declared twice"
                if key is not None:
                    seen.add(key)


def _parameter_key(review: Review, entry: Any, place: str) -> tuple[str, str] | None:
    try:
        found = follow(review.document.root, entry, where=place)
    except InvalidInput:  # reported by another rule
        return None
    name, location = mapping(found).get("name"), mapping(found).get("in")
    if not isinstance(name, str) or not isinstance(location, str):
        return None
    return (name.lower() if location == "header" else name), location


def _bodies(review: Review) -> Iterator[Problem]:
    """2.0 only: one body, and not beside form fields."""
    if review.document.version != "2.0":
        return
    for path, item in mapping(review.document.source.get("paths")).items():
        for method, raw in mapping(item).items():
            found = [mapping(entry).get("in") for entry in listed(mapping(raw).get("parameters"))]
            if found.count("body") > 1 or {"body", "formData"} <= {*map(str, found)}:
                yield join("/paths", path, method, "parameters"), "more than one body is described"


def _ignored_headers(review: Review) -> Iterator[Problem]:
    for pointer, raw in review.of_kind("parameter"):
        name = str(raw.get("name")).lower()
        if raw.get("in") == "header" and name in ("accept", "content-type", "authorization"):
            yield pointer, f"a header parameter {raw.get('name')!r} means nothing"


def _responses(review: Review) -> Iterator[Problem]:
    for pointer, _, raw in review.raw:
        if not mapping(raw.get("responses")):
            yield pointer, "no response is described"


def _success(review: Review) -> Iterator[Problem]:
    for pointer, _, raw in review.raw:
        statuses = [str(status) for status in mapping(raw.get("responses"))]
        if statuses and not any(s[:1] in "123" or s == "default" for s in statuses):
            yield join(pointer, "responses"), "no response means success"


def _body_on_read(review: Review) -> Iterator[Problem]:
    for pointer, _, raw in review.raw:
        method = pointer.rpartition("/")[2]
        if method in ("get", "head", "delete") and "requestBody" in raw:
            yield join(pointer, "requestBody"), f"{method.upper()} with a body"


def _media_types(review: Review) -> Iterator[Problem]:
    for pointer, kind, _ in review.places:
        name = pointer.rpartition("/")[2].replace("~1", "/")
        if kind == "media-type" and "/content/" in pointer and "/" not in name:
            yield pointer, f"{name!r} is no media type"


def _tags(review: Review) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, tag in enumerate(listed(review.document.root.get("tags"))):
        name = mapping(tag).get("name")
        if isinstance(name, str):
            if name in seen:
                yield f"/tags/{position}", f"the tag {name!r} is described twice"
            seen.add(name)


def _servers(review: Review) -> Iterator[Problem]:
    for pointer, server in _all_servers(review):
        url = server.get("url")
        variables = mapping(server.get("variables"))
        for name in re.findall(r"\{([^{}]*)\}", url) if isinstance(url, str) else ():
            if name not in variables:
                yield pointer, f"the address has {{{name}}}, but no such variable is described"


def _server_values(review: Review) -> Iterator[Problem]:
    for pointer, server in _all_servers(review):
        for name, variable in mapping(server.get("variables")).items():
            values = mapping(variable).get("enum")
            if isinstance(values, list) and mapping(variable).get("default") not in values:
                place = join(pointer, "variables", name, "default")
                yield place, "the default is none of the values of `enum`"


def _server_values_strictly(review: Review) -> Iterator[Problem]:
    if review.document.version not in ("2.0", "3.0"):  # 3.0 leaves it open
        yield from _server_values(review)


def _all_servers(review: Review) -> Iterator[tuple[str, Mapping[str, Any]]]:
    owners = [("", review.document.root)]
    owners += [*review.of_kind("path-item"), *review.of_kind("operation")]
    for pointer, owner in owners:
        for position, server in enumerate(listed(owner.get("servers"))):
            yield join(pointer, "servers", position), mapping(server)


def _error(name: str, check: Any) -> LintRule:
    return LintRule(name=name, severity=Severity.ERROR, check=check)


def _warning(name: str, check: Any) -> LintRule:
    return LintRule(name=name, severity=Severity.WARNING, check=check)


SEMANTIC_RULES = (
    _warning("operations-present", _has_operations),
    _error("readable", _readable),
    _error("operation-id-unique", _unique_ids),
    _error("path-braces", _path_braces),
    _error("path-query", _path_query),
    _error("path-parameter-declared", _path_parameters),
    _error("path-unique", _same_paths),
    _warning("path-fragment", _path_fragment),
    _error("path-parameter-once", _path_repeats_strictly),
    _warning("path-parameter-once", _path_repeats),
    _warning("path-ambiguous", _ambiguous_paths),
    _error("parameter-unique", _same_parameters),
    _error("one-body", _bodies),
    _error("tag-unique", _tags),
    _error("server-variable-value", _server_values_strictly),
    _warning("server-variable-value", _server_values),
    _warning("server-variable", _servers),
    _warning("header-ignored", _ignored_headers),
    _warning("response-present", _responses),
    _warning("success-response", _success),
    _warning("body-on-read", _body_on_read),
    _warning("media-type-name", _media_types),
    *REFERENCE_RULES,
    *SCHEMA_RULES,
)
