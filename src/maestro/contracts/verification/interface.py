"""Reads an OpenAPI document: its operations, and its entities where it keeps our conventions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_REFERENCE_HOPS = 50
PLAIN = {
    "integer": r"-?(?:0|[1-9][0-9]*)",
    "number": r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?",
    "boolean": r"true|false",
}
"""Spellings in a URL that nobody misreads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedOperation:
    key: str
    """`GET /tasks/{task_id}`."""
    method: str
    path: str
    id: str
    parameters: tuple[JsonObject, ...]
    body_schema: JsonObject | None
    """Of the JSON request body."""
    responses: JsonObject

    @property
    def success(self) -> int:
        """The first documented 2xx status; 200 when there is none."""
        codes = sorted(code for code in self.responses if re.fullmatch("2[0-9][0-9]", code))
        return int(codes[0]) if codes else 200

    def query(self, name: str) -> JsonObject | None:
        """Schema of a query parameter."""
        for parameter in self.parameters:
            if parameter.get("in") == "query" and parameter.get("name") == name:
                schema = parameter.get("schema", {})
                return schema if isinstance(schema, Mapping) else {}
        return None

    def matches(self, method: str, path: str) -> dict[str, str] | None:
        """Path parameters when a request path, with or without a base path, is this operation."""
        if method.upper() != self.method:
            return None
        found = re.fullmatch(f"(?:/.*)?{_path_pattern(self.path)}", path)
        names = re.findall(r"\{([^{}]+)\}", self.path)
        return dict(zip(names, found.groups(), strict=True)) if found else None

    def is_plain(self, url: str) -> bool:
        """Whether numbers and booleans in the URL are written as every server reads them, and lie
        within the document's bounds: an id that a reply brought may not be one a request may name.
        """
        parts = urlsplit(url)
        texts = dict(parse_qsl(parts.query, keep_blank_values=True))
        texts |= self.matches(self.method, unquote(parts.path)) or {}
        for parameter in self.parameters:
            text = texts.get(str(parameter.get("name")))
            schema = parameter.get("schema", parameter)
            kind = schema.get("type") if isinstance(schema, Mapping) else None
            if text is None or not isinstance(kind, str) or kind not in PLAIN:
                continue
            if not re.fullmatch(PLAIN[kind], text) or not _within(schema, kind, text):
                return False
        return True


def _within(schema: Mapping[str, JsonValue], kind: str, text: str) -> bool:
    if kind not in ("integer", "number"):
        return True
    value = float(text)
    low, high = schema.get("minimum"), schema.get("maximum")
    return (low is None or value >= low) and (high is None or value <= high)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedResource:
    """The operations of one entity by the conventions of designed contracts."""

    entity: str
    create: ProbedOperation | None = None
    list: ProbedOperation | None = None
    read: ProbedOperation | None = None
    update: ProbedOperation | None = None
    delete: ProbedOperation | None = None

    @property
    def fields(self) -> JsonObject:
        """Schema of every field that can be given on creation."""
        schema = self.create.body_schema if self.create else None
        properties: JsonObject = (schema or {}).get("properties", {})
        return properties

    @property
    def required(self) -> tuple[str, ...]:
        schema = self.create.body_schema if self.create else None
        return tuple((schema or {}).get("required", ()))

    def references(self) -> dict[str, str]:
        """Field name -> entity, for references that the provider checks."""
        found = {name: s.get("x-references") for name, s in self.fields.items()}
        return {name: str(target) for name, target in found.items() if target}


