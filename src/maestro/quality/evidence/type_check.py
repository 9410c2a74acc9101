"""mypy --strict over the application's own Python; neither configuration nor comments of the tree
count. Scripts beside services are no part of the application.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from maestro.domain.values import JsonScalar
from maestro.quality.evidence import type_cache
from maestro.quality.evidence.programs import (
    FileExamination,
    Program,
    ProgramCollector,
    ToolFailed,
    is_python,
    module,
)
from maestro.quality.evidence.suppressions import TYPE_IGNORE, without_type_ignores
from maestro.quality.evidence.tooling import SourceFile

SECONDS = 240.0
_OPTIONS = (
    "--config-file=", "--strict", "--explicit-package-bases", "--output=json",
    "--no-error-summary", "--no-pretty", "--hide-error-context",
)  # fmt: skip
_NO_FAULT_OF_THE_CODE = frozenset({"import-untyped"})
"""A library that comes without types."""


def accepts(file: SourceFile) -> bool:
    return is_python(file) and file.is_application


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    """The services where there are any, else everything."""
    chosen = [file for file in examination.files if file.service != "."] or examination.files
    found: list[str] = []
    for root, files in sorted(_by_root(chosen).items()):
        found += await _check(examination, root, files)
    beside = len(examination.files) - len(chosen)
    if beside:
        found_beside = f"{beside} Python files beside the services were not looked at"
        examination.measurement.detail.append(found_beside)
    examination.measurement.files_examined = len(chosen)
    examination.measurement.detail[:0] = found
    return {"types.errors": len(found)}


async def _check(examination: FileExamination, root: str, files: Sequence[SourceFile]) -> list[str]:
    """The errors below one folder from which modules are imported."""
    silenced = [file for file in files if TYPE_IGNORE.search(file.text)]
    shadows = {f"{n}.py": without_type_ignores(file.text) for n, file in enumerate(silenced)}
    names = [PurePosixPath(file.path).relative_to(root).as_posix() for file in files]
    async with examination.folder(shadows) as place:
        cache = place / "cache"
        lent = await type_cache.lend(cache, _OPTIONS)
        if not lent:
            slow = "what is known of libraries could not be lent: they were all gone through"
            examination.measurement.detail.append(slow)
        argv = [*module("mypy"), *_OPTIONS]
        operands = [
            f"--cache-dir={cache if lent else os.devnull}", f"--timing-stats={place / 'modules'}",
            *_shadowing(silenced, root, place),
        ]  # fmt: skip
        result = await examination.run(
            argv,
            [*operands, "--", *names],
            timeout=SECONDS,
            cwd=root,
            env={"MYPYPATH": "src" if root == "." else "."},
        )
        errors = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
        if result.exit_code not in (0, 1) or (result.exit_code == 1) != bool(errors):
            said = _said(root, errors[0]) if errors else (result.stdout + result.stderr)[-500:]
            raise ToolFailed(f"mypy ended with status {result.exit_code}: {said.strip()}")
        looked_at = await examination.report(place / "modules")
    modules = {line.rpartition(" ")[0] for line in looked_at.splitlines()}
    examined = [f.path for f, name in zip(files, names, strict=True) if _module(name) in modules]
    examination.demand(examined, files)
    return [
        _said(root, error)
        for error in errors
        if error["severity"] == "error" and error["code"] not in _NO_FAULT_OF_THE_CODE
    ]


def _module(name: str) -> str:
    """The name under which mypy takes a file it is given."""
    return (
        name.removesuffix(".py").removesuffix("__init__").strip("/").replace("/", ".") or "__main__"
    )


def _shadowing(silenced: Sequence[SourceFile], root: str, place: Path) -> list[str]:
    options: list[str] = []
    for number, file in enumerate(silenced):
        name = PurePosixPath(file.path).relative_to(root).as_posix()
        options += ["--shadow-file", name, str(place / f"{number}.py")]
    return options


def _said(root: str, error: Mapping[str, Any]) -> str:
    place = PurePosixPath(root, error["file"]).as_posix()
    return f"{place}:{error['line']}: {error['message']} [{error['code']}]"


def _by_root(files: Sequence[SourceFile]) -> dict[str, list[SourceFile]]:
    """Files by the folder that imports start from: a service, `src`, or below a folder whose name
    can be no package's.
    """
    found: dict[str, list[SourceFile]] = {}
    for file in files:
        folders = PurePosixPath(file.path).parts[:-1]
        depth = len(PurePosixPath(file.service).parts)
        for number, folder in enumerate(folders, 1):
            if folder == "src" or not folder.isidentifier():
                depth = max(depth, number)
        found.setdefault("/".join(folders[:depth]) or ".", []).append(file)
    return found


TYPES = ProgramCollector("types", (Program("mypy"),), accepts, _examine)
