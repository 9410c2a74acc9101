"""From a file, or its text, to a workflow that can run."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from maestro.domain.workflow import Workflow
from maestro.errors import InvalidInput
from maestro.workflow.definition.blocks import BlockReader, Included
from maestro.workflow.definition.inputs import InputDeclaration
from maestro.workflow.definition.lowering import lower
from maestro.workflow.definition.schema import check_structure
from maestro.workflow.definition.source import MAX_BYTES, FilePlace, Source, read_source

FORMAT_OF = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}
MAX_INCLUDES = 16
"""Files inside files inside files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDefinition:
    """A workflow file, read, checked and lowered."""

    workflow: Workflow
    description: str = ""
    version: str = ""
    inputs: Mapping[str, InputDeclaration]
    folder: Path | None = None
    """Where the file lies and its commands start; None for a text."""


def load_workflow(path: Path | str, *, actions: Collection[str] | None = None) -> Workflow:
    """The workflow of a YAML or JSON file; see `load_definition`."""
    return load_definition(path, actions=actions).workflow


def parse_workflow(
    text: str | bytes,
    *,
    name: str = "workflow",
    format: str = "yaml",  # noqa: A002
    actions: Collection[str] | None = None,
) -> Workflow:
    """The workflow of a text; see `parse_definition`."""
    return parse_definition(text, name=name, format=format, actions=actions).workflow


def load_definition(
    path: Path | str, *, actions: Collection[str] | None = None
) -> WorkflowDefinition:
    """The definition in a `.yaml`, `.yml` or `.json` file.

    Args:
        actions: the registered ones; without them an unknown action is found when a run starts.

    Raises:
        InvalidInput: names the file, the place and the rule.
    """
    file = Path(path)
    shown = str(path)
    source = _read(file, shown)
    folder = file.resolve().parent
    chain = (file.resolve(),)
    return _definition(source, actions, _Folder(folder, folder, chain, {}), folder)


def parse_definition(
    text: str | bytes,
    *,
    name: str = "workflow",
    format: str = "yaml",  # noqa: A002
    actions: Collection[str] | None = None,
) -> WorkflowDefinition:
    """The definition in a text, which cannot include files.

    Raises:
        InvalidInput: names the place and the rule.
    """
    source = read_source(text, name=name, format=format)
    check_structure(source)
    return _definition(source, actions, None, None)


def _definition(
    source: Source,
    actions: Collection[str] | None,
    files: "_Folder | None",
    folder: Path | None,
) -> WorkflowDefinition:
    reader = BlockReader(actions)
    include = files.include if files is not None else _no_files
    value = source.value
    block = reader.workflow(Included(value=value, place=source.place, folder=".", include=include))
    return WorkflowDefinition(
        workflow=lower(block, value["name"], reader.limits),
        description=value.get("description", ""),
        version=value.get("version", ""),
        inputs=block.inputs,
        folder=folder,
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """Reads the files that a file may include: those in its own folder or below."""

    root: Path
    """Folder of the workflow itself."""
    folder: Path
    chain: tuple[Path, ...]
    """The file and all that include it, outermost first."""
    known: dict[Path, Source]

    def include(self, name: str, place: FilePlace) -> Included:
        path = self._contained(name, place)
        if path in self.chain:
            circle = (*self.chain[self.chain.index(path) :], path)
            raise place.refused(
                "files include each other in a circle: " + " -> ".join(map(self._shown, circle))
            )
        if len(self.chain) > MAX_INCLUDES:
            raise place.refused(f"files inside files, more than {MAX_INCLUDES} deep")
        if path not in self.known:
            try:
                self.known[path] = _read(path, self._shown(path))
            except InvalidInput as error:
                raise InvalidInput(f"{error} (included by {place})") from None
        source = self.known[path]
        inner = _Folder(self.root, path.parent, (*self.chain, path), self.known)
        return Included(
            value=source.value,
            place=source.place,
            folder=path.parent.relative_to(self.root).as_posix(),
            include=inner.include,
        )

    def _contained(self, name: str, place: FilePlace) -> Path:
        if "\\" in name or Path(name).is_absolute():
            raise place.refused(f"{name!r}: write a path relative to this file, with '/'")
        try:
            path = (self.folder / name).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise place.refused(f"{name!r} is not a path: {error}") from None
        if not path.is_relative_to(self.folder):
            raise place.refused(f"{name!r} lies outside the folder of this file; move it inside")
        return path

    def _shown(self, path: Path) -> str:
        return os.path.relpath(path, self.root)


def _no_files(name: str, place: FilePlace) -> Included:
    raise place.refused(
        f"{name!r}: a workflow that is not in a file cannot include files; write the steps here"
    )


def _read(path: Path, shown: str) -> Source:
    format_ = FORMAT_OF.get(path.suffix.lower())
    if format_ is None:
        raise InvalidInput(f"{shown!r}: name it .yaml, .yml or .json, so that its format is known")
    try:
        if not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            raise InvalidInput(f"workflow file {shown!r} {problem}")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"workflow file {shown!r} cannot be read: {error}") from None
    if len(content) > MAX_BYTES:
        raise InvalidInput(f"workflow file {shown!r} has more than {MAX_BYTES} bytes; split it")
    source = read_source(content, name=shown, format=format_)
    check_structure(source)
    return source
