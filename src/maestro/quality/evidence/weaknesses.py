"""bandit over the application's Python; neither configuration nor `nosec` of the tree count."""

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
from maestro.quality.evidence.tooling import SourceFile

SECONDS = 120.0


def accepts(file: SourceFile) -> bool:
    return is_python(file) and file.is_application


async def _examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
    """bandit ends with status 0 when a file is missing or does not parse; its report tells."""
    async with examination.folder({"bandit.ini": "[bandit]\n"}) as place:
        argv = (
            *module("bandit"), "--format=json", "--quiet", "--ignore-nosec",
            f"--ini={place / 'bandit.ini'}",
        )  # fmt: skip
        result = await examination.run(argv, examination.paths, timeout=SECONDS)
    report: Mapping[str, Any] = json_report(result, "bandit")
    for problem in report["errors"]:
        name = PurePosixPath(problem["filename"])
        raise ToolFailed(f"bandit cannot examine {name}: {problem['reason']}")
    examination.demand(name for name in report["metrics"] if name != "_totals")
    levels = {"HIGH": 0, "MEDIUM": 0}
    order = ("HIGH", "MEDIUM")
    findings = [item for item in report["results"] if item["issue_severity"] in order]
    for item in sorted(findings, key=lambda found: order.index(found["issue_severity"])):
        severity = item["issue_severity"]
        levels[severity] += 1
        place_of = f"{PurePosixPath(item['filename'])}:{item['line_number']}"
        examination.measurement.detail.append(
            f"{place_of}: {severity.lower()}: {item['test_id']} {item['issue_text']}"
        )
    return {"bandit.high": levels["HIGH"], "bandit.medium": levels["MEDIUM"]}


BANDIT = ProgramCollector("bandit", (Program("bandit"),), accepts, _examine)
