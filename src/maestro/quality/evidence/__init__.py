"""Collectors: what was really measured, each with tool, version, files examined and digest."""

from collections.abc import Mapping

from maestro.domain.quality import Policy
from maestro.ports import EvidenceCollector
from maestro.quality.evaluate import gate_metrics
from maestro.quality.evidence import checklist, documents, facts, sast, secrets, stubs
from maestro.quality.evidence.facts import FactCollector
from maestro.quality.evidence.lint import LintCollector
from maestro.quality.evidence.suites import SuitesCollector
from maestro.quality.evidence.tooling import ScanCollector
from maestro.quality.metrics import built_in_metrics


def collectors() -> Mapping[str, EvidenceCollector]:
    """Every collector, by the name of the producer in the metric catalogue."""
    found: tuple[EvidenceCollector, ...] = (
        FactCollector("analysis", facts.analysis),
        FactCollector("contracts", facts.contracts),
        FactCollector("verifications", facts.verifications),
        FactCollector("rechecks", facts.rechecks),
        FactCollector("trace", facts.trace),
        FactCollector("score", facts.score),
        FactCollector("circumstances", facts.circumstances),
        FactCollector("launch", facts.launch),
        SuitesCollector(),
        LintCollector(),
        ScanCollector("stubs", "maestro-stubs", stubs.accepts, stubs.scan),
        ScanCollector("secrets", "maestro-secrets", secrets.accepts, secrets.scan),
        ScanCollector("sast", "maestro-ast", sast.accepts, sast.scan),
        ScanCollector("checklist", "checklist", checklist.accepts, checklist.scan),
        ScanCollector("artefacts", "maestro-formats", documents.has_format, documents.scan_formats),
        ScanCollector(
            "documents", "maestro-documents", documents.is_document, documents.scan_documents
        ),
    )
    return {collector.name: collector for collector in found}


def needed(policy: Policy, phase: str) -> tuple[str, ...]:
    """Names of the collectors that the phase's gates depend on, each once, in the gates' order."""
    metrics = built_in_metrics()
    names = [n for gate in policy.gates_of(phase) for n in gate_metrics(gate, metrics)]
    return tuple(dict.fromkeys(metrics.metrics[name].producer for name in names))
