"""Start data: entries that mocks have from the beginning, and again after each reset."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from maestro.contracts.openapi.parsing import parse
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

SeedEntries = Mapping[str, Sequence[JsonValue]]
"""By collection."""


@runtime_checkable
class SeedableSurface(Protocol):
    """A mock that keeps entries."""

    def collections(self) -> Sequence[str]:
        """What entries can be given for."""
        ...

    def check_start(self, given: SeedEntries) -> None:
        """Raises InvalidInput where an entry does not fit; names its place and the rule."""
        ...

    def start_with(self, given: SeedEntries) -> None:
        """Begins anew with these entries, which have been checked, now and after each reset."""
        ...


async def read_seed_data(path: Path) -> JsonObject:
    """Raises InvalidInput: no such file, or no mapping in YAML or JSON."""
    try:
        raw = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise InvalidInput(f"--seed-data {str(path)!r}: {error.strerror}") from None
    return parse(raw, name=f"--seed-data {str(path)!r}")


class SeedData:
    """The start data of one mock server."""

    def __init__(
        self, mocks: Callable[[], Mapping[str, Sequence[object]]], *, remembers: bool = True
    ) -> None:
        """`mocks` tells the mocks of each contract, one for every consumer."""
        self._mocks = mocks
        self._remembers = remembers
        self.document: JsonObject = {}

    def load(self, document: JsonObject) -> dict[str, int]:
        """How many entries each contract begins with from now on. All of it counts, or nothing.

        Raises:
            InvalidInput: no such contract or collection, an entry that does not fit, or a server
                that remembers nothing.
        """
        if document and not self._remembers:
            raise InvalidInput("entries to begin with need a mock that remembers (--stateless)")
        mocks = self._mocks()
        known = {contract: ones[0] for contract, ones in mocks.items()}
        given = by_contract(document, known)
        before = by_contract(self.document, known)
        for contract, entries in given.items():
            try:
                _seedable(contract, known).check_start(entries)
            except InvalidInput as error:
                raise InvalidInput(f"seed data of {contract}: {error}") from None
        for contract in {**before, **given}:
            for mock in _seedable_ones(mocks[contract]):
                mock.start_with(given.get(contract, {}))
        self.document = document
        return {contract: sum(map(len, found.values())) for contract, found in given.items()}


def by_contract(document: JsonObject, known: Mapping[str, object]) -> Mapping[str, SeedEntries]:
    """The entries of each contract.

    A list stands under its collection; a mapping holds the collections of the contract it stands
    under, which is needed only where several contracts have a collection of that name.

    Raises:
        InvalidInput: no contract, or several, have such a collection.
    """
    made: dict[str, dict[str, Sequence[JsonValue]]] = {}
    for name, value in document.items():
        if isinstance(value, Mapping):
            _seedable(name, known)
            made.setdefault(name, {}).update(
                {inner: _listed(f"/{name}/{inner}", one) for inner, one in value.items()}
            )
        else:
            owner = _owner(name, known)
            made.setdefault(owner, {})[name] = _listed(f"/{name}", value)
    return made


def entry_at(pointer: str, value: JsonValue) -> JsonObject:
    """Raises InvalidInput where an entry is no object."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{pointer}: an entry is an object, not {value!r:.80} (type)")
    return value


def _listed(pointer: str, value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, list):
        raise InvalidInput(f"{pointer}: a collection is a list of entries, not {value!r:.80}")
    return value


def _seedable(name: str, known: Mapping[str, object]) -> SeedableSurface:
    surface = known.get(name)
    if surface is None:
        raise InvalidInput(f"/{name}: is no contract here; there are {', '.join(known)}")
    if not isinstance(surface, SeedableSurface):
        raise InvalidInput(f"/{name}: a mock of this kind keeps no entries")
    return surface


def _seedable_ones(mocks: Iterable[object]) -> list[SeedableSurface]:
    return [mock for mock in mocks if isinstance(mock, SeedableSurface)]


def _owner(name: str, known: Mapping[str, object]) -> str:
    seedable = {c: s for c, s in known.items() if isinstance(s, SeedableSurface)}
    if len(seedable) == 1:
        return next(iter(seedable))
    owners = [c for c, surface in seedable.items() if name in surface.collections()]
    if len(owners) > 1:
        raise InvalidInput(
            f"/{name}: is kept by {' and by '.join(owners)}; put it under the one that is meant, "
            f"e.g. {{{owners[0]}: {{{name}: [...]}}}}"
        )
    if not owners:
        every = sorted(one for surface in seedable.values() for one in surface.collections())
        raise InvalidInput(
            f"/{name}: is no collection here; there are {', '.join(every) or 'none'}"
        )
    return owners[0]
