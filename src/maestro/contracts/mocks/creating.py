"""One creation of an entry, made ready to be carried out as often as it is asked for."""

from collections.abc import Collection, Mapping
from urllib.parse import quote

from maestro.contracts.mocks.entries import Entry, EntryMaker, EntryStore
from maestro.contracts.mocks.messages import Refused
from maestro.domain.values import JsonValue

MAX_ENTRIES = 100_000
"""Of one resource and one consumer; more are refused, never dropped."""


class Creation:
    """What a body and the parameters of a path create; what is the same each time is laid down
    once.
    """

    __slots__ = ("_draft", "_maker", "_name", "body", "group", "is_exclusive", "place", "store")

    def __init__(
        self,
        maker: EntryMaker,
        store: EntryStore,
        group: dict[str, Entry],
        body: Mapping[str, JsonValue],
        arguments: Mapping[str, JsonValue],
        *,
        is_exclusive: bool = True,
    ) -> None:
        """`is_exclusive` says that an id that is taken is refused rather than written over."""
        self.store = store
        self.group = group
        """Where the entry belongs."""
        self.body = body
        self.is_exclusive = is_exclusive
        self.place = _place(store, arguments)
        """What stands before and behind the id in the entry's path, without the base path; None
        for entries without a path of their own."""
        self._maker = maker
        self._name = store.resource.id_field or ""
        self._draft = maker.draft(store, body, arguments)

    @property
    def changing(self) -> Collection[str]:
        """Properties that are another in each entry."""
        return [name for name, _ in self._draft[1]]

    def entry(self) -> tuple[str, Entry]:
        """The next entry after its key; a key that we give is a free one.

        Raises:
            Refused: 507 there is no room, 409 the key is taken.
        """
        store, group = self.store, self.group
        if store.size >= MAX_ENTRIES:
            raise Refused(
                507,
                f"{MAX_ENTRIES} entries are stored already; reset the mock, or let it remember "
                "nothing (--stateless)",
            )
        while True:
            store.counter += 1
            entry = self._maker.filled(store, self._draft)
            key = str(entry.get(self._name, store.counter))
            if key not in group:
                return key, entry
            if self._name in self.body:
                break
        if self.is_exclusive:
            raise Refused(409, f"{key!r} exists already", keeps_contract=True)
        return key, entry


def in_path(key: str) -> str:
    """A key as it stands in a path."""
    return key if key.isalnum() and key.isascii() else quote(key, safe="")


def _place(store: EntryStore, arguments: Mapping[str, JsonValue]) -> tuple[str, str] | None:
    if store.place is None or not store.resource.parents:
        return store.place
    before, behind = store.place
    for name in store.resource.parents:
        value = quote(str(arguments.get(name)), safe="")
        before = before.replace(f"{{{name}}}", value)
        behind = behind.replace(f"{{{name}}}", value)
    return before, behind
