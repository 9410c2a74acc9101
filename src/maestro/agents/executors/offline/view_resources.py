"""What a web page can do with an API, read from the API's OpenAPI document.

Works on any document, not only on designed ones: a resource is a path (`/pets`) that lists
entries, and one below it with a single parameter (`/pets/{petId}`) that reads, changes or deletes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from maestro.agents.executors.offline.openapi_nodes import (
    body_schema,
    example_value,
    resolve,
    schema_name,
    snake,
    success_reference,
    success_schema,
    words,
)
from maestro.domain.values import JsonScalar, JsonValue

TEXT_LINE = 255
"""Longer texts get a control of several lines."""

_ENVELOPES = ("items", "data", "results", "records", "entries", "content", "values")
_TOTALS = ("total", "total_count", "totalCount", "count", "total_items", "totalItems")
_LIMITS = ("limit", "page_size", "pageSize", "per_page", "perPage", "size")
_OFFSETS = ("offset", "skip", "start")
_PAGES = ("page", "page_number", "pageNumber")
_SEARCHES = ("q", "query", "search")
_SORTS = ("sort", "order_by", "orderBy", "ordering")
_FILTERED = ("enum", "reference", "boolean", "date", "integer", "decimal", "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOperation:
    """One call the page makes."""

    function: str
    """Name in the API client."""
    method: str
    path: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageField:
    """A property as people read and edit it."""

    name: str
    label: str
    type: str
    """string, text, email, url, integer, decimal, boolean, date, datetime, enum, reference or
    json."""
    required: bool = False
    nullable: bool = False
    creatable: bool = False
    updatable: bool = False
    unique: bool = False
    values: tuple[str, ...] = ()
    target: str | None = None
    default: JsonScalar = None
    example: JsonValue = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageListing:
    """How the list operation answers and what it can be asked."""

    items: str | None = None
    """Property that holds the entries; None when the answer is the array itself."""
    total: str | None = None
    limit: str | None = None
    limit_maximum: int = 100
    offset: str | None = None
    page: str | None = None
    search: str | None = None
    sort: str | None = None
    sort_values: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    """Fields that a query parameter of the same name narrows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResource:
    """Everything the page knows about one kind of entry before it has a name for people."""

    path: str
    schema_name: str
    id_field: str | None
    fields: tuple[PageField, ...]
    listing: PageListing
    operations: Mapping[str, PageOperation]
    """By what they do: list, create, read, update, remove."""


def page_resources(document: Mapping[str, Any], names: set[str]) -> tuple[PageResource, ...]:
    """The resources of a parsed OpenAPI 3 document, in the order of their paths.

    `names` holds the function names of the client that are taken; new ones are added to it.
    """
    paths: Mapping[str, Any] = document.get("paths") or {}
    found = []
    for path in paths:
        if "{" in path or not path.strip("/"):
            continue
        item_path = next(
            (p for p in paths if re.fullmatch(re.escape(path) + r"/\{[^/{}]+\}", p)), ""
        )
        resource = _resource(document, path, item_path, names)
        if resource is not None:
            found.append(resource)
    return tuple(found)


def _resource(
    document: Mapping[str, Any], path: str, item_path: str, names: set[str]
) -> PageResource | None:
    collection = resolve(document, document["paths"][path])
    item = resolve(document, document["paths"].get(item_path, {}))
    listed = success_schema(document, collection.get("get"))
    items, entry = _entries(document, listed)
    raw: dict[str, tuple[str, str, Mapping[str, Any]]] = {}
    if entry is None or _needs_parameters(document, collection):
        return None
    raw["list"] = ("get", path, collection["get"])
    if "post" in collection:
        raw["create"] = ("post", path, collection["post"])
    for kind, verbs in (("read", ("get",)), ("update", ("patch", "put")), ("remove", ("delete",))):
        verb = next((v for v in verbs if v in item), None)
        if verb:
            raw[kind] = (verb, item_path, item[verb])
    shown = resolve(document, entry) or success_schema(document, item.get("get"))
    create = body_schema(document, collection.get("post"))
    update = body_schema(document, raw["update"][2] if "update" in raw else None)
    fields = _fields(document, shown, create, update)
    return PageResource(
        path=path,
        schema_name=schema_name(entry) or schema_name(success_reference(document, item.get("get"))),
        id_field=_id_field(shown, item_path),
        fields=fields,
        listing=_listing(document, collection, items, listed, fields),
        operations={kind: _operation(*parts, names) for kind, parts in raw.items()},
    )


