"""The services' own tests, really run, with line and branch coverage; judged on the JUnit report.

Nothing in the tree decides how they are run: configuration files, comments that excuse lines and
reports that lay there before are ignored, hooks and modules that could speak for the tools are
refused, and a test function nobody reported on is counted. All a service runs of its own counts for
coverage, wherever it lies.
"""

import asyncio
import json
import re
import shutil
import sys
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from maestro.domain.quality import Evidence
from maestro.domain.syntax import parse_python
from maestro.ports import CommandResult, EvidenceSubject, Sandbox
from maestro.quality.evidence.interference import interference
from maestro.quality.evidence.reached import reached
from maestro.quality.evidence.stubs import test_functions
from maestro.quality.evidence.tooling import (
    Measurement,
    SourceFile,
    UnusableFile,
    read_files,
    read_report,
)

SESSION = Path(__file__).with_name("suite_session.py")
SECONDS = 240.0
MAX_REPORT_BYTES = 20_000_000
_PASSED, _FAILED, _NOTHING = 0, 1, 5
"""Exit statuses of pytest after which its report can be used."""
_RULES = """
[run]
branch = true
omit =
    .reports-*
    {omitted}
[report]
include_namespace_packages = true
exclude_lines =
    (?!)
partial_branches =
    (?!)
"""
"""No comment and no line excuses anything: `(?!)` matches nowhere."""
_SCRIPTS = re.compile(r"^\s*script_location\s*=\s*(?:%\(here\)s/)?([\w./-]+)\s*$", re.MULTILINE)
_PLAIN = re.compile(r"[\w./-]+")
"""A path that can stand among the rules and means nothing but itself."""


class _Unusable(Exception):
    """The run of one service's tests says nothing."""


@dataclass(frozen=True, slots=True)
class _Service:
    folder: str
    """Relative to the tree."""
    rules: str
    """How coverage is measured."""


@dataclass(slots=True)
class _Totals:
    tests: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    not_run: int = 0
    untested: int = 0
    statements: int = 0
    covered: int = 0
    branches: int = 0
    branches_taken: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def line_coverage(self) -> float:
        """In percent; nothing to cover counts as nothing covered."""
        return round(100.0 * self.covered / self.statements, 2) if self.statements else 0.0

    @property
    def branch_coverage(self) -> float:
        """In percent; code without a decision has one way through, which its lines are."""
        if not self.branches:
            return self.line_coverage
        return round(100.0 * self.branches_taken / self.branches, 2)


@dataclass(frozen=True, slots=True)
class SuitesCollector:
    """Implements ports.EvidenceCollector. Each service's tests run in its own folder; a project
    without services is one itself.
    """

    name: str = "suites"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        tools = f"pytest {version('pytest')}, coverage {version('coverage')}"
        measurement = Measurement(self.name, "pytest", tools, subject)
        try:
            files = await asyncio.to_thread(read_files, subject.sandbox.root)
        except (UnusableFile, OSError, RecursionError) as error:
            return measurement.failed(str(error))
        services = await asyncio.to_thread(_services, subject.sandbox.root)
        if not services:
            return measurement.unavailable("there is neither a service nor a folder of tests")
        totals = _Totals()
        for folder in services:
            try:
                service = await asyncio.to_thread(_examined, folder, files)
                await self._run(subject, service, measurement, totals)
            except (_Unusable, OSError, ValueError, KeyError, ElementTree.ParseError) as error:
                return measurement.failed(f"{folder}: {error}")
        measurement.files_examined = totals.tests
        measurement.detail += totals.problems
        return measurement.measured(
            {
                "suites.tests": totals.tests,
                "suites.failed": totals.failed,
                "suites.errors": totals.errors,
                "suites.skipped": totals.skipped,
                "suites.not_run": totals.not_run,
                "suites.untested_services": totals.untested,
                "coverage.line": totals.line_coverage,
                "coverage.branch": totals.branch_coverage,
            }
        )

    async def _run(
        self,
        subject: EvidenceSubject,
        service: _Service,
        measurement: Measurement,
        totals: _Totals,
    ) -> None:
        root, name = subject.sandbox.root, service.folder
        folder = root / name
        written = await asyncio.to_thread(_written_tests, folder)
        if not written:
            totals.untested += 1
            totals.problems.append(f"{name} has no test of its own")
            return
        # Names the delivered code could not foresee: a report that lies ready is never read, and
        # the rules of the second folder come when nothing that was delivered runs any more.
        reports, again = (folder / f".reports-{uuid.uuid4().hex}" for _ in range(2))
        await asyncio.to_thread(_lay_out, reports, service)
        try:
            result = await _pytest(subject, service, reports.name, measurement)
            text = await asyncio.to_thread(
                read_report, root, reports / "junit.xml", MAX_REPORT_BYTES
            )
            failures = _add_cases(text, name, written, totals)
            if (result.exit_code == _FAILED) != failures:
                raise _Unusable(f"pytest's status and its report disagree: {_tail(result)}")
            if result.exit_code == _NOTHING:
                return
            await asyncio.to_thread(_lay_out, again, service)
            await _add_coverage(subject.sandbox, name, reports.name, again, totals)
        finally:
            for place in (reports, again):
                await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)


