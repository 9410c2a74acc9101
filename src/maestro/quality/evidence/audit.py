"""pip-audit --strict over everything the project depends on.

A service that knows nothing answers like one that knows no vulnerability. So it is also asked about
a package that has some; when it has none to tell of that, nothing it said counts.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from maestro.domain.quality import Evidence
from maestro.domain.values import JsonScalar
from maestro.ports import EvidenceSubject, Reach
from maestro.quality.evidence.advisories import (
    OSV_URL,
    AdvisoryRelay,
    advisory_relay,
    service_problem,
)
from maestro.quality.evidence.dependencies import Dependency, declares, dependencies
from maestro.quality.evidence.programs import (
    FileExamination,
    NotMeasurable,
    Program,
    ProgramCollector,
    json_report,
    module,
)

SECONDS = 180.0
ANSWER_SECONDS = 5.0
"""For the service to answer one question; where it does not, nothing is started to ask more."""
CANARIES = (("pyyaml", "5.3"), ("jinja2", "2.10"), ("urllib3", "1.24.1"))
"""Old versions with known vulnerabilities; the first that the project does not use itself is asked
about.
"""


@dataclass(frozen=True, slots=True)
class AuditCollector:
    """Implements ports.EvidenceCollector."""

    service: str = OSV_URL
    """Answers as OSV does."""
    name: str = "audit"

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        async with advisory_relay(self.service) as relay:
            reach = Reach(connect=(relay.port,))

            async def examine(examination: FileExamination) -> Mapping[str, JsonScalar]:
                return await _examine(examination, relay)

            collector = ProgramCollector(self.name, (Program("pip-audit"),), declares, examine)
            return await collector.collect(replace(subject, reach=reach))


async def _examine(examination: FileExamination, relay: AdvisoryRelay) -> Mapping[str, JsonScalar]:
    found = await asyncio.to_thread(dependencies, examination.files)
    if not found:
        return {
            "dependencies.total": 0,
            "dependencies.audited_ratio": 1.0,
            "dependencies.vulnerable": 0,
        }
    problem = await service_problem(relay.upstream, ANSWER_SECONDS)
    if problem:
        raise NotMeasurable(problem)
    known = [item for item in found if item.ecosystem == "pypi" and item.version]
    canary = next(entry for entry in CANARIES if entry[0] not in {item.name for item in known})
    pins = [*((item.name, item.version) for item in known), canary]
    text = "".join(f"{name}=={version}\n" for name, version in pins)
    async with examination.folder({"pinned.txt": text}) as place:
        argv = (
            *module("pip_audit"), "--strict", "--format=json", "--desc=off",
            "--progress-spinner=off", "--disable-pip", "--no-deps",
            "--vulnerability-service=osv", f"--osv-url={relay.url}", "--timeout=20",
            f"--cache-dir={place / 'cache'}", f"--requirement={place / 'pinned.txt'}",
        )  # fmt: skip
        result = await examination.run(argv, timeout=SECONDS)
    if relay.problem:
        raise NotMeasurable(f"{relay.upstream} does not answer: {relay.problem}")
    report: Mapping[str, Any] = json_report(result, "pip-audit")
    answers = {item["name"]: item for item in report["dependencies"]}
    if not answers.get(canary[0], {}).get("vulns"):
        raise NotMeasurable(
            f"{relay.upstream} knows no vulnerability of {canary[0]} {canary[1]}, which has some: "
            "what it says of others means nothing"
        )
    return _counted(examination, found, answers)


def _counted(
    examination: FileExamination, found: list[Dependency], answers: Mapping[str, Any]
) -> Mapping[str, JsonScalar]:
    """Only what was asked for by its name and version, and answered, is audited."""
    audited = [
        item
        for item in found
        if item.ecosystem == "pypi" and "vulns" in answers.get(item.name, {})
        and answers[item.name].get("version") == item.version
    ]  # fmt: skip
    vulnerable = [item for item in audited if answers[item.name]["vulns"]]
    examination.measurement.detail += [
        *(f"{item.label}: {', '.join(v['id'] for v in answers[item.name]['vulns'])}"
          for item in vulnerable),
        *(f"{item.label} was not audited" for item in found if item not in audited),
    ]  # fmt: skip
    return {
        "dependencies.total": len(found),
        "dependencies.audited_ratio": round(len(audited) / len(found), 4),
        "dependencies.vulnerable": len(vulnerable),
    }