def _operation(verb: str, path: str, raw: Mapping[str, Any], names: set[str]) -> PageOperation:
    wanted = str(raw.get("operationId") or f"{verb} {path}")
    parts = [part for part in re.split(r"[^A-Za-z0-9]+", wanted) if part] or [verb]
    name = parts[0][0].lower() + parts[0][1:] + "".join(p[0].upper() + p[1:] for p in parts[1:])
    name = name if name[0].isalpha() else f"call{name}"
    function, number = name, 2
    while function in names:
        function, number = f"{name}{number}", number + 1
    names.add(function)
    summary = " ".join(str(raw.get("summary") or "").split()).replace("*/", "* /")
    return PageOperation(function=function, method=verb.upper(), path=path, summary=summary)


def _entries(document: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Where the entries of a list answer are and what one looks like, unresolved."""
    if schema.get("type") == "array":
        return None, schema.get("items") or {}
    properties = schema.get("properties") or {}
    arrays = {
        name: resolve(document, node)["items"]
        for name, node in properties.items()
        if resolve(document, node).get("type") == "array" and resolve(document, node).get("items")
    }
    wanted = [name for name in _ENVELOPES if name in arrays] or (
        list(arrays) if len(arrays) == 1 and not {"id", "name"} & properties.keys() else []
    )
    return (wanted[0], arrays[wanted[0]]) if wanted else (None, None)


def _id_field(shown: Mapping[str, Any], item_path: str) -> str | None:
    properties = shown.get("properties") or {}
    parameter = re.findall(r"\{([^/{}]+)\}$", item_path)
    wanted = ("id", *parameter, *(snake(name) for name in parameter), "uuid", "_id", "key", "slug")
    return next((name for name in wanted if name in properties), None)


def _fields(
    document: Mapping[str, Any],
    shown: Mapping[str, Any],
    create: Mapping[str, Any],
    update: Mapping[str, Any],
) -> tuple[PageField, ...]:
    readable, creatable, updatable = (
        dict(schema.get("properties") or {}) for schema in (shown, create, update)
    )
    required = set(create.get("required") or ())
    fields = []
    for name in dict.fromkeys(chain(readable, creatable, updatable)):
        node = creatable.get(name) or updatable.get(name) or readable.get(name)
        schema = resolve(document, node)
        writable = not schema.get("readOnly")
        fields.append(
            _field(
                document,
                name,
                schema,
                required=name in required and writable,
                creatable=name in creatable and writable,
                updatable=name in updatable and writable,
            )
        )
    return tuple(fields)


def _field(
    document: Mapping[str, Any], name: str, schema: dict[str, Any], **access: bool
) -> PageField:
    core, nullable = _without_null(document, schema)
    kind = _type(core)
    values = tuple(str(value) for value in core.get("enum") or () if value is not None)
    target = core.get("x-references") or core.get("x-references-external")
    label = words(name.removesuffix("_id") if kind == "reference" else name)
    multiple = core.get("multipleOf")
    default = schema.get("default")
    return PageField(
        name=name,
        label=_LABELS.get(label, label[:1].upper() + label[1:]),
        type=kind,
        nullable=nullable,
        unique=bool(core.get("x-unique")),
        values=values if kind == "enum" else (),
        target=str(target) if target else None,
        default=default if isinstance(default, str | int | float | bool) else None,
        example=example_value(document, core)
        if kind in ("json", "string", "email", "url")
        else None,
        min_length=core.get("minLength"),
        max_length=core.get("maxLength"),
        minimum=_bound(core, "minimum", "exclusiveMinimum", 1),
        maximum=_bound(core, "maximum", "exclusiveMaximum", -1),
        step=multiple if isinstance(multiple, int | float) else None,
        pattern=core.get("pattern"),
        **access,
    )


def _without_null(
    document: Mapping[str, Any], schema: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    """The schema without its null alternative, and whether it had one (3.0 and 3.1 spellings)."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        rest = [kind for kind in kinds if kind != "null"]
        only = rest[0] if len(rest) == 1 else rest
        return {**schema, "type": only}, "null" in kinds
    for key in ("anyOf", "oneOf"):
        options = [resolve(document, option) for option in schema.get(key) or ()]
        rest_options = [option for option in options if option.get("type") != "null"]
        if len(rest_options) == 1:
            return {**schema, **rest_options[0]}, len(options) > 1
    return schema, bool(schema.get("nullable"))


_LABELS = {"id": "ID", "url": "URL", "sku": "SKU", "isbn": "ISBN", "ip": "IP"}

_FORMATS = {
    "date": "date", "date-time": "datetime", "email": "email", "uri": "url", "url": "url",
}  # fmt: skip


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("x-references") or schema.get("x-references-external"):
        return "reference"
    kind = schema.get("type")
    if kind == "string":
        return _text_type(schema)
    plain = {"integer": "integer", "number": "decimal", "boolean": "boolean"}
    return plain.get(kind, "json") if isinstance(kind, str) else "json"


def _text_type(schema: Mapping[str, Any]) -> str:
    if schema.get("enum"):
        return "enum"
    named = _FORMATS.get(str(schema.get("format")))
    if named:
        return named
    return "text" if (schema.get("maxLength") or 0) > TEXT_LINE else "string"


def _bound(schema: Mapping[str, Any], inclusive: str, exclusive: str, nudge: int) -> float | None:
    limit, open_limit = schema.get(inclusive), schema.get(exclusive)
    if isinstance(open_limit, int | float) and not isinstance(open_limit, bool):
        return open_limit + (nudge if schema.get("type") == "integer" else nudge / 100)
    return limit if isinstance(limit, int | float) else None


def _listing(
    document: Mapping[str, Any],
    collection: Mapping[str, Any],
    items: str | None,
    answer: Mapping[str, Any],
    fields: tuple[PageField, ...],
) -> PageListing:
    queries = dict(_queries(document, collection))
    limit, offset, page, search = (
        next((name for name in names if name in queries), None)
        for names in (_LIMITS, _OFFSETS, _PAGES, _SEARCHES)
    )
    sort = next((name for name in _SORTS if (queries.get(name) or {}).get("enum")), None)
    taken = {limit, offset, page, search, sort}
    filtered = {field.name for field in fields if field.type in _FILTERED} - taken
    properties = answer.get("properties") or {}
    most = queries[limit].get("maximum") if limit else None
    return PageListing(
        items=items,
        total=next((name for name in _TOTALS if name in properties), None),
        limit=limit,
        limit_maximum=most if isinstance(most, int) and most > 0 else 100,
        offset=offset,
        page=page,
        search=search,
        sort=sort,
        sort_values=tuple(str(value) for value in queries[sort]["enum"]) if sort else (),
        filters=tuple(name for name in queries if name in filtered),
    )


def _needs_parameters(document: Mapping[str, Any], collection: Mapping[str, Any]) -> bool:
    """Whether the list cannot be asked for without knowing more."""
    parameters = (collection.get("parameters") or (), collection["get"].get("parameters") or ())
    return any(resolve(document, raw).get("required") for raw in chain(*parameters))


def _queries(
    document: Mapping[str, Any], collection: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    parameters = (collection.get("parameters") or (), collection["get"].get("parameters") or ())
    for raw in chain(*parameters):
        parameter = resolve(document, raw)
        if parameter.get("in") == "query" and parameter.get("name"):
            yield str(parameter["name"]), resolve(document, parameter.get("schema"))