async def _pytest(
    subject: EvidenceSubject, service: _Service, reports: str, measurement: Measurement
) -> CommandResult:
    argv = (sys.executable, "-I", str(SESSION), reports)
    result = await subject.sandbox.run(
        argv,
        timeout=SECONDS,
        cwd=service.folder,
        env={"PYTHONPATH": "src", **subject.env},
        reach=subject.reach,
    )
    measurement.argv = measurement.argv or argv
    measurement.raw += result.stdout
    if measurement.exit_code in (None, 0):
        measurement.exit_code = result.exit_code
    if result.timed_out:
        raise _Unusable(f"the tests did not end within {SECONDS:.0f} s")
    if result.exit_code not in (_PASSED, _FAILED, _NOTHING):
        raise _Unusable(f"pytest ended with status {result.exit_code}: {_tail(result)}")
    return result


def _services(root: Path) -> list[str]:
    """Folders of services, with or without tests; the root where there is none but are tests."""
    candidates = [root / "backend"]
    if (root / "services").is_dir():
        candidates += sorted(path for path in (root / "services").iterdir())
    found = [path.relative_to(root).as_posix() for path in candidates if any(path.rglob("*.py"))]
    return found or (["."] if any((root / "tests").rglob("*.py")) else [])


def _written_tests(folder: Path) -> set[tuple[str, str]]:
    """(module, function) of every test in the source."""
    found: set[tuple[str, str]] = set()
    for path in sorted((folder / "tests").rglob("*.py")):
        if path.name.startswith("test_") or path.name.endswith("_test.py"):
            try:
                tree = parse_python(path.read_text(encoding="utf-8", errors="replace"))
            except (SyntaxError, ValueError):
                found.add((path.stem, ""))  # pytest reports it as an error
                continue
            found |= {(path.stem, node.name) for node in test_functions(tree)}
    return found


def _examined(folder: str, files: Sequence[SourceFile]) -> _Service:
    """Raises _Unusable for a service that could bend what its tests come to."""
    problem = interference(folder, files)
    if problem:
        raise _Unusable(problem)
    omitted = sorted(_omitted(folder, {file.path: file.text for file in files}))
    return _Service(folder, _RULES.format(omitted="\n    ".join(omitted)))


def _omitted(folder: str, texts: dict[str, str]) -> Iterator[str]:
    """Tests and migrations, relative to the folder, that the service itself does not load."""
    own = {
        PurePosixPath(path).relative_to(folder).as_posix(): text
        for path, text in texts.items()
        if PurePosixPath(path).is_relative_to(folder)
    }
    found = _SCRIPTS.search(own.get("alembic.ini", ""))
    migrations = PurePosixPath(found.group(1) if found else "migrations").as_posix()
    aside = {
        path
        for path in own
        if path.startswith(("tests/", f"{migrations}/versions/")) or path == f"{migrations}/env.py"
    }
    used = reached(own, aside)
    yield from (path for path in aside - used if _PLAIN.fullmatch(path))


def _lay_out(reports: Path, service: _Service) -> None:
    reports.mkdir()
    (reports / "rules").write_text(service.rules, encoding="utf-8")
    (reports / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")


def _add_cases(text: str, service: str, written: set[tuple[str, str]], totals: _Totals) -> bool:
    """Adds the cases of a JUnit report; whether one of them failed or broke."""
    # The report comes out of the sandbox; expat itself refuses entities that explode.
    suites = ElementTree.fromstring(text)  # noqa: S314
    reported: set[tuple[str, str]] = set()
    before = totals.failed + totals.errors
    for case in suites.iter("testcase"):
        place, name = case.get("classname") or "", (case.get("name") or "").split("[")[0]
        totals.tests += 1
        reported |= {(segment, name) for segment in place.split(".")}
        for kind in ("failure", "error", "skipped"):
            problem = case.find(kind)
            if problem is not None:
                message = (problem.get("message") or "")[:300]
                totals.problems.append(f"{service}: {kind}: {place}.{name}: {message}")
        totals.failed += case.find("failure") is not None
        totals.errors += case.find("error") is not None
        totals.skipped += case.find("skipped") is not None
    silent = sorted((module, name) for module, name in written - reported if name)
    totals.not_run += len(silent)
    totals.problems += [f"{service}: not run: {module}.{name}" for module, name in silent]
    return totals.failed + totals.errors > before


async def _add_coverage(
    sandbox: Sandbox, service: str, reports: str, fresh: Path, totals: _Totals
) -> None:
    argv = (
        sys.executable, "-I", "-m", "coverage", "json", f"--rcfile={fresh.name}/rules",
        f"--data-file={reports}/data", "-o", f"{fresh.name}/coverage.json",
    )  # fmt: skip
    result = await sandbox.run(argv, timeout=60, cwd=service)
    if result.exit_code != 0:
        raise _Unusable(f"coverage gave no report: {_tail(result)}")
    path = fresh / "coverage.json"
    text = await asyncio.to_thread(read_report, sandbox.root, path, MAX_REPORT_BYTES)
    summary = json.loads(text)["totals"]
    totals.statements += int(summary["num_statements"])
    totals.covered += int(summary["covered_lines"])
    totals.branches += int(summary["num_branches"])
    totals.branches_taken += int(summary["covered_branches"])


def _tail(result: CommandResult) -> str:
    return (result.stdout + result.stderr)[-800:].strip()
