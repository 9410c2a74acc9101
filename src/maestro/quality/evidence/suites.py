"""The services' own tests, really run, with line coverage; judged on the JUnit report.

Nothing in the tree decides how they are run: configuration files, `pragma: no cover` and reports
that lay there before are ignored, and a test function nobody reported on is counted.
"""

import asyncio
import json
import shutil
import sys
import uuid
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from maestro.domain.quality import Evidence
from maestro.domain.syntax import parse_python
from maestro.ports import CommandResult, EvidenceSubject, Sandbox
from maestro.quality.evidence.stubs import test_functions
from maestro.quality.evidence.tooling import Measurement, read_report

SECONDS = 240.0
MAX_REPORT_BYTES = 20_000_000
_PASSED, _FAILED, _NOTHING = 0, 1, 5
"""Exit statuses of pytest after which its report can be used."""
_RULES = "[report]\nexclude_lines =\n    if TYPE_CHECKING:\n"


class _Unusable(Exception):
    """The run of one service's tests says nothing."""


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
    problems: list[str] = field(default_factory=list)

    @property
    def line_coverage(self) -> float:
        """In percent; nothing to cover counts as nothing covered."""
        return round(100.0 * self.covered / self.statements, 2) if self.statements else 0.0


@dataclass(frozen=True, slots=True)
class SuitesCollector:
    """Implements ports.EvidenceCollector. Each service's tests run in its own folder."""

    name: str = "suites"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        tools = f"pytest {version('pytest')}, coverage {version('coverage')}"
        measurement = Measurement(self.name, "pytest", tools, subject)
        services = await asyncio.to_thread(_services, subject.sandbox.root)
        if not services:
            return measurement.unavailable("no service was delivered (backend/ or services/*/)")
        totals = _Totals()
        for service in services:
            try:
                await self._run(subject, service, measurement, totals)
            except (_Unusable, OSError, ValueError, KeyError, ElementTree.ParseError) as error:
                return measurement.failed(f"{service}: {error}")
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
            }
        )

    async def _run(
        self, subject: EvidenceSubject, service: str, measurement: Measurement, totals: _Totals
    ) -> None:
        root = subject.sandbox.root
        folder = root / service
        written = await asyncio.to_thread(_written_tests, folder)
        if not written:
            totals.untested += 1
            totals.problems.append(f"{service} has no test of its own")
            return
        # A name the delivered code could not foresee: a report that lies ready is never read.
        reports = folder / f".reports-{uuid.uuid4().hex}"
        await asyncio.to_thread(_lay_out, reports)
        try:
            result = await _pytest(subject, service, reports.name, measurement)
            text = await asyncio.to_thread(
                read_report, root, reports / "junit.xml", MAX_REPORT_BYTES
            )
            failures = _add_cases(text, service, written, totals)
            if (result.exit_code == _FAILED) != failures:
                raise _Unusable(f"pytest's status and its report disagree: {_tail(result)}")
            if result.exit_code == _NOTHING:
                return
            await _add_coverage(subject.sandbox, service, reports, totals)
        finally:
            await asyncio.to_thread(shutil.rmtree, reports, ignore_errors=True)


async def _pytest(
    subject: EvidenceSubject, service: str, reports: str, measurement: Measurement
) -> CommandResult:
    source = "app" if (subject.sandbox.root / service / "app").is_dir() else "."
    argv = (
        sys.executable, "-m", "coverage", "run", f"--rcfile={reports}/rules",
        f"--data-file={reports}/data", f"--source={source}", "-m", "pytest", "-q",
        "--disable-plugin-autoload", "-p", "anyio.pytest_plugin", "-p", "no:cacheprovider",
        "-c", f"{reports}/pytest.ini", "--rootdir=.",
        f"--junitxml={reports}/junit.xml", "tests",
    )  # fmt: skip
    result = await subject.sandbox.run(
        argv, timeout=SECONDS, cwd=service, env=subject.env, reach=subject.reach
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
    """Folders of services, with or without tests."""
    candidates = [root / "backend"]
    if (root / "services").is_dir():
        candidates += sorted(path for path in (root / "services").iterdir())
    return [path.relative_to(root).as_posix() for path in candidates if any(path.rglob("*.py"))]


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


def _lay_out(reports: Path) -> None:
    reports.mkdir()
    (reports / "rules").write_text(_RULES, encoding="utf-8")
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


async def _add_coverage(sandbox: Sandbox, service: str, reports: Path, totals: _Totals) -> None:
    argv = (
        sys.executable, "-m", "coverage", "json", f"--rcfile={reports.name}/rules",
        f"--data-file={reports.name}/data", "-o", f"{reports.name}/coverage.json",
    )  # fmt: skip
    result = await sandbox.run(argv, timeout=60, cwd=service)
    if result.exit_code != 0:
        raise _Unusable(f"coverage gave no report: {_tail(result)}")
    path = reports / "coverage.json"
    text = await asyncio.to_thread(read_report, sandbox.root, path, MAX_REPORT_BYTES)
    summary = json.loads(text)["totals"]
    totals.statements += int(summary["num_statements"])
    totals.covered += int(summary["covered_lines"])


def _tail(result: CommandResult) -> str:
    return (result.stdout + result.stderr)[-800:].strip()
