"""What consumers stored in a mock, for the resources that the contract lets us recognise."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from maestro.contracts.mocks.creating import MAX_ENTRIES, Creation, in_path
from maestro.contracts.mocks.entries import (
    CHANGES,
    STAMPS,
    Entry,
    EntryMaker,
    EntryStore,
    stamped,
    store_of,
)
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.validation import ReadRequest
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.resources import Resource, ResourceAction
from maestro.domain.values import JsonScalar, JsonValue

_LAST_NUMBER = 2**31 - 1
"""Numbers we give as ids stay below it, whatever ids consumers choose."""


@dataclass(slots=True)
class StateOutcome:
    action: ResourceAction
    value: JsonValue = None
    """What the reply should say, None where it says nothing."""
    location: str = ""
    """Path of a created entry, without the base path."""


class MockState:
    """Create, read, list, change and delete, as the contract's own conventions say."""

    def __init__(
        self,
        document: OpenApiDocument,
        found: Sequence[Resource],
        started: Collection[str] = (),
    ) -> None:
        """`started` are resources that begin with entries, even where nothing creates any."""
        self._maker = EntryMaker(document)
        self.version = 0
        """Grows with every change."""
        self._stores = {
            resource.name: store_of(document, resource)
            for resource in found
            if resource.grows or resource.name in started  # nothing could ever be in the others
        }
        self._owners: dict[str, tuple[EntryStore, ResourceAction]] = {}
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
        if action is ResourceAction.CREATE:
            return self._created(self._creation(store, operation, request))
        parents = _parents(store.resource, request)
        if action is ResourceAction.UPSERT:
            return self._upsert(store, store.groups.setdefault(parents, {}), operation, request)
        group = store.groups.get(parents, {})
        if action in (ResourceAction.LIST, ResourceAction.FIND):
            value = store.reader.read(operation, list(group.values()), request.query)
            return StateOutcome(action, value)
        return self._one(store, group, action, request)

    def _one(
        self,
        store: EntryStore,
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
            return StateOutcome(action)
        if action is not ResourceAction.GET:
            self._change(store, group, key, request.body, whole=action is ResourceAction.REPLACE)
        return StateOutcome(action, group[key])

    def creation(self, key: str, operation: Operation, request: ReadRequest) -> Creation | None:
        """What a request creates each time it comes, None for one that does something else."""
        owner = self._owners.get(key)
        if owner is None or owner[1] is not ResourceAction.CREATE:
            return None
        return self._creation(owner[0], operation, request)

    def _creation(self, store: EntryStore, operation: Operation, request: ReadRequest) -> Creation:
        return Creation(
            self._maker,
            store,
            store.groups.setdefault(_parents(store.resource, request), {}),
            request.body if isinstance(request.body, dict) else {},
            request.arguments,
            is_exclusive="409" in operation.responses,
        )

    def create(self, creation: Creation) -> tuple[str, Entry]:
        """Carries it out; the entry after its key.

        Raises:
            Refused: 409 where the state forbids it, 507 when full.
        """
        store = creation.store
        if store.references or store.unique:
            self._check(store, creation.body, None)
        key, entry = creation.entry()
        self._put(store, creation.group, key, entry)
        return key, entry

    def _created(self, creation: Creation) -> StateOutcome:
        key, entry = self.create(creation)
        location = in_path(key).join(creation.place) if creation.place is not None else ""
        return StateOutcome(ResourceAction.CREATE, entry, location)

    def start(
        self,
        resource: Resource,
        body: Mapping[str, JsonValue],
        parents: Mapping[str, JsonValue],
    ) -> Entry:
        """Puts in an entry that is there from the beginning; where it leads is not looked at.

        Raises:
            Refused: its id or a unique value is taken, or the store is full.
        """
        store = self._stores[resource.name]
        group = store.groups.setdefault(tuple(str(parents[n]) for n in resource.parents), {})
        if store.size >= MAX_ENTRIES:
            raise Refused(507, f"more than {MAX_ENTRIES} entries")
        key, entry = Creation(self._maker, store, group, body, parents, is_exclusive=False).entry()
        if key in group:
            raise Refused(409, f"{resource.id_field} {key!r} is taken already")
        self._refuse_taken(store, entry, None)
        self._put(store, group, key, entry)
        return entry

    def check(self, resource: Resource, entry: Entry) -> None:
        """Raises Refused where the entry refers to one that is not there."""
        self._check(self._stores[resource.name], entry, entry)

    def _upsert(
        self, store: EntryStore, group: dict[str, Entry], operation: Operation, request: ReadRequest
    ) -> StateOutcome:
        body = request.body if isinstance(request.body, dict) else {}
        key = str(body.get(store.resource.id_field or ""))
        if key in group:
            self._change(store, group, key, body, whole=True)
            return StateOutcome(ResourceAction.UPSERT, group[key])
        if "404" in operation.responses:
            raise Refused(404, f"there is no entry {key!r}", keeps_contract=True)
        _, entry = self.create(self._creation(store, operation, request))
        return StateOutcome(ResourceAction.UPSERT, entry)

    def _change(
        self, store: EntryStore, group: dict[str, Entry], key: str, body: JsonValue, *, whole: bool
    ) -> None:
        changes = body if isinstance(body, dict) else {}
        entry = group[key]
        self._check(store, changes, entry)
        kept = entry
        if whole:
            fixed = (store.resource.id_field, *stamped(store.shape, STAMPS))
            kept = {name: value for name, value in entry.items() if name in fixed}
            defaults = self._maker.complete(store, changes)
            kept = {**defaults, **kept}
        identity = {store.resource.id_field} - {None}
        updated = {**kept, **{n: v for n, v in changes.items() if n not in identity}}
        for name in stamped(store.shape, CHANGES):
            updated[name] = self._maker.now()
        self._put(store, group, key, updated)

    def _put(
        self, store: EntryStore, group: dict[str, Entry], key: str, entry: Entry | None
    ) -> None:
        """The only place where what is stored changes; None takes an entry away."""
        self.version += 1
        before = group.pop(key, None) if entry is None else group.get(key)
        if entry is not None:
            group[key] = entry
            number = entry.get(store.resource.id_field or "")
            if isinstance(number, int) and store.counter < number < _LAST_NUMBER:
                store.counter = number
        store.size += (entry is not None) - (before is not None)
        if store.unique:
            self._index(store, before, entry)

    def _index(self, store: EntryStore, before: Entry | None, entry: Entry | None) -> None:
        for name in store.unique:
            index = store.taken.setdefault(name, {})
            old = _indexed(before, name)
            if old is not None and index.get(old) is before:
                del index[old]
            fresh = _indexed(entry, name)
            if fresh is not None and entry is not None:
                index[fresh] = entry

    def _check(self, store: EntryStore, body: Mapping[str, JsonValue], own: Entry | None) -> None:
        """References lead somewhere and unique values are free."""
        for name, target in store.references.items():
            value = body.get(name)
            other = self._stores.get(target)
            if value is not None and other is not None and not _holds(other, value):
                raise Refused(409, f"{name} {value!r} leads to no {target}", keeps_contract=True)
        self._refuse_taken(store, body, own)

    def _refuse_taken(
        self, store: EntryStore, body: Mapping[str, JsonValue], own: Entry | None
    ) -> None:
        for name in store.unique:
            value = body.get(name)
            holder = store.taken.get(name, {}).get(_indexed(body, name))
            if value is not None and holder is not None and holder is not own:
                raise Refused(409, f"{name} {value!r} is taken already", keeps_contract=True)

    def _refuse_while_used(self, store: EntryStore, entry: Entry) -> None:
        value = entry.get(store.resource.id_field or "")
        for other in self._stores.values():
            names = [n for n, target in other.references.items() if target == store.resource.name]
            if any(e.get(name) == value for name in names for e in _everything(other)):
                words = other.resource.name.replace("_", " ")
                raise Refused(409, f"a {words} still refers to it", keeps_contract=True)


def _parents(resource: Resource, request: ReadRequest) -> tuple[str, ...]:
    if not resource.parents:
        return ()
    return tuple(str(request.arguments.get(name)) for name in resource.parents)


def _everything(store: EntryStore) -> Iterable[Entry]:
    return [entry for group in store.groups.values() for entry in group.values()]


def _holds(store: EntryStore, value: JsonValue) -> bool:
    name = store.resource.id_field or ""
    found = (group.get(str(value)) for group in store.groups.values())
    return any(entry is not None and entry.get(name) == value for entry in found)


def _indexed(entry: Mapping[str, JsonValue] | None, name: str) -> JsonScalar:
    """A property's value as something to look up; lists and objects by their text."""
    value = entry.get(name) if entry is not None else None
    return repr(value) if isinstance(value, dict | list) else value
