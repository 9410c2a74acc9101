"""The objects one consumer of a GraphQL mock sees: seeded, created, changed, deleted."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.sdl.mutations import Effect
from maestro.contracts.sdl.roles import EntityType, SchemaRoles
from maestro.contracts.sdl.scalars import moment, sample_of, scalar_kind
from maestro.contracts.sdl.words import words

SEEDED = 10
"""Objects of each type that are there from the beginning."""
MAX_STORED = 1000
"""Of one type; a consumer that creates more is told so."""

_MISSING = {"", "0", "-1", "missing", "notfound", "unknown", "nonexistent", "doesnotexist",
    "00000000-0000-0000-0000-000000000000"}  # fmt: skip
"""Keys that never exist, so that a consumer can try what happens then."""


class Thing:
    """One object: what was given to it, and what has been sampled for it so far."""

    __slots__ = ("is_seeded", "key", "number", "type_name", "values")

    def __init__(
        self,
        type_name: str,
        key: str = "",
        number: int = 0,
        values: Mapping[str, Any] | None = None,
        *,
        is_seeded: bool = True,
    ) -> None:
        self.type_name = type_name
        self.key = key
        self.number = number
        """Samples are drawn by it: different numbers, different values."""
        self.values: dict[str, Any] = dict(values) if values else {}
        self.is_seeded = is_seeded


@dataclass(slots=True)
class _Store:
    entity: EntityType
    entries: dict[str, Thing] = field(default_factory=dict)
    gone: dict[str, Thing] = field(default_factory=dict)
    counter: int = SEEDED


Listener = Callable[[Effect, Thing], None]


class Memory:
    """Everything that requests can change; the schema it belongs to never changes."""

    def __init__(self, roles: SchemaRoles, behaviour: MockBehaviour) -> None:
        self.roles = roles
        self.behaviour = behaviour
        self.version = 0
        """Grows with every change: what was answered before may be wrong after."""
        self.draws = 0
        """Values drawn so far, where every reply is to be another one."""
        self.start: Mapping[str, Sequence[Mapping[str, Any]]] = {}
        """What is there from the beginning instead of samples, by type."""
        self._stores: dict[str, _Store] = {}
        self._listeners: list[Listener] = []
        self._clock = 0

    def reset(self) -> None:
        self._stores.clear()
        self._clock = 0
        self.version += 1

    def now(self) -> str:
        self._clock += 1
        return moment(self._clock)

    def entries(self, type_name: str) -> list[Thing]:
        """What is there, oldest first; of an abstract type, from all its object types in turn."""
        possible = self.roles.possible(type_name)
        if len(possible) == 1:
            store = self._store(possible[0])
            return list(store.entries.values()) if store else []
        columns = [self.entries(name) for name in possible]
        longest = max((len(column) for column in columns), default=0)
        return [column[row] for row in range(longest) for column in columns if row < len(column)]

    def find(self, type_name: str, key: Any) -> Thing | None:
        """The object with a key. One that was never mentioned before is made up on the spot;
        deleted ones and keys like `missing` or `0` are not there.
        """
        text = str(key)
        possible = self.roles.possible(type_name)
        for name in possible:
            store = self._store(name)
            if store is not None and text in store.entries:
                return store.entries[text]
        if self.is_missing(type_name, text):
            return None
        chosen = self._meant(possible, text)
        if chosen is None or chosen.entity.name in self.start:
            return None
        entry = Thing(chosen.entity.name, text, self._number(chosen.entity.name, text))
        if chosen.entity.key:
            entry.values[chosen.entity.key] = _typed(chosen.entity, text)
        return entry

    def is_missing(self, type_name: str, key: str) -> bool:
        if key.lower() in _MISSING or ("".join(words(key)) or key) in _MISSING:
            return True
        stores = [self._store(name) for name in self.roles.possible(type_name)]
        return any(key in store.gone for store in stores if store is not None)

    def departed(self, type_name: str, key: Any) -> Thing | None:
        """A deleted object, for what still refers to it and has to refer to something."""
        stores = [self._store(name) for name in self.roles.possible(type_name)]
        found = (store.gone.get(str(key)) for store in stores if store is not None)
        return next((entry for entry in found if entry is not None), None)

    def create(self, type_name: str, values: Mapping[str, Any], key: Any = None) -> Thing:
        """Raises GraphQLError when the key is taken or nothing more fits."""
        store = self._known(type_name)
        if len(store.entries) >= MAX_STORED:
            raise refused(f"the mock keeps {MAX_STORED} objects of {type_name}", "LIMIT_REACHED")
        if key is not None and str(key) in store.entries:
            raise refused(f"{type_name} {str(key)!r} exists already", "CONFLICT")
        number = store.counter
        made = _key(self.roles, store.entity, number) if key is None else key
        while key is None and str(made) in store.entries:
            number += 1
            made = _key(self.roles, store.entity, number)
        if self.behaviour.stateful:
            store.counter = number + 1
        offset = self.behaviour.seed
        entry = Thing(type_name, str(made), number + offset, values, is_seeded=False)
        if store.entity.key:
            entry.values[store.entity.key] = made
        if self.behaviour.stateful:
            store.entries[entry.key] = entry
            store.gone.pop(entry.key, None)
            self._changed(Effect.CREATE, entry)
        return entry

    def update(self, entry: Thing, values: Mapping[str, Any]) -> Thing:
        """Also keeps an object that had only been made up."""
        if not self.behaviour.stateful:
            copy = Thing(entry.type_name, entry.key, entry.number, entry.values)
            copy.values.update(values)
            return copy
        store = self._known(entry.type_name)
        entry.values.update(values)
        store.entries.setdefault(entry.key, entry)
        self._changed(Effect.UPDATE, entry)
        return entry

    def delete(self, entry: Thing) -> None:
        if not self.behaviour.stateful:
            return
        store = self._known(entry.type_name)
        store.entries.pop(entry.key, None)
        store.gone[entry.key] = entry
        self._changed(Effect.DELETE, entry)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tells about every change from now on, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _changed(self, effect: Effect, entry: Thing) -> None:
        self.version += 1
        for listener in tuple(self._listeners):
            listener(effect, entry)

    def _known(self, type_name: str) -> _Store:
        store = self._store(type_name)
        if store is None:
            raise refused(f"{type_name} is not stored", "INTERNAL_SERVER_ERROR")
        return store

    def _store(self, type_name: str) -> _Store | None:
        store = self._stores.get(type_name)
        if store is None:
            entity = self.roles.entities.get(type_name)
            if entity is None:
                return None
            store = self._stores[type_name] = _Store(entity)
            for entry in self._seeds(entity):
                store.entries[entry.key] = entry
            store.counter = len(store.entries)
        return store

    def _seeds(self, entity: EntityType) -> Iterator[Thing]:
        if entity.name in self.start:
            for number, given in enumerate(self.start[entity.name]):
                key = given.get(entity.key, _key(self.roles, entity, number))
                values = {entity.key: key, **given} if entity.key else given
                yield Thing(entity.name, str(key), number, values)
            return
        for number in range(SEEDED):
            key = _key(self.roles, entity, number)
            values = {entity.key: key} if entity.key else {}
            yield Thing(entity.name, str(key), number + self.behaviour.seed, values)

    def _number(self, type_name: str, key: str) -> int:
        plain = int(key) - 1 if key.isdecimal() and len(key) < 7 else zlib.crc32(key.encode())
        return abs(plain) % 100_000 + self.behaviour.seed

    def _meant(self, possible: Sequence[str], key: str) -> _Store | None:
        """Of several types, the one whose name the key begins with."""
        named = [n for n in possible if key.lower().startswith("-".join(words(n)))]
        for name in (*sorted(named, key=len, reverse=True), *possible):
            store = self._store(name)
            if store is not None:
                return store
        return None


def refused(message: str, code: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})


def _key(roles: SchemaRoles, entity: EntityType, number: int) -> Any:
    """Of the `number`th object; unique over all types where one field finds every object."""
    if entity.key_type == "Int":
        return 1 + number
    if not entity.key:
        return number
    scalar: Any = roles.schema.type_map.get(entity.key_type)
    kind = scalar_kind(scalar) if entity.key_type not in ("ID", "String") else ""
    plain = entity.key.lower()
    if plain in ("uuid", "guid") or kind == "uuid":
        return sample_of("uuid", zlib.crc32(entity.name.encode()) + number)
    if kind in ("integer", "positive"):
        return 1 + number
    if kind and kind != "text":
        return sample_of(kind, number)
    if plain in ("code", "slug", "key", "sku", "name"):
        return f"{'-'.join(words(entity.name))}-{1 + number}"
    prefix = "-".join(words(entity.name)) + "-" if roles.has_node_field else ""
    return f"{prefix}{1 + number}"


def _typed(entity: EntityType, key: str) -> Any:
    is_number = entity.key_type not in ("ID", "String") and key.lstrip("-").isdecimal()
    return int(key) if is_number and len(key) < 20 else key
