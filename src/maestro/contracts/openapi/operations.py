"""Operations of a document with everything that belongs to them gathered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.grammar import METHODS
from maestro.contracts.openapi.parsing import parse_json
from maestro.contracts.openapi.pointers import follow, join
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaType:
    schema: Schema
    """JSON Schema 2020-12, references into the document included; True where none is given."""
    examples: tuple[Any, ...] = ()
    """In the order of the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationParameter:
    name: str
    location: str
    """`path`, `query`, `header` or `cookie`."""
    required: bool
    schema: Schema
    style: str
    explode: bool
    is_json: bool
    """The value is a JSON text (`content`), not a styled one."""
    allow_empty: bool
    pointer: str
    deprecated: bool = False
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBody:
    required: bool
    content: Mapping[str, MediaType]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResponse:
    status: str
    """`200`, `2XX` or `default`."""
    description: str
    content: Mapping[str, MediaType]
    headers: Mapping[str, OperationParameter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    method: str
    """Upper case."""
    path: str
    """Template as written, without the base path."""
    operation_id: str
    """Empty where the document gives none."""
    summary: str
    tags: tuple[str, ...]
    parameters: tuple[OperationParameter, ...]
    body: RequestBody | None
    responses: Mapping[str, OperationResponse]
    security: tuple[Mapping[str, Any], ...]
    pointer: str
    rejects_unknown_query: bool
    """`x-unknown-query: reject` at the operation or at the top of the document."""

    @property
    def key(self) -> str:
        """`GET /tasks/{task_id}`."""
        return f"{self.method} {self.path}"

    def response_for(self, status: int) -> OperationResponse | None:
        """The exact status, then its range, then the default."""
        for name in (str(status), f"{status // 100}XX", "default"):
            if name in self.responses:
                return self.responses[name]
        return None

    def in_location(self, location: str) -> tuple[OperationParameter, ...]:
        return tuple(p for p in self.parameters if p.location == location)


def operations(document: OpenApiDocument, *, strict: bool = False) -> tuple[Operation, ...]:
    """All operations in the order of the document.

    What makes an operation unreadable spoils that one only: it is left out, and
    `document.notes` says so under the rule `spoiled`.

    Args:
        strict: refuse the document instead.

    Raises:
        InvalidInput: only when strict: something an operation needs has the wrong shape or a
            reference is bad; names the JSON pointer.
    """
    return _read_all(document, "paths", strict=strict)


def webhooks(document: OpenApiDocument) -> tuple[Operation, ...]:
    """What the provider calls at its consumers; `path` is the webhook's name."""
    return _read_all(document, "webhooks", strict=False)


def _read_all(document: OpenApiDocument, key: str, *, strict: bool) -> tuple[Operation, ...]:
    found = []
    for place in places(document, key, strict=strict):
        try:
            found.append(read_operation(document, *place, key=key))
        except InvalidInput as error:
            if strict:
                raise
            _spoiled(document, error, join(f"/{key}", place[0], place[1]))
    return tuple(found)


def _spoiled(document: OpenApiDocument, error: InvalidInput, pointer: str) -> None:
    document.notebook.add(pointer, "spoiled", f"cannot be used: {error}")


_Raw = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]
"""Path, method, path item and operation object, unread."""


def raw_operations(document: OpenApiDocument) -> Iterator[_Raw]:
    """Every operation, for those who read each of them when it is first needed.

    What is no path item or operation at all is left out with a note.
    """
    return places(document, "paths", strict=False)


def places(document: OpenApiDocument, key: str, *, strict: bool) -> Iterator[_Raw]:
    """Operations below `paths` or `webhooks`; what is none is noted unless strict."""
    entries = document.root.get(key)
    if entries is None:
        return
    if not isinstance(entries, Mapping) and not strict:
        document.notebook.add(f"/{key}", "spoiled", f"must be an object, got {_shown(entries)}")
        return
    for name in _mapping(entries, f"/{key}"):
        if not name.startswith("x-"):
            yield from _of_item(document, key, name, strict=strict)


def _of_item(document: OpenApiDocument, key: str, name: str, *, strict: bool) -> Iterator[_Raw]:
    pointer = join(f"/{key}", name)
    try:
        item = path_item(document.root, document.root[key][name], pointer)
    except InvalidInput as error:
        if strict:
            raise
        _spoiled(document, error, pointer)
        return
    for method in METHODS:
        if method in item:
            try:
                found = follow(document.root, item[method], where=join(pointer, method))
                yield name, method, item, _mapping(found, join(pointer, method))
            except InvalidInput as error:
                if strict:
                    raise
                _spoiled(document, error, join(pointer, method))


def path_item(root: JsonObject, entry: Any, pointer: str) -> Mapping[str, Any]:
    """A path item with its own members over those it refers to."""
    item = _mapping(entry, pointer)
    if "$ref" not in item:
        return item
    target = _mapping(follow(root, item, where=pointer), pointer)
    return {**target, **{key: value for key, value in item.items() if key != "$ref"}}


