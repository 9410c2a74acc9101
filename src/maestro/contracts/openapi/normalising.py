"""Parts of a document in the shape of OpenAPI 3.1, each made when it is first looked at."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.dialects import SchemaReader
from maestro.contracts.openapi.grammar import GRAMMAR
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.repairs import REPAIRS, path_name


class LazyObject(Mapping[str, Any]):
    """A JSON object whose members are made when they are first looked at."""

    raw: Mapping[str, Any]
    """The members as they were written."""

    def __init__(self, raw: Mapping[str, Any], make: Callable[[str, Any], Any]) -> None:
        self.raw = raw
        self._make = make
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._make(name, self.raw[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __repr__(self) -> str:
        return f"LazyObject({dict(self.raw)!r})"


class Normaliser:
    """Brings the objects of a document of 3.0 or later into one shape."""

    def __init__(self, notebook: Notebook, schemas: SchemaReader) -> None:
        self._notebook = notebook
        self._schemas = schemas

    def paths(self, paths: Mapping[str, Any], pointer: str) -> LazyObject:
        """Path items by their path, whose slips are put right at once."""
        named: dict[str, Any] = {}
        for name, item in paths.items():
            named.setdefault(path_name(name, pointer, self._notebook), item)
        return self.named(named, "path-item", pointer)

    def named(self, entries: Mapping[str, Any], kind: str, pointer: str) -> LazyObject:
        return LazyObject(entries, lambda name, entry: self.read(kind, entry, join(pointer, name)))

    def components(self, components: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        made = {k: v for k, v in components.items() if v is not None}
        for key, (_, kind) in GRAMMAR["components"].items():
            if isinstance(made.get(key), Mapping):
                made[key] = self.named(made[key], kind, join(pointer, key))
        return made

    def read(self, kind: str, value: Any, pointer: str) -> Any:
        """An object of a kind of the grammar; what has the wrong shape stays as it is."""
        if kind == "schema":
            return self._schemas.read(value, pointer)
        if not isinstance(value, Mapping):
            return value
        if "$ref" in value and kind != "path-item":
            return value
        if kind == "callback":
            return {
                name: self.read("path-item", item, join(pointer, name))
                for name, item in value.items()
            }
        made = dict(value)
        repair = REPAIRS.get(kind)
        if repair:
            repair(made, pointer, self._notebook)
        for key, (holding, inner) in GRAMMAR.get(kind, {}).items():
            if key in made:
                made[key] = self._held(holding, inner, made[key], join(pointer, key))
        return made

    def _held(self, holding: str, kind: str, value: Any, pointer: str) -> Any:
        if holding == "one":
            return self.read(kind, value, pointer)
        if holding == "list" and isinstance(value, list):
            return [self.read(kind, e, join(pointer, n)) for n, e in enumerate(value)]
        if holding == "map" and isinstance(value, Mapping):
            return {
                name: entry
                if name.startswith("x-") and kind == "response"
                else self.read(kind, entry, join(pointer, name))
                for name, entry in value.items()
            }
        return value
