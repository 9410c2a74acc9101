"""ruff over all delivered Python, with a rule set of ours: repository configuration is ignored."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from maestro.domain.values import JsonScalar
from maestro.quality.evidence.programs import (
    FileExamination,
    Program,
    ProgramCollector,
    ToolFailed,
    is_python,
    json_report,
    module,
)

RULES = "E4,E7,E9,F,B,ASYNC,S102,S307,S602,S608,PLE"
SECONDS = 60.0


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    """Told to walk the tree, ruff would keep to the tree's own .gitignore and to its list of
    folders to leave out, and report that all is well.
    """
    argv = (
        *module("ruff"), "check", "--isolated", "--no-cache", "--ignore-noqa",
        "--no-respect-gitignore", "--select", RULES, "--ignore", "B008", "--output-format", "json",
        "--",
    )  # fmt: skip
    result = await examination.run(argv, examination.paths, timeout=SECONDS)
    report = json_report(result, "ruff")
    if not isinstance(report, list):
        raise ToolFailed(f"ruff gave no list of findings: {result.stdout[:200]}")
    findings = [_finding(item, f"{examination.root}/") for item in report]
    if result.exit_code != (1 if findings else 0) or "warning" in result.stderr:
        raise ToolFailed(
            f"ruff ended with status {result.exit_code} and {len(findings)} findings: "
            f"{result.stderr[-500:].strip()}"
        )
    examination.measurement.detail += findings
    return {"lint.errors": len(findings)}


def _finding(item: Mapping[str, Any], root: str) -> str:
    place = PurePosixPath(item["filename"].removeprefix(root)).as_posix()
    return f"{place}:{item['location']['row']}: {item['code']} {item['message']}"


LINT = ProgramCollector("lint", (Program("ruff", "pip install maestro-conductor"),), is_python,
                        _examine)  # fmt: skip
