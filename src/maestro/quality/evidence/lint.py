"""ruff over all delivered Python, with a rule set of ours: repository configuration is ignored."""

import asyncio
import json
import sys
from dataclasses import dataclass
from importlib.metadata import version

from maestro.domain.quality import Evidence
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.tooling import Measurement, read_files

RULES = "E4,E7,E9,F,B,ASYNC,S102,S307,S602,S608,PLE"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class LintCollector:
    name: str = "lint"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        files = await asyncio.to_thread(read_files, subject.sandbox.root, (".py",))
        argv = (
            sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--ignore-noqa",
            "--select", RULES, "--ignore", "B008", "--output-format", "json", "--", ".",
        )  # fmt: skip
        measurement = Measurement(self.name, "ruff", version("ruff"), subject, argv=argv)
        measurement.files_examined = len(files)
        if not files:
            return measurement.unavailable("the tree holds no Python file")
        result = await subject.sandbox.run(argv, timeout=SECONDS)
        measurement.exit_code, measurement.raw = result.exit_code, result.stdout
        try:
            findings = json.loads(result.stdout)
        except ValueError:
            return measurement.failed(f"ruff did not answer in JSON: {result.stderr[-500:]}")
        root = str(subject.sandbox.root)
        measurement.detail += [
            f"{str(item['filename']).removeprefix(root + '/')}:{item['location']['row']}: "
            f"{item['code']} {item['message']}"
            for item in findings
        ]
        return measurement.measured({"lint.errors": len(findings)})
