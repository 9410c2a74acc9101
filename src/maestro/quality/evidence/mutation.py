"""Whether the services' own tests notice faults: mutmut on a copy, which is thrown away.

It is costly, so that a run measures it only where its risk is high. What could not be tried within
the time is left out, and the evidence says how much that was.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maestro.domain.encoding import decode
from maestro.domain.requirement import Analysis
from maestro.domain.values import JsonObject, JsonScalar
from maestro.quality.evidence.facts import risk_level
from maestro.quality.evidence.interference import interference
from maestro.quality.evidence.programs import (
    MAX_REPORT_BYTES,
    FileExamination,
    NotMeasurable,
    Program,
    ProgramCollector,
    ToolFailed,
    is_python,
    module,
)
from maestro.quality.evidence.tooling import IGNORED_FOLDERS, read_report

SECONDS = 300.0
_NOTICED = frozenset({1, 3, 24, -24, 36, 152, 255})
"""What a mutant's tests ended with: failed, broke, or ran far longer than without the fault."""
_UNTESTED = frozenset({5, 33})
_CONFIGURATION = """
[tool.mutmut]
source_paths = {sources}
also_copy = {others}
pytest_add_cli_args = [
    "--disable-plugin-autoload", "-p", "anyio.pytest_plugin", "-p", "no:cacheprovider",
    "-c", {pytest}, "--rootdir=.",
]
pytest_add_cli_args_test_selection = ["tests"]
use_git_change_detection = false
"""
_CONFIGURATIONS = frozenset({"setup.cfg", "pyproject.toml", "pytest.ini", "tox.ini"})
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.meta")
"""Files called like mutmut's own results would be taken for them."""
_EXCUSE = re.compile(r"pragma:\s*no mutate", re.IGNORECASE)


@dataclass(slots=True)
class _Mutants:
    noticed: int = 0
    survived: int = 0
    untested: int = 0
    untried: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.noticed + self.survived + self.untested + self.untried

    @property
    def tried(self) -> int:
        """Those that a test was run against; all, where no test reaches any."""
        ran = self.noticed + self.survived
        return ran if ran or self.untried else self.untested

    @property
    def score(self) -> float:
        """mutmut knows at once which mutants no test reaches, and tries the others one by one. Of
        those left untried as many would have been noticed as of those that were tried.
        """
        ran = self.noticed + self.survived
        reached = 1 - self.untested / self.total
        return round(100.0 * reached * self.noticed / ran, 2) if ran else 0.0


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    if not _is_worth_it(examination.subject.facts):
        raise NotMeasurable("the risk is not high, so that no faults were planted")
    services = sorted({file.service for file in examination.files if file.is_test})
    if not services:
        raise NotMeasurable("there are no tests that could notice anything")
    for service in services:
        problem = interference(service, examination.files)
        if problem:
            raise ToolFailed(problem)
    found = _Mutants()
    for service in services:
        await _plant(examination, service, SECONDS / len(services), found)
    if not found.tried:
        raise ToolFailed(f"mutmut tried none of {found.untried} mutants")
    if found.untried:
        examination.measurement.detail.append(
            f"{found.tried} of {found.total - found.untested} mutants that tests reach were tried "
            f"in {SECONDS:.0f} s; the score assumes as much of the others"
        )
    examination.measurement.detail += found.lines
    return {"mutation.mutants": found.tried, "mutation.score": found.score}


def _is_worth_it(facts: JsonObject) -> bool:
    """Outside of a run nobody knows the risk; who asks for it there wants it."""
    return "analysis" not in facts or risk_level(decode(Analysis, facts["analysis"])) == "high"


async def _plant(
    examination: FileExamination, service: str, seconds: float, found: _Mutants
) -> None:
    async with examination.folder({}) as place:
        await asyncio.to_thread(_lay_out, examination.root / service, place)
        result = await examination.run(
            (*module("mutmut"), "run", "--max-children", "2"),
            timeout=seconds,
            cwd=place.name,
            env={"PYTHONPATH": "src:."},
            whole=False,
        )
        metas = await asyncio.to_thread(_read_metas, examination.root, place / "mutants")
    if not metas:
        said = (result.stdout + result.stderr)[-800:].strip()
        raise ToolFailed(f"mutmut planted nothing in {service!r}: {said}")
    for name, code in sorted(metas.items()):
        if code in _NOTICED:
            found.noticed += 1
        elif code is None:
            found.untried += 1
        elif code in _UNTESTED:
            found.untested += 1
            found.lines.append(f"{name} is run by no test")
        else:
            found.survived += 1
            found.lines.insert(0, f"{name} passes every test")


def _lay_out(service: Path, place: Path) -> None:
    """The service as mutmut wants it: without what its authors configured, excused or claimed."""
    for path in sorted(service.iterdir()):
        if path.name in IGNORED_FOLDERS or path.name.startswith((".evidence-", ".reports-")):
            continue
        if path.is_dir():
            if path.name != "mutants":
                shutil.copytree(path, place / path.name, ignore=_NOT_COPIED)
        elif path.name not in _CONFIGURATIONS and path.suffix != ".meta":
            shutil.copy(path, place / path.name)
    for path in place.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if _EXCUSE.search(text):
            path.write_text(_EXCUSE.sub("", text), encoding="utf-8")
    names = sorted(path.name for path in place.iterdir())
    sources = [name for name in names if name in ("app", "src")] or [
        name
        for name in names
        if name != "tests" and (name.endswith(".py") or any((place / name).glob("*.py")))
    ]
    others = [name for name in names if name not in (*sources, "tests")]
    configuration = _CONFIGURATION.format(
        sources=json.dumps(sources),
        others=json.dumps(others),
        pytest=json.dumps(str(place / "pytest.ini")),
    )
    (place / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (place / "pyproject.toml").write_text(configuration, encoding="utf-8")


def _read_metas(root: Path, mutants: Path) -> dict[str, int | None]:
    """What the tests of each mutant ended with; None for one that was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted(mutants.rglob("*.meta")):
        found |= json.loads(read_report(root, path, MAX_REPORT_BYTES))["exit_code_by_key"]
    return found


MUTATION = ProgramCollector("mutation", (Program("mutmut"),), is_python, _examine)
