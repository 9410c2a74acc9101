"""Programs of others that read delivered files: found, run in the sandbox, and not trusted.

A program counts only by what it reports. Its exit status, a report that names no file and a file it
passed over in silence are no evidence, and configuration that lies in the tree is kept from it.
"""

import asyncio
import json
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from maestro.domain.quality import Evidence
from maestro.domain.values import JsonScalar
from maestro.ports import CommandResult, EvidenceSubject
from maestro.quality.evidence.tooling import (
    Measurement,
    SourceFile,
    UnusableFile,
    read_files,
    read_report,
)

MAX_REPORT_BYTES = 20_000_000
EXTRA = "pip install 'maestro-conductor[quality]'"


class ToolFailed(Exception):
    """The program broke: nothing it said counts."""


class NotMeasurable(Exception):
    """The program, or what it needs, is not to be had here."""


@dataclass(frozen=True, slots=True)
class Program:
    """An installed package that measures."""

    distribution: str
    fix: str = EXTRA
    """How to get it."""

    @property
    def version(self) -> str | None:
        """None where it is not installed."""
        try:
            return version(self.distribution)
        except PackageNotFoundError:
            return None


def module(name: str) -> tuple[str, ...]:
    """The argv that runs a module of this interpreter; `-I` keeps modules of the tree away."""
    return (sys.executable, "-I", "-m", name)


@dataclass(frozen=True, slots=True)
class FileExamination:
    """The files a program is to look at, and the place where it may do so."""

    subject: EvidenceSubject
    files: Sequence[SourceFile]
    measurement: Measurement

    @property
    def root(self) -> Path:
        return self.subject.sandbox.root

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file by name, led by `./`: a name can be no option, and no list of folders to leave
        out applies.
        """
        return tuple(f"./{file.path}" for file in self.files)

    async def run(
        self,
        argv: Sequence[str],
        operands: Sequence[str] = (),
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        whole: bool = True,
    ) -> CommandResult:
        """Runs it over the operands, which evidence does not repeat.

        Raises ToolFailed at the time limit, unless what it did until then counts (not `whole`).
        """
        measurement = self.measurement
        result = await self.subject.sandbox.run(
            (*argv, *operands), timeout=timeout, cwd=cwd, env=env, reach=self.subject.reach
        )
        measurement.argv = measurement.argv or tuple(argv)
        measurement.raw += result.stdout
        if measurement.exit_code in (None, 0):
            measurement.exit_code = result.exit_code
        if result.timed_out and whole:
            raise ToolFailed(f"{measurement.tool} did not end within {timeout:.0f} s")
        return result

    @asynccontextmanager
    async def folder(self, files: Mapping[str, str]) -> AsyncIterator[Path]:
        """A folder in the tree with files of ours, gone afterwards.

        Delivered code could not foresee its name, so that what lies in it comes from this run.
        """
        place = self.root / f".evidence-{uuid.uuid4().hex}"
        await asyncio.to_thread(_lay_out, place, files)
        try:
            yield place
        finally:
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    async def report(self, path: Path) -> str:
        """What the program wrote there. Raises ToolFailed when there is nothing usable."""
        try:
            return await asyncio.to_thread(read_report, self.root, path, MAX_REPORT_BYTES)
        except (OSError, ValueError) as error:
            raise ToolFailed(f"{self.measurement.tool} left no usable report: {error}") from error

    def demand(self, examined: Iterable[str], files: Iterable[SourceFile] | None = None) -> None:
        """Raises ToolFailed naming a file the program did not say it had looked at."""
        seen = {PurePosixPath(path).as_posix() for path in examined}
        wanted = [file.path for file in (self.files if files is None else files)]
        passed_over = sorted(set(wanted) - seen)
        if passed_over:
            raise ToolFailed(
                f"{self.measurement.tool} passed over {len(passed_over)} of {len(wanted)} files, "
                f"{passed_over[0]} first"
            )


@dataclass(frozen=True, slots=True)
class ProgramCollector:
    """Implements ports.EvidenceCollector by programs that are given every accepted file."""

    name: str
    programs: tuple[Program, ...]
    accepts: Callable[[SourceFile], bool]
    """Which files they look at."""
    examine: Callable[[FileExamination], Awaitable[Mapping[str, JsonScalar]]]
    """Raises ToolFailed or NotMeasurable; adds findings to `measurement.detail`."""

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        known = {program.distribution: program.version for program in self.programs}
        said = ", ".join(f"{name} {found}" for name, found in known.items() if found)
        measurement = Measurement(self.name, next(iter(known)), said, subject)
        missing = [program for program in self.programs if known[program.distribution] is None]
        if missing:
            return measurement.unavailable(
                f"{missing[0].distribution} is not installed: {missing[0].fix}"
            )
        try:
            files = await asyncio.to_thread(read_files, subject.sandbox.root)
            chosen = [file for file in files if self.accepts(file)]
            measurement.files_examined = len(chosen)
            if not chosen:
                return measurement.unavailable("the tree holds no file it could look at")
            metrics = await self.examine(FileExamination(subject, chosen, measurement))
        except NotMeasurable as absent:
            return measurement.unavailable(str(absent))
        except (ToolFailed, UnusableFile, OSError) as error:
            return measurement.failed(str(error))
        except (KeyError, ValueError, TypeError) as error:
            return measurement.failed(
                f"the report is not readable: {type(error).__name__}: {error}"
            )
        return measurement.measured(metrics)


def is_python(file: SourceFile) -> bool:
    return file.suffix == ".py"


def json_report(result: CommandResult, name: str) -> Any:
    """The JSON the program printed. Raises ToolFailed with the end of what it said instead."""
    try:
        return json.loads(result.stdout)
    except ValueError as error:
        said = (result.stderr or result.stdout)[-500:].strip()
        raise ToolFailed(f"{name} gave no usable report ({error}): {said}") from error


def _lay_out(place: Path, files: Mapping[str, str]) -> None:
    place.mkdir()
    for name, text in files.items():
        (place / name).write_text(text, encoding="utf-8")