@dataclass(frozen=True, slots=True)
class Interface:
    """An OpenAPI document with its local references followed."""

    document: JsonObject
    operations: tuple[ProbedOperation, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operations", tuple(self._operations()))

    def operation(self, key: str) -> ProbedOperation | None:
        return next((o for o in self.operations if o.key == key), None)

    def find(self, method: str, path: str) -> tuple[ProbedOperation, dict[str, str]] | None:
        """The operation that a request belongs to, with its path parameters.

        Of several (`/tasks` and `/users/{id}/tasks`, as a base path may stand before either) the
        longest path wins, then the one with fewer parameters.
        """
        found = [(o, p) for o in self.operations if (p := o.matches(method, path)) is not None]
        return max(found, key=_closeness, default=None)

    def by_id(self, operation_id: str) -> ProbedOperation | None:
        return next((o for o in self.operations if o.id == operation_id), None)

    def entities(self) -> tuple[str, ...]:
        """Entities with an operation `create_<entity>`."""
        return tuple(
            o.id.removeprefix("create_") for o in self.operations if o.id.startswith("create_")
        )

    def resource(self, entity: str) -> ProbedResource:
        """What the document offers for an entity; parts that it lacks are None."""
        create = self.by_id(f"create_{entity}")
        listing = self.operation(f"GET {create.path}") if create else None
        return ProbedResource(
            entity=entity,
            create=create,
            list=listing,
            read=self.by_id(f"get_{entity}"),
            update=self.by_id(f"update_{entity}"),
            delete=self.by_id(f"delete_{entity}"),
        )

    def resolve(self, value: Any) -> Any:
        """Follows `$ref` at the top of `value`, and in the properties below it one level deep."""
        resolved = self._follow(value)
        if not isinstance(resolved, Mapping) or "properties" not in resolved:
            return resolved
        properties = {name: self._follow(s) for name, s in resolved["properties"].items()}
        return {**resolved, "properties": properties}

    def _follow(self, value: Any) -> Any:
        for _ in range(MAX_REFERENCE_HOPS):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value
            value = self._lookup(value["$ref"])
        raise InvalidInput(f"the contract's references go in a circle near {value!r}")

    def _lookup(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise InvalidInput(f"reference {reference!r} leaves the document; bundle it first")
        node: Any = self.document
        for segment in reference[2:].split("/"):
            name = segment.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or name not in node:
                raise InvalidInput(f"reference {reference!r} leads nowhere in the document")
            node = node[name]
        return node

    def _operations(self) -> Iterator[ProbedOperation]:
        for path, item in (self.document.get("paths") or {}).items():
            item = self._follow(item)
            for method in METHODS:
                if isinstance(item, Mapping) and isinstance(item.get(method), Mapping):
                    yield self._operation(str(path), method, item)

    def _operation(self, path: str, method: str, item: JsonObject) -> ProbedOperation:
        definition = item[method]
        parameters = [self._follow(p) for p in item.get("parameters") or ()]
        own = [self._follow(p) for p in definition.get("parameters") or ()]
        named = {(p.get("in"), p.get("name")): p for p in [*parameters, *own]}
        responses = definition.get("responses") or {}
        return ProbedOperation(
            key=f"{method.upper()} {path}",
            method=method.upper(),
            path=path,
            id=str(definition.get("operationId") or ""),
            parameters=tuple(named.values()),
            body_schema=self._body_schema(definition),
            responses={str(code): self._follow(reply) for code, reply in responses.items()},
        )

    def _body_schema(self, definition: JsonObject) -> JsonObject | None:
        body = self._follow(definition.get("requestBody"))
        if not isinstance(body, Mapping):
            return None
        media = (body.get("content") or {}).get("application/json") or {}
        schema = self.resolve(media.get("schema"))
        return schema if isinstance(schema, Mapping) else None


def _closeness(match: tuple[ProbedOperation, dict[str, str]]) -> tuple[int, int]:
    operation, parameters = match
    return operation.path.count("/"), -len(parameters)


def _path_pattern(template: str) -> str:
    """`/tasks/{task_id}` as a regular expression with one group per parameter."""
    pieces = re.split(r"(\{[^{}]+\})", template)
    return "".join("([^/]+)" if p.startswith("{") else re.escape(p) for p in pieces)
