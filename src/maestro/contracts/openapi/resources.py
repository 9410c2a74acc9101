"""Things that are created, read, changed and deleted, recognised in any document."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import singular, snake
from maestro.contracts.openapi.operations import Operation, operations
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import (
    body_schema,
    kinds_of,
    object_shape,
    plain,
    reference_name,
    resolved,
    success_schema,
)


class ResourceAction(StrEnum):
    LIST = "list"
    CREATE = "create"
    GET = "get"
    REPLACE = "replace"
    UPDATE = "update"
    DELETE = "delete"
    UPSERT = "upsert"  # PUT on the collection; the body brings the id
    FIND = "find"  # a further list, narrowed by its parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEnvelope:
    """How a list is wrapped."""

    items: str | None
    """The property that holds the entries, None for a bare array."""
    total: str | None = None
    """The property that counts all matching entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    name: str
    """Singular snake_case."""
    collection_path: str
    item_path: str | None
    id_parameter: str | None
    id_field: str | None
    """The property of an entry that the id parameter stands for."""
    operations: Mapping[ResourceAction, Operation]
    item_schema: Schema
    finds: tuple[Operation, ...] = ()
    envelope: ListEnvelope | None = None
    parents: tuple[str, ...] = ()
    """Path parameters of the collection, for entries that live below others."""
    create_schema: Schema | None = None
    update_schema: Schema | None = None

    @property
    def grows(self) -> bool:
        """Whether the contract has an operation that adds entries."""
        return bool({ResourceAction.CREATE, ResourceAction.UPSERT} & self.operations.keys())

    def operation(self, action: ResourceAction) -> Operation | None:
        return self.operations.get(action)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrecognisedOperation:
    operation: Operation
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSurvey:
    resources: tuple[Resource, ...]
    unrecognised: tuple[UnrecognisedOperation, ...]


def resources(document: OpenApiDocument) -> tuple[Resource, ...]:
    """The resources of a document in the order of their paths."""
    return survey(document).resources


