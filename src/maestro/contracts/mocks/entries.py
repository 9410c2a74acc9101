"""Collections of a mock's entries, and what the server itself puts into an entry."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from maestro.contracts.mocks.listing import ListingReader
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.resources import Resource
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.openapi.shapes import ObjectShape, kinds_of, object_shape, plain
from maestro.contracts.samples import sample
from maestro.domain.values import JsonScalar, JsonValue

Entry = dict[str, JsonValue]

STAMPS = ("created_at", "created", "created_on", "creation_date", "date_created")
CHANGES = ("updated_at", "updated", "modified_at", "last_modified", "changed_at")
_EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
"""Times of a mock are the same in every run: this plus a second per change."""

_NUMBERED, _UUID = "\0number", "\0uuid"
"""Patterns of ids besides texts, which are continued with a number."""

_NOTHING = object()
"""The property stays away."""

_EMPTY = ObjectShape(properties={}, required=frozenset())


_MAX_RECIPES = 256


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How entries are completed for which the same properties were given."""

    outline: Entry
    """Every property in its order, with what is the same each time."""
    made: tuple[tuple[str, Schema], ...]
    """Properties that are another each time: ids and moments."""
    named: tuple[str, ...]
    """Properties whose value the path says."""


Draft = tuple[Entry, tuple[tuple[str, Schema], ...]]
"""What is the same for all entries of one creation, and the properties that are another each
time.
"""


@dataclass(slots=True)
class EntryStore:
    """Entries of one resource, and what its schema says about them."""

    resource: Resource
    shape: ObjectShape
    creation: ObjectShape
    unique: tuple[str, ...]
    references: Mapping[str, str]
    reader: ListingReader
    stamped: tuple[str, ...]
    """Times the server sets."""
    place: tuple[str, str] | None
    """What stands before and behind the id in the path of an entry."""
    groups: dict[tuple[str, ...], dict[str, Entry]] = field(default_factory=dict)
    """By the values of the parent parameters, then by id."""
    counter: int = 0
    size: int = 0
    taken: dict[str, dict[JsonScalar, Entry]] = field(default_factory=dict)
    """Entries by the values of each unique property."""
    recipes: dict[tuple[tuple[str, ...], tuple[str, ...]], _Recipe] = field(default_factory=dict)
    """By the names of what a body and what a path gives."""
    id_pattern: str | None = None
    """How the next id is made, once that is known: a kind, or a text to be continued."""


