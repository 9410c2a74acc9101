"""One document out of several files: what lies beside a document is taken into it.

Files are read only below one folder, and nothing is ever fetched. What is taken in stands under
`x-maestro-files`, so that the whole is one value that can be stored, hashed and compared.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from maestro.contracts.openapi.parsing import MAX_BYTES, parse
from maestro.contracts.openapi.pointers import join
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

FILES_KEY = "x-maestro-files"
MAX_FILES = 100
_DATA = frozenset({"const", "default", "enum", "example", "examples"})
"""Below these keys stand values, in which `$ref` is a member like any other."""
_NAMED = frozenset({"$defs", "definitions", "patternProperties", "properties"})


def read_files(path: Path, *, within: Path | None = None) -> JsonObject:
    """The document at `path` with every file it refers to taken into it.

    Args:
        path: a JSON or YAML file.
        within: the folder that references must not leave; by default the document's own.

    Raises:
        InvalidInput: a file cannot be read, or a reference leads out of the folder; names the
            place. References to the network stay as they are and are refused where they are used.
    """
    return _Collection(path, within or path.parent).whole()


class _Collection:
    def __init__(self, path: Path, folder: Path) -> None:
        self._folder = folder.resolve()
        self._main = self._inside(path, path.name)
        self._taken: dict[Path, JsonObject] = {}
        self._waiting: list[Path] = []

    def whole(self) -> JsonObject:
        made = dict(self._read(self._main))
        while self._waiting:
            path = self._waiting.pop()
            if path not in self._taken:
                if len(self._taken) >= MAX_FILES:
                    raise InvalidInput(
                        f"{self._main.name}: refers to more than {MAX_FILES} other files"
                    )
                self._taken[path] = {}  # a file that refers to itself is read once
                self._taken[path] = self._read(path)
        if self._taken:
            made[FILES_KEY] = {self._key(path): value for path, value in self._taken.items()}
        return made

    def _read(self, path: Path) -> JsonObject:
        name = self._key(path)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InvalidInput(f"{name}: is larger than {MAX_BYTES} bytes")
            value = parse(path.read_bytes(), name=name)
        except OSError as error:
            raise InvalidInput(f"{name}: cannot be read ({error.strerror})") from None
        moved: JsonObject = rewritten(value, lambda ref, where: self._moved(ref, path, where))
        return moved

    def _moved(self, reference: str, source: Path, where: str) -> str:
        """The reference as it is in the one document that comes of all."""
        file, _, pointer = reference.partition("#")
        target = source
        if file:
            place = f"{self._key(source)}{where}"
            if ":" in file.partition("/")[0] or file.startswith("//"):
                return reference  # nothing is fetched; it spoils what it stands in, no more
            target = self._inside(source.parent / unquote(file), place)
        if target == self._main:
            return f"#{pointer}"
        if target != source:
            self._waiting.append(target)
        return f"#{join('', FILES_KEY, self._key(target))}{pointer}"

    def _inside(self, path: Path, place: str) -> Path:
        try:
            found = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise InvalidInput(f"{place}: the file {str(path)!r} does not exist") from None
        if not found.is_relative_to(self._folder):
            raise InvalidInput(
                f"{place}: the file {str(path)!r} lies outside of {str(self._folder)!r}; only "
                "files below the document's folder are read"
            )
        if not found.is_file():
            raise InvalidInput(f"{place}: {str(path)!r} is not a file")
        return found

    def _key(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def rewritten(value: Any, change: Callable[[str, str], str], where: str = "") -> Any:
    """`value` with every reference changed; `change` gets the reference and its pointer."""
    if isinstance(value, list):
        return [rewritten(entry, change, join(where, n)) for n, entry in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    made: dict[str, Any] = {}
    for key, entry in value.items():
        place = join(where, key)
        if key == "$ref" and isinstance(entry, str):
            made[key] = change(entry, where)
        elif key in _DATA:
            made[key] = entry
        elif key in _NAMED and isinstance(entry, Mapping):
            named = entry.items()
            made[key] = {name: rewritten(one, change, join(place, name)) for name, one in named}
        else:
            made[key] = rewritten(entry, change, place)
    return made
