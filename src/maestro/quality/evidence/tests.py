"""The built services' own tests, really run, with line coverage; judged on the JUnit report."""

import asyncio
import json
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement

SECONDS = 240.0
JUNIT, COVERAGE = ".maestro-junit.xml", ".maestro-coverage.json"
MAX_REPORT_BYTES = 5_000_000


@dataclass(slots=True)
class _Totals:
    total: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    statements: int = 0
    covered: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TestsCollector:
    __test__ = False  # not a test class, whatever pytest thinks of its name
    name: str = "tests"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        argv = (
            sys.executable, "-m", "coverage", "run", "--rcfile=/dev/null", "--source=app", "-m",
            "pytest", "-q", "-c", "/dev/null", "--rootdir=.", "-p", "no:cacheprovider",
            f"--junitxml={JUNIT}", "tests",
        )  # fmt: skip
        tool = f"{version('pytest')} with coverage {version('coverage')}"
        measurement = Measurement(self.name, "pytest", tool, subject, argv=argv)
        folders = await asyncio.to_thread(_components, subject.sandbox.root)
        if not folders:
            return measurement.unavailable("no service with a tests folder was delivered")
        totals = _Totals()
        for folder in folders:
            problem = await self._run(subject, folder, argv, measurement, totals)
            if problem:
                return measurement.failed(f"{folder}: {problem}")
        measurement.files_examined = totals.total
        measurement.detail += totals.problems
        covered = 100.0 * totals.covered / totals.statements if totals.statements else 0.0
        return measurement.measured(
            {
                "tests.total": totals.total,
                "tests.failed": totals.failed,
                "tests.errors": totals.errors,
                "tests.skipped": totals.skipped,
                "coverage.line": round(covered, 2),
            }
        )

    async def _run(
        self,
        subject: EvidenceSubject,
        folder: str,
        argv: tuple[str, ...],
        measurement: Measurement,
        totals: _Totals,
    ) -> str:
        """Runs one service's tests and adds what came out; returns what broke, if anything."""
        result = await subject.sandbox.run(argv, timeout=SECONDS, cwd=folder)
        measurement.exit_code = max(measurement.exit_code or 0, result.exit_code)
        measurement.raw += result.stdout
        if result.timed_out:
            return f"the tests did not end within {SECONDS:.0f} s"
        report = [sys.executable, "-m", "coverage", "json", "--rcfile=/dev/null", "-o", COVERAGE]
        converted = await subject.sandbox.run(report, timeout=60, cwd=folder)
        try:
            await asyncio.to_thread(_add_reports, subject.sandbox.root / folder, totals)
        except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
            tail = (result.stdout + result.stderr + converted.stderr)[-800:].strip()
            return f"no usable report ({type(error).__name__}: {error}): {tail}"
        return ""


def _components(root: Path) -> list[str]:
    candidates = [root / "backend", *sorted((root / "services").glob("*"))]
    return [path.relative_to(root).as_posix() for path in candidates if (path / "tests").is_dir()]


def _add_reports(folder: Path, totals: _Totals) -> None:
    text = (folder / JUNIT).read_text("utf-8")
    if len(text) > MAX_REPORT_BYTES:
        raise ValueError(f"the JUnit report has {len(text)} characters")
    # The report comes out of a sandbox; expat itself refuses exploding entities.
    suites = ElementTree.fromstring(text)  # noqa: S314
    for case in suites.iter("testcase"):
        totals.total += 1
        name = f"{case.get('classname')}.{case.get('name')}"
        for kind in ("failure", "error", "skipped"):
            problem = case.find(kind)
            if problem is not None:
                totals.problems.append(f"{kind}: {name}: {(problem.get('message') or '')[:300]}")
        totals.failed += case.find("failure") is not None
        totals.errors += case.find("error") is not None
        totals.skipped += case.find("skipped") is not None
    summary = json.loads((folder / COVERAGE).read_text("utf-8"))["totals"]
    totals.statements += int(summary["num_statements"])
    totals.covered += int(summary["covered_lines"])
