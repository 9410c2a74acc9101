"""Documents spread over several files, gathered into one.

Only files below the folder of the document are read, never an address on a network; what is
elsewhere or missing stays a reference that leads outside, which spoils the operations that use it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from maestro.contracts.openapi.document import OpenApiDocument, document_of
from maestro.contracts.openapi.grammar import GRAMMAR
from maestro.contracts.openapi.notes import Notebook
from maestro.contracts.openapi.parsing import MAX_BYTES, parse
from maestro.contracts.openapi.pointers import join, lookup
from maestro.contracts.openapi.schemas import NAMED, ONE, SEVERAL
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

MAX_FILES = 5_000

_SECTIONS = {kind: section for section, (_, kind) in GRAMMAR["components"].items()}
_INLINE = ("path-item", "callback", "media-type")
_OLD_SECTIONS = {"schema": "definitions", "parameter": "parameters", "response": "responses"}


def load_file(path: Path, *, folder: Path | None = None) -> OpenApiDocument:
    """A document with whatever it refers to in files beside and below it.

    Args:
        path: the document.
        folder: what it may refer to, where that is not the document's own folder.

    Raises:
        InvalidInput: the file cannot be read, or is no OpenAPI document.
    """
    notebook = Notebook()
    return document_of(_gathered(path, notebook, folder), name=path.name, notebook=notebook)


def read_file(path: Path, *, folder: Path | None = None) -> JsonObject:
    """The source of a document as one self-contained object, to be a contract's specification.

    Raises:
        InvalidInput: the file cannot be read.
    """
    return _gathered(path, Notebook(), folder)


def _gathered(path: Path, notebook: Notebook, folder: Path | None) -> JsonObject:
    source = parse(_content(path, path.name), name=path.name)
    gatherer = _Gatherer(path.resolve(), source, notebook, (folder or path.parent).resolve())
    try:
        return gatherer.whole()
    except RecursionError:
        raise InvalidInput(f"{path.name}: is nested too deep to be gathered") from None


def _content(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{name}: is larger than {MAX_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{name}: cannot be read: {error.strerror}") from None


class _Gatherer:
    def __init__(self, path: Path, source: JsonObject, notebook: Notebook, folder: Path) -> None:
        self._main = path
        self._folder = folder
        self._source = source
        self._notebook = notebook
        self._sections = _OLD_SECTIONS if "swagger" in source else _SECTIONS
        self._files: dict[Path, JsonObject] = {path: source}
        self._bytes = 0
        self._homes: dict[tuple[Path, str, str], str] = {}
        self._gathered: dict[str, dict[str, Any]] = {}
        self._open: set[tuple[Path, str]] = set()

    def whole(self) -> JsonObject:
        made = self._read("document", self._source, self._main, "")
        if len(self._files) == 1:
            return self._source
        if "swagger" in self._source:
            holder = made
        else:
            components = made.get("components")
            holder = dict(components) if isinstance(components, Mapping) else {}
            made["components"] = holder
        for section, entries in self._gathered.items():
            own = holder.get(section)
            holder[section] = {**(own if isinstance(own, Mapping) else {}), **entries}
        return dict(made)

    def _read(self, kind: str, value: Any, file: Path, pointer: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        made = dict(value)
        if isinstance(value.get("$ref"), str):
            made = self._referring(kind, made, file, pointer)
        for key, holding, inner in _members(kind, made):
            made[key] = self._held(holding, inner, made[key], file, join(pointer, key))
        return made

    def _held(self, holding: str, kind: str, value: Any, file: Path, pointer: str) -> Any:
        if holding == "one":
            return self._read(kind, value, file, pointer)
        if holding == "list" and isinstance(value, list):
            return [self._read(kind, e, file, join(pointer, n)) for n, e in enumerate(value)]
        if holding == "map" and isinstance(value, Mapping):
            if isinstance(value.get("$ref"), str):
                return self._whole_map(kind, value, file, pointer)
            return {
                name: self._read(kind, entry, file, join(pointer, name))
                for name, entry in value.items()
            }
        return value

    def _referring(
        self, kind: str, made: dict[str, Any], file: Path, pointer: str
    ) -> dict[str, Any]:
        target, fragment = self._target(made["$ref"], file)
        if target is None or (target == self._main == file):
            return made
        if target == self._main:
            return {**made, "$ref": f"#{fragment}"}
        try:
            found = lookup(self._parsed(target), f"#{fragment}", where=pointer)
        except InvalidInput as error:
            self._notebook.add(pointer, "file-missing", str(error))
            return made
        if kind in _INLINE or kind not in self._sections:
            return self._inlined(kind, made, found, (target, fragment))
        return {**made, "$ref": self._home(kind, found, target, fragment)}

    def _whole_map(
        self, kind: str, value: Mapping[str, Any], file: Path, pointer: str
    ) -> Mapping[str, Any]:
        """Where named things stand, a text under `$ref` can only mean a map of more of them."""
        target, fragment = self._target(value["$ref"], file)
        if target is None or target == self._main:
            return value
        try:
            found = lookup(self._parsed(target), f"#{fragment}", where=pointer)
        except InvalidInput as error:
            self._notebook.add(pointer, "file-missing", str(error))
            return value
        if not isinstance(found, Mapping) or "$ref" in found:
            return value
        rest = {name: entry for name, entry in value.items() if name != "$ref"}
        more = self._held("map", kind, found, target, pointer)
        self._notebook.add(pointer, "map-reference", "$ref to a map is read as its entries")
        return {**more, **self._held("map", kind, rest, file, pointer)}

    def _inlined(
        self, kind: str, made: dict[str, Any], found: Any, place: tuple[Path, str]
    ) -> dict[str, Any]:
        if place in self._open or not isinstance(found, Mapping):
            return made
        self._open.add(place)
        inside = self._read(kind, found, place[0], "")
        self._open.discard(place)
        return {**inside, **{k: v for k, v in made.items() if k != "$ref"}}

    def _home(self, kind: str, found: Any, target: Path, fragment: str) -> str:
        """The reference to the component that the target becomes."""
        key = (target, fragment, kind)
        if key not in self._homes:
            section = self._sections[kind]
            last = unquote(fragment).rpartition("/")[2] or target.stem
            wanted = re.sub(r"[^A-Za-z0-9._-]+", "_", last) or kind
            old = "swagger" in self._source
            taken = self._taken(section, old)
            name = wanted
            number = 2
            while name in taken:
                name, number = f"{wanted}{number}", number + 1
            self._homes[key] = f"#/{section}/{name}" if old else f"#/components/{section}/{name}"
            entries = self._gathered.setdefault(section, {})
            entries[name] = None  # so that the name is taken while its inside is read
            entries[name] = self._read(kind, found, target, "")
        return self._homes[key]

    def _taken(self, section: str, old: bool) -> set[str]:
        holder = self._source if old else self._source.get("components")
        own = holder.get(section) if isinstance(holder, Mapping) else None
        return {*(own if isinstance(own, Mapping) else ()), *self._gathered.get(section, ())}

    def _target(self, reference: str, file: Path) -> tuple[Path | None, str]:
        """File and fragment; no file for what is not to be read."""
        location, _, fragment = reference.partition("#")
        if not location:
            return file, fragment
        if "://" in location or location.startswith(("/", "\\")) or "\x00" in location:
            return None, fragment
        try:
            found = (file.parent / unquote(location)).resolve()
        except (OSError, ValueError):
            return None, fragment
        return (found if found.is_relative_to(self._folder) else None), fragment

    def _parsed(self, path: Path) -> JsonObject:
        if path not in self._files:
            name = path.relative_to(self._folder).as_posix()
            if len(self._files) > MAX_FILES:
                raise InvalidInput(f"{name}: more than {MAX_FILES} files are not read")
            content = _content(path, name)
            self._bytes += len(content)
            if self._bytes > MAX_BYTES:
                raise InvalidInput(
                    f"{name}: together with it there are more than {MAX_BYTES} bytes"
                )
            self._files[path] = parse(content, name=name)
        return self._files[path]


def _members(kind: str, value: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Member, how it holds them, and the kind of what it holds."""
    if kind == "callback":
        return [(name, "one", "path-item") for name in value if name != "$ref"]
    if kind == "schema":
        found = [(key, "one", "schema") for key in ONE]
        found += [(key, "list", "schema") for key in (*SEVERAL, "items")]
        found += [(key, "map", "schema") for key in NAMED]
        return [m for m in found if m[0] in value and not _mismatch(m, value)]
    members = [(key, *held) for key, held in GRAMMAR.get(kind, {}).items() if key in value]
    return [(key, holding, inner) for key, holding, inner in members]


def _mismatch(member: tuple[str, str, str], value: Mapping[str, Any]) -> bool:
    """`items` stands in two lists: as one schema, and as several."""
    return member[0] == "items" and (member[1] == "list") != isinstance(value["items"], list)
