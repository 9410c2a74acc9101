"""Entries that a REST mock has from the beginning, held to the contract like any other."""

from collections.abc import Mapping, Sequence
from typing import Any

from maestro.contracts.mocks.compiling import ServedApi
from maestro.contracts.mocks.messages import Refused
from maestro.contracts.mocks.seeding import SeedEntries, entry_at
from maestro.contracts.mocks.state import MockState
from maestro.contracts.mocks.validation import validator_of, value_violations
from maestro.contracts.openapi.naming import snake
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.resources import Resource
from maestro.contracts.openapi.shapes import kinds_of, object_shape, plain
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput


class RestMemory:
    """What one consumer has stored; begins anew with each reset."""

    def __init__(self, api: ServedApi) -> None:
        self._api = api
        self._start: SeedEntries = {}
        self.is_used = api.behaviour.stateful
        """Otherwise every reply is a sample."""
        self.state: MockState | None = None
        """None until something asks for it."""

    @property
    def start(self) -> SeedEntries:
        """What it begins with."""
        return self._start

    def begun(self) -> MockState:
        """Raises InvalidInput where the contract cannot be used."""
        if self.state is None:
            self.state = started_state(self._api, self._start)
        return self.state

    def start_with(self, given: SeedEntries) -> None:
        self._start = given
        self.state = None

    def reset(self) -> None:
        self.state = None


def collections(api: ServedApi) -> dict[str, Resource]:
    """By every name under which entries can be given: path, last word of the path, resource."""
    found = api.resources()
    made = {resource.collection_path.rstrip("/"): resource for resource in found}
    words = [_last_word(resource) for resource in found]
    for resource, word in zip(found, words, strict=True):
        made.setdefault(resource.name, resource)
        if words.count(word) == 1:
            made.setdefault(word, resource)
    return made


def started_state(api: ServedApi, given: SeedEntries) -> MockState:
    """A memory as it is before the first request.

    Raises:
        InvalidInput: an entry does not fit its contract; names its place and the rule.
    """
    known = collections(api) if given else {}
    chosen = {name: _chosen(name, known) for name in given}
    names = frozenset(resource.name for resource, _ in chosen.values())
    state = MockState(api.document, api.resources(), names)
    placed = []
    for name, entries in given.items():
        resource, parents = chosen[name]
        validator = validator_of(api.document, resource.item_schema, name, marker="writeOnly")
        for place, value in enumerate(entries):
            pointer = join("", name, place)
            body = entry_at(pointer, value)
            named = {**_parents_in(resource, body), **_typed(api, resource, parents)}
            _all_parents(resource, named, pointer)
            entry = _started(state, resource, body, named, pointer)
            wrong = next(iter(value_violations(validator, entry, pointer)), None)
            if wrong is not None:
                raise InvalidInput(f"{wrong.pointer}: {wrong.detail}")
            placed.append((resource, entry, pointer))
    for resource, entry, pointer in placed:
        try:
            state.check(resource, entry)
        except Refused as refused:
            raise InvalidInput(f"{pointer}: {refused.detail} (x-references)") from None
    return state


def _started(
    state: MockState,
    resource: Resource,
    body: JsonObject,
    parents: Mapping[str, JsonValue],
    pointer: str,
) -> dict[str, JsonValue]:
    try:
        return state.start(resource, body, parents)
    except Refused as refused:
        raise InvalidInput(f"{pointer}: {refused.detail} (unique)") from None


def _last_word(resource: Resource) -> str:
    return resource.collection_path.rstrip("/").rpartition("/")[2]


def _chosen(name: str, known: Mapping[str, Resource]) -> tuple[Resource, dict[str, str]]:
    """The resource, and the values of the parameters where `name` is a path with values."""
    if name in known:
        return known[name], {}
    segments = name.rstrip("/").split("/")
    for path, resource in known.items():
        pattern = path.split("/")
        pairs = list(zip(pattern, segments, strict=False))
        parameters = {p[1:-1]: value for p, value in pairs if p.startswith("{") and p != value}
        fixed = all(p == value or p.startswith("{") for p, value in pairs)
        if fixed and path.startswith("/") and len(pattern) == len(segments):
            return resource, parameters
    paths = ", ".join(sorted(path for path in known if path.startswith("/"))) or "none"
    raise InvalidInput(f"/{name}: is no collection of the contract; it keeps entries of {paths}")


def _parents_in(resource: Resource, body: JsonObject) -> dict[str, JsonValue]:
    """Values of parent parameters that an entry has itself, in whatever spelling."""
    by_snake = {snake(name): value for name, value in body.items()}
    return {name: by_snake[snake(name)] for name in resource.parents if snake(name) in by_snake}


def _typed(api: ServedApi, resource: Resource, parents: Mapping[str, str]) -> dict[str, JsonValue]:
    """Values out of a path, as entries hold them."""
    shape = object_shape(api.document, resource.item_schema)
    properties: Mapping[str, Any] = shape.properties if shape else {}
    return {
        name: int(text)
        if text.isdecimal() and "integer" in kinds_of(plain(api.document, properties.get(name)))
        else text
        for name, text in parents.items()
    }


def _all_parents(resource: Resource, named: Mapping[str, JsonValue], pointer: str) -> None:
    missing: Sequence[str] = [name for name in resource.parents if name not in named]
    if missing:
        example = resource.collection_path.replace(f"{{{missing[0]}}}", "1")
        raise InvalidInput(
            f"{pointer}: does not say below which {missing[0]!r} it stands; give it that "
            f"property, or call the collection {example!r}"
        )