def survey(document: OpenApiDocument) -> ResourceSurvey:
    """Every operation either belongs to a resource or has a reason why not.

    Raises:
        InvalidInput: the document's operations cannot be read.
    """
    everything = operations(document)
    candidates: dict[str, _Candidate] = {}
    for operation in everything:
        place = _place(operation.path)
        if place is not None:
            candidate = candidates.setdefault(place.collection, _Candidate(place.collection))
            candidate.take(document, operation, place)
    accepted = [c for c in candidates.values() if c.complete(document)]
    found = _distinct([made for c in accepted if (made := c.resource(document)) is not None])
    own = {o.key for r in found for o in r.operations.values()}
    lists = _lists(document, [o for o in everything if o.key not in own])
    found = [_with_finds(document, resource, lists) for resource in found]
    taken = {o.key for r in found for o in (*r.operations.values(), *r.finds)}
    rest = tuple(
        UnrecognisedOperation(operation=operation, reason=_reason(document, operation, found))
        for operation in everything
        if operation.key not in taken
    )
    return ResourceSurvey(resources=tuple(found), unrecognised=rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    collection: str
    parameter: str | None
    """The id parameter, where the path is one of an entry."""


_PARAMETER = re.compile(r"\{([^{}/]+)\}")


def _place(path: str) -> _Place | None:
    """None for paths that are neither a collection nor an entry of one."""
    segments = path.rstrip("/").split("/")
    last = _PARAMETER.fullmatch(segments[-1])
    if last is None:
        plain_word = len(segments) > 1 and "{" not in segments[-1] and bool(segments[-1])
        return _Place(collection="/".join(segments), parameter=None) if plain_word else None
    if len(segments) < 3 or "{" in segments[-2]:
        return None
    return _Place(collection="/".join(segments[:-1]), parameter=last[1])


_ITEM_ACTIONS = {
    "GET": ResourceAction.GET,
    "PUT": ResourceAction.REPLACE,
    "PATCH": ResourceAction.UPDATE,
    "DELETE": ResourceAction.DELETE,
}


@dataclass(slots=True)
class _Candidate:
    """What is known of a possible resource while its operations are gathered."""

    collection: str
    item_path: str | None = None
    parameter: str | None = None
    operations: dict[ResourceAction, Operation] = field(default_factory=dict)

    def take(self, document: OpenApiDocument, operation: Operation, place: _Place) -> None:
        if place.parameter is not None:
            action = _ITEM_ACTIONS.get(operation.method)
            if action and self.item_path in (None, operation.path):
                self.item_path, self.parameter = operation.path, place.parameter
                self.operations[action] = operation
        elif operation.method == "POST" and _takes_object(document, operation):
            self.operations[ResourceAction.CREATE] = operation
        elif operation.method == "PUT" and _takes_object(document, operation):
            self.operations[ResourceAction.UPSERT] = operation
        elif operation.method == "GET" and _entries(document, operation) is not None:
            self.operations[ResourceAction.LIST] = operation

    def complete(self, document: OpenApiDocument) -> bool:
        """Whether it is more than a path that happens to look like a collection."""
        has = self.operations.keys()
        if ResourceAction.GET in has:
            schema = success_schema(self.operations[ResourceAction.GET])
            return schema is not None and object_shape(document, schema) is not None
        both = {ResourceAction.LIST, ResourceAction.CREATE} <= has
        return both and object_shape(document, self._item_schema(document)) is not None

    def resource(self, document: OpenApiDocument) -> Resource | None:
        schema = self._item_schema(document)
        shape = object_shape(document, schema)
        if shape is None:
            return None
        name = _name(self.collection, schema)
        chosen = dict(self.operations)
        id_field = _id_field(self.parameter, name, list(shape.properties))
        if id_field is None:
            chosen.pop(ResourceAction.UPSERT, None)
            if self.item_path is not None:
                return None
        listing = chosen.get(ResourceAction.LIST)
        create, change = chosen.get(ResourceAction.CREATE), self._change()
        return Resource(
            name=name,
            collection_path=self.collection,
            item_path=self.item_path,
            id_parameter=self.parameter,
            id_field=id_field,
            operations=chosen,
            item_schema=schema,
            envelope=_envelope(document, listing) if listing else None,
            parents=tuple(_PARAMETER.findall(self.collection)),
            create_schema=body_schema(create) if create else None,
            update_schema=body_schema(change) if change else None,
        )

    def _change(self) -> Operation | None:
        order = (ResourceAction.UPDATE, ResourceAction.REPLACE, ResourceAction.UPSERT)
        return next((self.operations[a] for a in order if a in self.operations), None)

    def _item_schema(self, document: OpenApiDocument) -> Schema:
        getting = self.operations.get(ResourceAction.GET)
        if getting is not None:
            return success_schema(getting)
        listing = self.operations.get(ResourceAction.LIST)
        return _entries(document, listing) if listing else None


def _takes_object(document: OpenApiDocument, operation: Operation) -> bool:
    schema = body_schema(operation)
    return schema is not None and object_shape(document, schema) is not None


def _entries(document: OpenApiDocument, operation: Operation) -> Schema | None:
    """Schema of one entry of the list that a GET answers, None where it answers no list."""
    schema = success_schema(operation)
    if schema is None:
        return None
    listed = plain(document, schema)
    if "array" not in kinds_of(listed):
        envelope = _envelope(document, operation)
        shape = object_shape(document, schema)
        if envelope is None or envelope.items is None or shape is None:
            return None
        listed = plain(document, shape.properties[envelope.items])
    entry = listed.get("items")
    return entry if isinstance(entry, Mapping) else None


_LIST_NAMES = ("items", "data", "results", "records", "entries", "content", "values")
_TOTAL_NAMES = ("total", "total_count", "count", "total_items", "total_elements", "total_results")


def _envelope(document: OpenApiDocument, operation: Operation) -> ListEnvelope | None:
    schema = success_schema(operation)
    if schema is None:
        return None
    if "array" in kinds_of(plain(document, schema)):
        return ListEnvelope(items=None)
    shape = object_shape(document, schema)
    if shape is None:
        return None
    arrays = [
        name
        for name, entry in shape.properties.items()
        if "array" in kinds_of(plain(document, entry))
    ]
    preferred = [name for name in arrays if snake(name) in _LIST_NAMES]
    chosen = arrays if len(arrays) == 1 else preferred[:1]
    if not chosen:
        return None
    total = next((name for name in shape.properties if snake(name) in _TOTAL_NAMES), None)
    return ListEnvelope(items=chosen[0], total=total)


def _name(collection: str, schema: Schema) -> str:
    """After the named schema where the path agrees with it, else after the path."""
    word = snake(collection.rstrip("/").rpartition("/")[2])
    named = reference_name(schema)
    if named and singular(snake(named)) in (word, singular(word)):
        return singular(snake(named))
    return singular(word)


def _id_field(parameter: str | None, name: str, properties: list[str]) -> str | None:
    """The property an id parameter means: same name, `id`, or `<name>_id`, in any spelling."""
    by_snake = {snake(prop): prop for prop in reversed(properties)}
    wanted = [snake(parameter)] if parameter else []
    for choice in (*wanted, "id", f"{name}_id", "uuid", "key"):
        if choice in by_snake:
            return by_snake[choice]
    stem = wanted[0].removeprefix(f"{name}_") if wanted else ""
    return by_snake.get(stem)


def _distinct(found: list[Resource]) -> list[Resource]:
    """Resources with the same name get the word before it in the path as well."""
    names = [resource.name for resource in found]
    made = []
    for resource in found:
        if names.count(resource.name) > 1:
            words = [w for w in resource.collection_path.split("/") if w and "{" not in w]
            prefix = "_".join(singular(snake(word)) for word in words[:-1])
            resource = replace(resource, name=f"{prefix}_{resource.name}".strip("_"))
        made.append(resource)
    return made


def _lists(
    document: OpenApiDocument, everything: Iterable[Operation]
) -> Mapping[str, list[Operation]]:
    """Operations that list entries with a named schema, by its name."""
    made: dict[str, list[Operation]] = {}
    for operation in everything:
        if operation.method == "GET" and not _PARAMETER.search(operation.path):
            named = reference_name(_entries(document, operation))
            if named is not None:
                made.setdefault(named, []).append(operation)
    return made


def _with_finds(
    document: OpenApiDocument, resource: Resource, lists: Mapping[str, list[Operation]]
) -> Resource:
    """Adds lists of the same entries at other paths; the plain plural path is the list itself."""
    finds = []
    chosen = dict(resource.operations)
    envelope = resource.envelope
    for operation in lists.get(reference_name(resource.item_schema) or "", ()):
        word = singular(snake(operation.path.rpartition("/")[2]))
        if ResourceAction.LIST not in chosen and word == resource.name:
            chosen[ResourceAction.LIST] = operation
            envelope = _envelope(document, operation)
        else:
            finds.append(operation)
    return replace(resource, operations=chosen, finds=tuple(finds), envelope=envelope)


def _reason(document: OpenApiDocument, operation: Operation, found: Iterable[Resource]) -> str:
    """One sentence for people."""
    schema = body_schema(operation)
    if schema is not None and "array" in kinds_of(plain(document, schema)):
        return "takes several entries at once"
    if (
        schema is not None
        and operation.body
        and not any("json" in k for k in operation.body.content)
    ):
        return f"takes {', '.join(operation.body.content)}, not a JSON object"
    owner = next((r for r in found if operation.path.startswith(r.collection_path + "/")), None)
    if owner is not None and "{" in operation.path:
        words = owner.name.replace("_", " ")
        return f"is an action on a {words} whose effect the document does not say"
    answer = success_schema(operation)
    if operation.method == "GET" and answer is not None and object_shape(document, answer) is None:
        return "answers with something that has no fixed properties"
    if operation.method == "GET" and answer is None:
        return "answers without a JSON body"
    if not isinstance(resolved(document, answer) if answer else None, Mapping):
        return f"{operation.method} without a JSON reply, and not on a known resource"
    return "does not follow the pattern of a collection and its entries"