def read_operation(
    document: OpenApiDocument,
    path: str,
    method: str,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    *,
    key: str = "paths",
) -> Operation:
    """Gathers one operation. Raises InvalidInput naming the JSON pointer."""
    root = document.root
    pointer = join(f"/{key}", path, method)
    security = operation.get("security", root.get("security", []))
    responses = _mapping(operation.get("responses", {}), join(pointer, "responses"))
    return Operation(
        method=method.upper(),
        path=path,
        operation_id=_text(operation.get("operationId")),
        summary=_text(operation.get("summary")) or _text(operation.get("description")),
        tags=tuple(t for t in _list(operation.get("tags"), pointer) if isinstance(t, str)),
        parameters=_parameters(root, item, operation, pointer),
        body=_body(root, operation.get("requestBody"), join(pointer, "requestBody")),
        responses={
            status: _response(root, status, entry, join(pointer, "responses", status))
            for status, entry in responses.items()
            if not status.startswith("x-")
        },
        security=tuple(s for s in _list(security, pointer) if isinstance(s, Mapping)),
        pointer=pointer,
        rejects_unknown_query=_rejects_unknown(operation, root),
    )


def _rejects_unknown(operation: Mapping[str, Any], root: JsonObject) -> bool:
    return bool(operation.get("x-unknown-query", root.get("x-unknown-query")) == "reject")


def _parameters(
    root: JsonObject,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    pointer: str,
) -> tuple[OperationParameter, ...]:
    """Parameters of the path item, overridden by the operation's own of same name and place."""
    merged: dict[tuple[str, str], OperationParameter] = {}
    for owner, place in ((item, pointer.rpartition("/")[0]), (operation, pointer)):
        for position, entry in enumerate(_list(owner.get("parameters"), place)):
            where = join(place, "parameters", position)
            raw = _mapping(follow(root, entry, where=where), where)
            made = _parameter(root, raw, where)
            merged[made.location, made.name] = made
    return tuple(merged.values())


def _parameter(
    root: JsonObject, raw: Mapping[str, Any], where: str, *, header: str | None = None
) -> OperationParameter:
    name = header or raw.get("name")
    location = "header" if header else raw.get("in")
    if not isinstance(name, str) or location not in ("path", "query", "header", "cookie"):
        raise InvalidInput(
            f"{where}: a parameter needs `name` and `in` (path, query, header or cookie), "
            f"got {name!r} in {location!r}"
        )
    media = _content(root, raw.get("content"), join(where, "content"))
    style = _text(raw.get("style")) or ("form" if location in ("query", "cookie") else "simple")
    explode = raw.get("explode")
    carried = next(iter(media.values()), None)
    return OperationParameter(
        name=name,
        location=location,
        required=raw.get("required") is True or location == "path",
        schema=carried.schema if carried else _schema(raw, where),
        style=style,
        explode=explode if isinstance(explode, bool) else style in ("form", "deepObject"),
        is_json=carried is not None,
        allow_empty=raw.get("allowEmptyValue") is True,
        pointer=where,
        deprecated=raw.get("deprecated") is True,
        examples=carried.examples if carried else _examples(root, raw, where),
    )


def _body(root: JsonObject, entry: Any, where: str) -> RequestBody | None:
    if entry is None:
        return None
    raw = _mapping(follow(root, entry, where=where), where)
    return RequestBody(
        required=raw.get("required") is True,
        content=_content(root, raw.get("content"), join(where, "content")),
    )


def _response(root: JsonObject, status: str, entry: Any, where: str) -> OperationResponse:
    raw = _mapping(follow(root, entry, where=where), where)
    headers = _mapping(raw.get("headers", {}), join(where, "headers"))
    return OperationResponse(
        status="default" if status.lower() == "default" else status.upper(),
        description=_text(raw.get("description")),
        content=_content(root, raw.get("content"), join(where, "content")),
        headers={
            name: _parameter(
                root,
                _mapping(follow(root, header, where=where), join(where, "headers", name)),
                join(where, "headers", name),
                header=name,
            )
            for name, header in headers.items()
        },
    )


def _content(root: JsonObject, entry: Any, where: str) -> dict[str, MediaType]:
    if entry is None:
        return {}
    made = {}
    for kind, media in _mapping(entry, where).items():
        raw = _mapping(follow(root, media, where=join(where, kind)), join(where, kind))
        examples = _examples(root, raw, join(where, kind))
        if "json" in kind:
            examples = tuple(_from_text(example) for example in examples)
        made[kind.strip().lower()] = MediaType(schema=_schema(raw, where), examples=examples)
    return made


def _examples(root: JsonObject, raw: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    found = [raw["example"]] if "example" in raw else []
    named = raw.get("examples")
    for name, entry in named.items() if isinstance(named, Mapping) else ():
        example = follow(root, entry, where=join(where, "examples", name))
        if isinstance(example, Mapping) and "value" in example:
            found.append(example["value"])
    return tuple(found)


def _from_text(example: Any) -> Any:
    """Examples of JSON bodies are often written as a text that holds the JSON."""
    if isinstance(example, str) and example.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(example)
        except ValueError:
            return example
    return example


def _schema(raw: Mapping[str, Any], where: str) -> Schema:
    schema = raw.get("schema", True)
    if not isinstance(schema, Mapping | bool):
        raise InvalidInput(f"{join(where, 'schema')}: a schema is an object, got {schema!r}")
    return schema


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: must be an object, got {_shown(value)}")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{where}: expected a list, got {_shown(value)}")
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
