"""What consumers stored in a mock, for the resources that the contract lets us recognise."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from maestro.contracts.mocks.listing import ListingReader
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.validation import ReadRequest
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import ObjectShape, kinds_of, object_shape, plain
from maestro.contracts.samples import sample
from maestro.domain.values import JsonScalar, JsonValue

Entry = dict[str, JsonValue]

_STAMPS = ("created_at", "created", "created_on", "creation_date", "date_created")
_CHANGES = ("updated_at", "updated", "modified_at", "last_modified", "changed_at")
_EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
"""Times of a mock are the same in every run: this plus a second per change."""

MAX_ENTRIES = 100_000
"""Of one resource and one consumer; more are refused, never dropped."""

_NUMBERED, _UUID = "\0number", "\0uuid"
"""Patterns of ids besides texts, which are continued with a number."""

_NOTHING = object()
"""The property stays away."""

_EMPTY = ObjectShape(properties={}, required=frozenset())


@dataclass(slots=True, kw_only=True)
class StateOutcome:
    action: ResourceAction
    value: JsonValue = None
    """What the reply should say, None where it says nothing."""
    location: str = ""
    """Path of a created entry, without the base path."""


@dataclass(slots=True)
class _Store:
    """Entries of one resource, and what its schema says about them."""

    resource: Resource
    shape: ObjectShape
    creation: ObjectShape
    unique: tuple[str, ...]
    references: Mapping[str, str]
    reader: ListingReader
    stamped: tuple[str, ...]
    """Times the server sets."""
    groups: dict[tuple[str, ...], dict[str, Entry]] = field(default_factory=dict)
    """By the values of the parent parameters, then by id."""
    counter: int = 0
    size: int = 0
    taken: dict[str, dict[JsonScalar, Entry]] = field(default_factory=dict)
    """Entries by the values of each unique property."""
    fillings: dict[str, JsonValue] = field(default_factory=dict)
    """What properties hold that nobody gave, worked out once."""
    id_pattern: str | None = None
    """How the next id is made, once that is known: a kind, or a text to be continued."""


_MAKES = frozenset((ResourceAction.CREATE, ResourceAction.UPSERT))


class MockState:
    """Create, read, list, change and delete, as the contract's own conventions say."""

    def __init__(self, document: OpenApiDocument, found: Sequence[Resource]) -> None:
        self._document = document
        self._clock = 0
        self.version = 0
        """Grows with every change."""
        self._stores = {
            resource.name: _store(document, resource)
            for resource in found
            if not _MAKES.isdisjoint(resource.operations)  # nothing could ever be in the others
        }
        self._owners: dict[str, tuple[_Store, ResourceAction]] = {}
        for store in self._stores.values():
            for action, operation in store.resource.operations.items():
                self._owners[operation.key] = (store, action)
            for operation in store.resource.finds:
                self._owners[operation.key] = (store, ResourceAction.FIND)

    def handle(self, key: str, operation: Operation, request: ReadRequest) -> StateOutcome | None:
        """None for operations that belong to no resource. `key` is the operation's.

        Raises:
            Refused: 404 for unknown entries, 409 where the state forbids it, 507 when full.
        """
        owner = self._owners.get(key)
        if owner is None:
            return None
        store, action = owner
        parents = _parents(store.resource, request) if store.resource.parents else ()
        if action is ResourceAction.CREATE:
            return self._create(store, store.groups.setdefault(parents, {}), operation, request)
        if action is ResourceAction.UPSERT:
            return self._upsert(store, store.groups.setdefault(parents, {}), operation, request)
        group = store.groups.get(parents, {})
        if action in (ResourceAction.LIST, ResourceAction.FIND):
            value = store.reader.read(operation, list(group.values()), request.query)
            return StateOutcome(action=action, value=value)
        return self._one(store, group, action, request)

    def _one(
        self,
        store: _Store,
        group: dict[str, Entry],
        action: ResourceAction,
        request: ReadRequest,
    ) -> StateOutcome:
        """What concerns a single entry that is there already."""
        key = str(request.arguments.get(store.resource.id_parameter or ""))
        if key not in group:
            words = store.resource.name.replace("_", " ")
            raise Refused(404, f"there is no {words} {key!r}", keeps_contract=True)
        if action is ResourceAction.DELETE:
            self._refuse_while_used(store, group[key])
            self._put(store, group, key, None)
            return StateOutcome(action=action)
        if action is not ResourceAction.GET:
            self._change(store, group, key, request.body, whole=action is ResourceAction.REPLACE)
        return StateOutcome(action=action, value=group[key])

    def _create(
        self, store: _Store, group: dict[str, Entry], operation: Operation, request: ReadRequest
    ) -> StateOutcome:
        body = request.body if isinstance(request.body, dict) else {}
        if store.references or store.unique:
            self._check(store, body, None)
        if store.size >= MAX_ENTRIES:
            raise Refused(507, f"{MAX_ENTRIES} entries are stored already; reset the mock")
        store.counter += 1
        entry = self._new_entry(store, body, request)
        key = str(entry.get(store.resource.id_field or "", store.counter))
        if key in group and "409" in operation.responses:
            raise Refused(409, f"{key!r} exists already", keeps_contract=True)
        self._put(store, group, key, entry)
        return StateOutcome(
            action=ResourceAction.CREATE, value=entry, location=_location(store, request, key)
        )

    def _upsert(
        self, store: _Store, group: dict[str, Entry], operation: Operation, request: ReadRequest
    ) -> StateOutcome:
        body = request.body if isinstance(request.body, dict) else {}
        key = str(body.get(store.resource.id_field or ""))
        if key in group:
            self._change(store, group, key, body, whole=True)
            return StateOutcome(action=ResourceAction.UPSERT, value=group[key])
        if "404" in operation.responses:
            raise Refused(404, f"there is no entry {key!r}", keeps_contract=True)
        made = self._create(store, group, operation, request)
        return StateOutcome(action=ResourceAction.UPSERT, value=made.value)

    def _change(
        self, store: _Store, group: dict[str, Entry], key: str, body: JsonValue, *, whole: bool
    ) -> None:
        changes = body if isinstance(body, dict) else {}
        entry = group[key]
        self._check(store, changes, entry)
        kept = entry
        if whole:
            fixed = (store.resource.id_field, *_stamped(store.shape, _STAMPS))
            kept = {name: value for name, value in entry.items() if name in fixed}
            defaults = self._new_entry(store, changes, None)
            kept = {**defaults, **kept}
        identity = {store.resource.id_field} - {None}
        updated = {**kept, **{n: v for n, v in changes.items() if n not in identity}}
        for name in _stamped(store.shape, _CHANGES):
            updated[name] = self._now()
        self._put(store, group, key, updated)

    def _put(self, store: _Store, group: dict[str, Entry], key: str, entry: Entry | None) -> None:
        """The only place where what is stored changes; None takes an entry away."""
        self.version += 1
        before = group.pop(key, None) if entry is None else group.get(key)
        if entry is not None:
            group[key] = entry
        store.size += (entry is not None) - (before is not None)
        for name in store.unique:
            index = store.taken.setdefault(name, {})
            old = _indexed(before, name)
            if old is not None and index.get(old) is before:
                del index[old]
            fresh = _indexed(entry, name)
            if fresh is not None and entry is not None:
                index[fresh] = entry

    def _check(self, store: _Store, body: Mapping[str, JsonValue], own: Entry | None) -> None:
        """References lead somewhere and unique values are free."""
        for name, target in store.references.items():
            value = body.get(name)
            other = self._stores.get(target)
            if value is not None and other is not None and not _holds(other, value):
                raise Refused(409, f"{name} {value!r} leads to no {target}", keeps_contract=True)
        for name in store.unique:
            value = body.get(name)
            holder = store.taken.get(name, {}).get(_indexed(body, name))
            if value is not None and holder is not None and holder is not own:
                raise Refused(409, f"{name} {value!r} is taken already", keeps_contract=True)

    def _refuse_while_used(self, store: _Store, entry: Entry) -> None:
        value = entry.get(store.resource.id_field or "")
        for other in self._stores.values():
            names = [n for n, target in other.references.items() if target == store.resource.name]
            if any(e.get(name) == value for name in names for e in _everything(other)):
                words = other.resource.name.replace("_", " ")
                raise Refused(409, f"a {words} still refers to it", keeps_contract=True)

    def _new_entry(
        self, store: _Store, body: Mapping[str, JsonValue], request: ReadRequest | None
    ) -> Entry:
        parents = request.arguments if request else {}
        entry: Entry = {}
        for name, schema in store.shape.properties.items():
            value = body[name] if name in body else self._made(store, name, schema, parents)
            if value is not _NOTHING:
                entry[name] = value
        for name, value in body.items():
            if name not in entry:
                entry[name] = value
        return entry

    def _made(
        self, store: _Store, name: str, schema: Schema, parents: Mapping[str, JsonValue]
    ) -> JsonValue:
        """What the server itself puts into a property."""
        if name == store.resource.id_field:
            return self._new_id(store, schema)
        if name in store.stamped:
            return self._now()
        if name in parents:
            return parents[name]
        return self._filling(store, name, schema)

    def _filling(self, store: _Store, name: str, schema: Schema) -> JsonValue:
        """A property nobody gave: its default, null, or a sample if it has to be there."""
        if name not in store.fillings:
            store.fillings[name] = self._default(store, name, schema)
        return store.fillings[name]

    def _default(self, store: _Store, name: str, schema: Schema) -> JsonValue:
        for source in (store.creation.properties.get(name), schema):
            value = plain(self._document, source)
            if isinstance(value, Mapping) and "default" in value:
                return value["default"]
        if _nullable(schema):
            return None
        if name in store.shape.required:
            return sample(self._document, schema, name=name)
        return _NOTHING

    def _new_id(self, store: _Store, schema: Schema) -> JsonValue:
        if store.id_pattern is None:
            store.id_pattern = self._id_pattern(store, schema)
        if store.id_pattern == _NUMBERED:
            return store.counter
        if store.id_pattern == _UUID:
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{store.resource.name}/{store.counter}"))
        return f"{store.id_pattern}-{store.counter}".removeprefix("-")

    def _id_pattern(self, store: _Store, schema: Schema) -> str:
        value = plain(self._document, schema)
        kinds = kinds_of(value)
        if "integer" in kinds or "number" in kinds:
            return _NUMBERED
        if isinstance(value, Mapping) and value.get("format") == "uuid":
            return _UUID
        made = str(sample(self._document, schema, name=store.resource.name))
        return made if len(made) < 20 else ""

    def _now(self) -> str:
        self._clock += 1
        return (_EPOCH + timedelta(seconds=self._clock)).isoformat().replace("+00:00", "Z")