class EntryMaker:
    """Completes what consumers and start data give; the same gifts make the same entries."""

    def __init__(self, document: OpenApiDocument) -> None:
        self._document = document
        self._clock = 0

    def complete(self, store: EntryStore, body: Mapping[str, JsonValue]) -> Entry:
        """An entry with what was given and with what the server adds."""
        return self.filled(store, self.draft(store, body, {}))

    def draft(
        self,
        store: EntryStore,
        body: Mapping[str, JsonValue],
        parents: Mapping[str, JsonValue],
    ) -> Draft:
        """What every entry has for which this is given."""
        given = (tuple(body), tuple(parents))
        recipe = store.recipes.get(given)
        if recipe is None:
            if len(store.recipes) >= _MAX_RECIPES:
                store.recipes.clear()
            recipe = store.recipes[given] = self._recipe(store, body, parents)
        entry = recipe.outline.copy()
        entry.update(body)
        for name in recipe.named:
            entry[name] = parents[name]
        return entry, recipe.made

    def filled(self, store: EntryStore, draft: Draft) -> Entry:
        """The next entry of a draft: with an id and moments of its own."""
        entry = draft[0].copy()
        for name, schema in draft[1]:
            if name != store.resource.id_field:
                entry[name] = self.now()
            elif store.id_pattern == _NUMBERED:
                entry[name] = store.counter
            else:
                entry[name] = self._new_id(store, schema)
        return entry

    def _recipe(
        self, store: EntryStore, body: Mapping[str, JsonValue], parents: Mapping[str, JsonValue]
    ) -> _Recipe:
        changing = {store.resource.id_field, *store.stamped, *parents} - body.keys()
        properties = store.shape.properties
        outline: Entry = {}
        for name, schema in properties.items():
            known = name in body or name in changing
            value = None if known else self._filling(store, name, schema)
            if value is not _NOTHING:
                outline[name] = value
        for name in body:  # also those that the schema does not name, in their own order
            outline.setdefault(name)
        own = {store.resource.id_field, *store.stamped}
        made = tuple((n, properties[n]) for n in properties if n in changing and n in own)
        named = tuple(n for n in properties if n in changing and n not in own)
        return _Recipe(outline, made, named)

    def _filling(self, store: EntryStore, name: str, schema: Schema) -> JsonValue:
        """A property nobody gave: its default, null, or a sample if it has to be there."""
        for source in (store.creation.properties.get(name), schema):
            value = plain(self._document, source)
            if isinstance(value, Mapping) and "default" in value:
                return value["default"]
        if is_nullable(schema):
            return None
        if name in store.shape.required:
            return sample(self._document, schema, name=name)
        return _NOTHING

    def _new_id(self, store: EntryStore, schema: Schema) -> JsonValue:
        if store.id_pattern is None:
            store.id_pattern = self._id_pattern(store, schema)
        if store.id_pattern == _NUMBERED:
            return store.counter
        if store.id_pattern == _UUID:
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{store.resource.name}/{store.counter}"))
        return f"{store.id_pattern}-{store.counter}".removeprefix("-")

    def _id_pattern(self, store: EntryStore, schema: Schema) -> str:
        value = plain(self._document, schema)
        kinds = kinds_of(value)
        if "integer" in kinds or "number" in kinds:
            return _NUMBERED
        if isinstance(value, Mapping) and value.get("format") == "uuid":
            return _UUID
        made = str(sample(self._document, schema, name=store.resource.name))
        return made if len(made) < 20 else ""

    def now(self) -> str:
        self._clock += 1
        return (_EPOCH + timedelta(seconds=self._clock)).isoformat().replace("+00:00", "Z")


def store_of(document: OpenApiDocument, resource: Resource) -> EntryStore:
    shape = object_shape(document, resource.item_schema) or _EMPTY
    creation = object_shape(document, resource.create_schema) or _EMPTY
    change = object_shape(document, resource.update_schema) or _EMPTY
    properties = {**shape.properties, **change.properties, **creation.properties}
    meant = {name: plain(document, schema) for name, schema in properties.items()}
    before, marked_id, behind = (resource.item_path or "").partition(f"{{{resource.id_parameter}}}")
    return EntryStore(
        resource=resource,
        place=(before, behind) if marked_id else None,
        shape=shape,
        creation=creation,
        unique=tuple(n for n, s in meant.items() if marked(s, "x-unique") is True),
        references={
            name: target
            for name, schema in meant.items()
            if isinstance(target := marked(schema, "x-references"), str)
        },
        stamped=stamped(shape, STAMPS + CHANGES),
        reader=ListingReader(document, resource, shape),
    )


def marked(schema: Schema, name: str) -> Any:
    """The value of an extension of ours, None where the schema has it not."""
    return schema.get(name) if isinstance(schema, Mapping) else None


def stamped(shape: ObjectShape, names: tuple[str, ...]) -> tuple[str, ...]:
    """Date-time properties the server sets."""
    return tuple(
        name
        for name, schema in shape.properties.items()
        if snake(name) in names
        and isinstance(schema, Mapping)
        and schema.get("format") == "date-time"
    )


def is_nullable(schema: Schema) -> bool:
    """Whether the schema itself, not what it refers to, says so."""
    if not isinstance(schema, Mapping):
        return False
    named = schema.get("type")
    if isinstance(named, list):
        return "null" in named
    options = schema.get("anyOf")
    return isinstance(options, list) and {"type": "null"} in options
