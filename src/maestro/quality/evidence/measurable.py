"""What can be measured on this host, by what, and what is missing for the rest."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from maestro.ports import EvidenceCollector
from maestro.quality.evidence.advisories import service_problem
from maestro.quality.evidence.audit import AuditCollector
from maestro.quality.evidence.facts import FactCollector
from maestro.quality.evidence.programs import Program, ProgramCollector
from maestro.quality.evidence.running.workbench import Equipment
from maestro.quality.metrics import built_in_metrics

CORE = "pip install maestro-conductor"
BROWSER = "apt-get install chromium and pip install 'maestro-conductor[browser]'"
OFFLINE = "pip install 'maestro-conductor[offline]'"
_PROGRAMS = {
    "suites": (Program("pytest", CORE), Program("coverage", CORE)),
    "audit": (Program("pip-audit"),),
    "migrations": (Program("alembic", CORE),),
    "accessibility": (Program("playwright", BROWSER),),
}
"""Of the collectors that do not say themselves."""
_BY_KIND: dict[str, dict[str, tuple[Program, ...]]] = {
    "verifications": {
        "rest": (Program("schemathesis", CORE),),
        "interfaces": (Program("schemathesis", CORE),),
        "schema": (Program("alembic", CORE),),
        "page": (Program("playwright", BROWSER),),
        "documents": (),
    }
}
"""Of those that hold each kind of contract in its own way: by the first word of a metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurable:
    """Metrics of one producer, all measured by the same tool."""

    producer: str
    metrics: tuple[str, ...]
    tool: str
    """With version."""
    problem: str = ""
    """Why nothing can be measured; empty when it can."""
    fix: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


async def measurable(
    known: Mapping[str, EvidenceCollector], equipment: Equipment
) -> tuple[Measurable, ...]:
    """Every producer of the catalogue. Asks the service that knows vulnerabilities whether it is
    there.
    """
    metrics = built_in_metrics().metrics
    found = []
    for name, collector in known.items():
        own = tuple(metric for metric in metrics if metrics[metric].producer == name)
        for programs, some in _by_programs(name, collector, own):
            tool, lacking = await asyncio.to_thread(_tools, programs, collector)
            problems = [*lacking, *_equipment_problems(name, some, equipment)]
            if isinstance(collector, AuditCollector) and not problems:
                problem = await service_problem(collector.service)
                problems += [(problem, "let this host reach it")] if problem else []
            what, fix = problems[0] if problems else ("", "")
            found.append(Measurable(producer=name, metrics=some, tool=tool, problem=what, fix=fix))
    return tuple(found)


def _by_programs(
    name: str, collector: EvidenceCollector, metrics: tuple[str, ...]
) -> Iterator[tuple[tuple[Program, ...], tuple[str, ...]]]:
    """What measures, with the metrics it measures."""
    kinds = _BY_KIND.get(name)
    if kinds is None:
        own = collector.programs if isinstance(collector, ProgramCollector) else ()
        yield own or _PROGRAMS.get(name, ()), metrics
        return
    for kind, programs in kinds.items():
        yield programs, tuple(metric for metric in metrics if metric.startswith(f"{kind}."))


def _tools(
    programs: tuple[Program, ...], collector: EvidenceCollector
) -> tuple[str, list[tuple[str, str]]]:
    """What measures, and what is not installed of it."""
    if isinstance(collector, FactCollector):
        return "the record of a run", []
    versions = {program: program.version for program in programs}
    lacking = [
        (f"{program.distribution} is not installed", program.fix)
        for program, version in versions.items()
        if version is None
    ]
    said = [f"{program.distribution} {version}" for program, version in versions.items() if version]
    return ", ".join(said) or "Maestro itself", lacking


def _equipment_problems(
    name: str, metrics: tuple[str, ...], equipment: Equipment
) -> Iterator[tuple[str, str]]:
    visits = name == "accessibility" or any(metric.startswith("page.") for metric in metrics)
    if visits and equipment.browser is None:
        yield "no Chromium was found", BROWSER
    if name == "html" and equipment.node is None:
        yield "no Node.js was found", OFFLINE