def _store(document: OpenApiDocument, resource: Resource) -> _Store:
    shape = object_shape(document, resource.item_schema) or _EMPTY
    creation = object_shape(document, resource.create_schema) or _EMPTY
    change = object_shape(document, resource.update_schema) or _EMPTY
    properties = {**shape.properties, **change.properties, **creation.properties}
    marked = {name: plain(document, schema) for name, schema in properties.items()}
    return _Store(
        resource=resource,
        shape=shape,
        creation=creation,
        unique=tuple(n for n, s in marked.items() if _mark(s, "x-unique") is True),
        references={
            name: target
            for name, schema in marked.items()
            if isinstance(target := _mark(schema, "x-references"), str)
        },
        stamped=_stamped(shape, _STAMPS + _CHANGES),
        reader=ListingReader(document, resource, shape),
    )


def _mark(schema: Any, name: str) -> Any:
    return schema.get(name) if isinstance(schema, Mapping) else None


def _parents(resource: Resource, request: ReadRequest) -> tuple[str, ...]:
    return tuple(str(request.arguments.get(name)) for name in resource.parents)


def _location(store: _Store, request: ReadRequest, key: str) -> str:
    path = store.resource.item_path
    if path is None:
        return ""
    for name in store.resource.parents:
        path = path.replace(f"{{{name}}}", str(request.arguments.get(name)))
    return path.replace(f"{{{store.resource.id_parameter}}}", key)


def _everything(store: _Store) -> Iterable[Entry]:
    return [entry for group in store.groups.values() for entry in group.values()]


def _holds(store: _Store, value: JsonValue) -> bool:
    name = store.resource.id_field or ""
    found = (group.get(str(value)) for group in store.groups.values())
    return any(entry is not None and entry.get(name) == value for entry in found)


def _indexed(entry: Mapping[str, JsonValue] | None, name: str) -> JsonScalar:
    """A property's value as something to look up; lists and objects by their text."""
    value = entry.get(name) if entry is not None else None
    return repr(value) if isinstance(value, dict | list) else value


def _stamped(shape: ObjectShape, names: tuple[str, ...]) -> tuple[str, ...]:
    """Date-time properties the server sets."""
    return tuple(
        name
        for name, schema in shape.properties.items()
        if snake(name) in names
        and isinstance(schema, Mapping)
        and schema.get("format") == "date-time"
    )


def _nullable(schema: Schema) -> bool:
    if not isinstance(schema, Mapping):
        return False
    named = schema.get("type")
    if isinstance(named, list):
        return "null" in named
    options = schema.get("anyOf")
    return isinstance(options, list) and {"type": "null"} in options
