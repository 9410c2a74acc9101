"""Whether a reply is what its operation and schema promise."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from maestro.contracts.sdl.scalars import fits, is_custom, scalar_kind
from maestro.contracts.verification.graphql_requests import shown

MAX_DEVIATIONS = 20
_TRACE = re.compile(
    r"Traceback \(most recent call|\bat .+\.(?:js|ts|java|cs):\d+|\.py\", line \d+|"
    r"\.(?:go|rb|php):\d+\b"
)
_TYPES = ("application/graphql-response+json", "application/json")


@dataclass(frozen=True, slots=True)
class Deviation:
    """One place where a reply is not as promised."""

    rule: str
    message: str
    expected: str
    seen: str


def envelope_deviations(status: int, content_type: str, body: Any, text: str) -> list[Deviation]:
    """What is wrong with a reply whatever was asked."""
    if status >= 500:
        return [Deviation("server_error", "the provider broke", "a status below 500", str(status))]
    if body is None:
        return [Deviation("reply_is_json", "the reply is no JSON object", "JSON", text[:200])]
    found = []
    plain = content_type.partition(";")[0].strip().lower()
    if plain not in _TYPES:
        found.append(
            Deviation("content_type", "the media type is not GraphQL's", " or ".join(_TYPES), plain)
        )
    if "data" not in body and "errors" not in body:
        keys = ", ".join(body) or "nothing"
        found.append(Deviation("reply_shape", "a reply has data or errors", "data", keys))
    extra = sorted(set(body) - {"data", "errors", "extensions"})
    if extra:
        message = "a reply has no other members"
        found.append(Deviation("reply_shape", message, "data, errors, extensions", str(extra)))
    return [*found, *_error_deviations(body)]


def _error_deviations(body: Mapping[str, Any]) -> Iterator[Deviation]:
    if "errors" not in body:
        return
    errors = body["errors"]
    if not isinstance(errors, list) or not errors:
        yield Deviation("error_shape", "errors is a list that is not empty", "[{…}]", shown(errors))
        return
    for error in errors:
        if not isinstance(error, dict) or not isinstance(error.get("message"), str):
            expected = '{"message": text, …}'
            yield Deviation("error_shape", "an error has a message", expected, shown(error))
            continue
        path = error.get("path", [])
        if not isinstance(path, list):
            yield Deviation("error_shape", "path is a list", "a list", shown(path))
        written = shown(error, 5000)
        if "stacktrace" in written.lower() or _TRACE.search(written):
            message = "an error shows the inside of the program"
            yield Deviation("stack_trace", message, "no stack trace", shown(error))


def is_broken(body: Any) -> str:
    """The message of an error that the provider itself calls an internal one."""
    for error in errors_of(body):
        extensions = error.get("extensions")
        code = extensions.get("code", "") if isinstance(extensions, dict) else ""
        classified = extensions.get("classification", "") if isinstance(extensions, dict) else ""
        message = str(error.get("message", ""))
        if code == "INTERNAL_SERVER_ERROR" or classified == "DataFetchingException":
            return message or str(code)
        if re.search(r"internal server error|unexpected error|non-nullable field", message, re.I):
            return message
    return ""


def errors_of(body: Any) -> list[dict[str, Any]]:
    errors = body.get("errors") if isinstance(body, dict) else None
    return [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []


class ResultChecker:
    """Holds the `data` of replies against a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    def deviations(
        self, document: DocumentNode, data: Any, operation_name: str | None = None
    ) -> list[Deviation]:
        """At most twenty; nothing for data that is null, which errors have to explain."""
        if not isinstance(data, dict):
            return []
        fragments: dict[str, FragmentDefinitionNode] = {}
        chosen: OperationDefinitionNode | None = None
        for node in document.definitions:
            if isinstance(node, FragmentDefinitionNode):
                fragments[node.name.value] = node
            elif isinstance(node, OperationDefinitionNode):
                named = node.name.value if node.name else None
                chosen = node if chosen is None or named == operation_name else chosen
        root = self._schema.get_root_type(chosen.operation) if chosen else None
        if chosen is None or root is None:
            return []
        walk = _Walk(self._schema, fragments)
        found: list[Deviation] = []
        for deviation in walk.objects(root, [chosen.selection_set], data, ""):
            found.append(deviation)
            if len(found) >= MAX_DEVIATIONS:
                break
        return found


@dataclass(slots=True)
class _Asked:
    nodes: list[FieldNode]
    is_certain: bool
    """False behind @skip and @include."""


