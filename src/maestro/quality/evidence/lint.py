"""ruff over all delivered Python, with a rule set of ours: repository configuration is ignored."""

import asyncio
import json
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, UnusableFile, read_files

RULES = "E4,E7,E9,F,B,ASYNC,S102,S307,S602,S608,PLE"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LintCollector:
    name: str = "lint"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        """Files are named one by one: told to walk the tree, ruff would keep to the tree's own
        .gitignore and to its list of folders to leave out, and report that all is well.
        """
        measurement = Measurement(self.name, "ruff", version("ruff"), subject)
        try:
            files = await asyncio.to_thread(read_files, subject.sandbox.root)
        except (UnusableFile, OSError) as error:
            return measurement.failed(str(error))
        paths = [file.path for file in files if file.suffix == ".py"]
        measurement.files_examined = len(paths)
        if not paths:
            return measurement.unavailable("the tree holds no Python file")
        measurement.argv = (
            sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa",
            "--no-respect-gitignore", "--select", RULES, "--ignore", "B008",
            "--output-format", "json", "--",
        )  # fmt: skip
        result = await subject.sandbox.run((*measurement.argv, *paths), timeout=SECONDS)
        measurement.exit_code, measurement.raw = result.exit_code, result.stdout
        try:
            findings = _findings(result.stdout)
        except (ValueError, KeyError, TypeError) as error:
            return measurement.failed(
                f"ruff gave no usable report ({error}): {result.stderr[-500:]}"
            )
        if result.timed_out or result.exit_code != (1 if findings else 0):
            return measurement.failed(
                f"ruff ended with status {result.exit_code} and {len(findings)} findings: "
                f"{result.stderr[-500:]}"
            )
        root = f"{subject.sandbox.root}/"
        measurement.detail += [finding.removeprefix(root) for finding in findings]
        return measurement.measured({"lint.errors": len(findings)})


def _findings(report: str) -> list[str]:
    items: list[Any] = json.loads(report)
    return [
        f"{item['filename']}:{item['location']['row']}: {item['code']} {item['message']}"
        for item in items
    ]
