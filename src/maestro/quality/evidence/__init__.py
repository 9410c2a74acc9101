"""Collectors: what was really measured, each with tool, version, files examined and digest."""

from collections.abc import Mapping

from maestro.domain.quality import Policy
from maestro.ports import EvidenceCollector
from maestro.quality.catalogue import load_metrics
from maestro.quality.evidence import facts
from maestro.quality.evidence.checklist import ChecklistCollector
from maestro.quality.evidence.documents import DocumentsCollector
from maestro.quality.evidence.facts import FactCollector
from maestro.quality.evidence.lint import LintCollector
from maestro.quality.evidence.sast import SastCollector
from maestro.quality.evidence.secrets import SecretsCollector
from maestro.quality.evidence.source import SourceCollector
from maestro.quality.evidence.tests import TestsCollector
from maestro.quality.policy import metrics_of


def collectors() -> Mapping[str, EvidenceCollector]:
    """Every collector by the producer name that the metric catalogue uses."""
    found: list[EvidenceCollector] = [
        FactCollector("requirements", facts.requirements),
        FactCollector("contracts", facts.contracts),
        FactCollector("verification", facts.verification),
        FactCollector("recheck", facts.recheck),
        FactCollector("page", facts.page),
        FactCollector("launch", facts.launch),
        FactCollector("review", facts.review),
        FactCollector("host", facts.host),
        TestsCollector(),
        LintCollector(),
        SourceCollector(),
        SecretsCollector(),
        SastCollector(),
        ChecklistCollector(),
        DocumentsCollector(),
    ]
    return {collector.name: collector for collector in found}


def needed(policy: Policy, phase: str) -> tuple[str, ...]:
    """Names of the collectors that the phase's gates depend on, each once."""
    metrics = load_metrics()
    names = [name for gate in policy.gates_of(phase) for name in metrics_of(gate)]
    return tuple(dict.fromkeys(metrics[name].producer for name in names))