class _Walk:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        self._schema = schema
        self._fragments = fragments

    def objects(
        self, named: Any, selections: list[SelectionSetNode], value: Any, path: str
    ) -> Iterator[Deviation]:
        if not isinstance(value, dict):
            yield _typed(path, str(named), value)
            return
        runtime = self._runtime(named, value)
        if isinstance(runtime, str):
            message = f"{path or 'data'}: __typename names no possible type"
            yield Deviation("abstract_type", message, f"a type of {named}", runtime)
            return
        if runtime is None:
            return
        asked: dict[str, _Asked] = {}
        for selection in selections:
            self._collect(runtime, selection, asked, certain=True)
        for key in value:
            if key not in asked:
                message = f"{_at(path, key)} was not asked for"
                yield Deviation("result_extra_field", message, "nothing", shown(value[key]))
        for key, one in asked.items():
            yield from self._field(runtime, key, one, value, path)

    def _field(
        self, runtime: GraphQLObjectType, key: str, asked: _Asked, value: Any, path: str
    ) -> Iterator[Deviation]:
        name = asked.nodes[0].name.value
        place = _at(path, key)
        if key not in value:
            if asked.is_certain:
                message = f"{place} is missing"
                yield Deviation("result_missing_field", message, f"the field {key!r}", "nothing")
            return
        if name == "__typename":
            if value[key] != runtime.name:
                message = f"{place} is wrong"
                yield Deviation("abstract_type", message, runtime.name, shown(value[key]))
            return
        field = self._schema.get_field(runtime, name)
        if field is not None:
            selections = [n.selection_set for n in asked.nodes if n.selection_set is not None]
            yield from self._value(field.type, selections, value[key], place)

    def _value(
        self, kind: Any, selections: list[SelectionSetNode], value: Any, path: str
    ) -> Iterator[Deviation]:
        if is_non_null_type(kind):
            if value is None:
                message = f"{path} is null, which its type excludes"
                yield Deviation("null_for_non_null", message, str(kind), "null")
                return
            kind = kind.of_type
        if value is None:
            return
        if is_list_type(kind):
            if not isinstance(value, list):
                yield _typed(path, str(kind), value)
                return
            for place, one in enumerate(value):
                yield from self._value(kind.of_type, selections, one, f"{path}[{place}]")
        elif is_leaf_type(kind):
            yield from _leaf(kind, value, path)
        else:
            yield from self.objects(kind, selections, value, path)

    def _runtime(self, named: Any, value: Mapping[str, Any]) -> GraphQLObjectType | str | None:
        """The object type of a value; a text that is no possible type; None if nobody can tell."""
        if not is_abstract_type(named):
            return named if isinstance(named, GraphQLObjectType) else None
        told = value.get("__typename")
        if told is None:
            return None
        possible = {member.name: member for member in self._schema.get_possible_types(named)}
        return possible.get(told, str(told))

    def _collect(
        self,
        runtime: GraphQLObjectType,
        selection: SelectionSetNode,
        asked: dict[str, _Asked],
        *,
        certain: bool,
    ) -> None:
        for node in selection.selections:
            sure = certain and not node.directives
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                one = asked.setdefault(key, _Asked([], False))
                one.nodes.append(node)
                one.is_certain = one.is_certain or sure
                continue
            if isinstance(node, FragmentSpreadNode):
                fragment: Any = self._fragments.get(node.name.value)
            else:
                fragment = node
            if fragment is not None and self._applies(runtime, fragment.type_condition):
                self._collect(runtime, fragment.selection_set, asked, certain=sure)

    def _applies(self, runtime: GraphQLObjectType, condition: Any) -> bool:
        if condition is None or condition.name.value == runtime.name:
            return True
        named = self._schema.type_map.get(condition.name.value)
        return is_abstract_type(named) and self._schema.is_sub_type(named, runtime)


def _leaf(kind: Any, value: Any, path: str) -> Iterator[Deviation]:
    if isinstance(kind, GraphQLEnumType):
        if value not in kind.values:
            expected = " | ".join(list(kind.values)[:12])
            message = f"{path} is no value of {kind.name}"
            yield Deviation("enum_value", message, expected, shown(value))
        return
    if isinstance(kind, GraphQLScalarType) and is_custom(kind):
        if not fits(scalar_kind(kind), value):
            message = f"{path} is no {kind.name}"
            yield Deviation("scalar_format", message, scalar_kind(kind), shown(value))
        return
    if not _BUILT_IN[kind.name](value):
        yield _typed(path, kind.name, value)


_BUILT_IN: Mapping[str, Any] = {
    "Int": lambda v: isinstance(v, int) and not isinstance(v, bool) and abs(v) <= 2**31,
    "Float": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "String": lambda v: isinstance(v, str),
    "Boolean": lambda v: isinstance(v, bool),
    "ID": lambda v: isinstance(v, str),
}


def _typed(path: str, expected: str, value: Any) -> Deviation:
    return Deviation("result_type", f"{path or 'data'} has another type", expected, shown(value))


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
