"""Collectors: what was really measured, each with tool, version, files examined and digest."""

from collections.abc import Mapping

from maestro.domain.quality import ArtefactRule, Gate, GateStage, Policy
from maestro.ports import EvidenceCollector
from maestro.quality.evaluate import gate_metrics, when_metrics
from maestro.quality.evidence import checklist, documents, facts, sast, stubs
from maestro.quality.evidence.audit import AuditCollector
from maestro.quality.evidence.complexity import COMPLEXITY
from maestro.quality.evidence.facts import FactCollector
from maestro.quality.evidence.guard import GuardCollector
from maestro.quality.evidence.lint import LINT
from maestro.quality.evidence.materials import SBOM
from maestro.quality.evidence.mutation import MUTATION
from maestro.quality.evidence.running import running_collectors
from maestro.quality.evidence.running.workbench import Equipment
from maestro.quality.evidence.secret_scan import SECRETS
from maestro.quality.evidence.suites import SuitesCollector
from maestro.quality.evidence.tooling import ScanCollector
from maestro.quality.evidence.type_check import TYPES
from maestro.quality.evidence.weaknesses import BANDIT
from maestro.quality.metrics import built_in_metrics


def collectors(equipment: Equipment | None = None) -> Mapping[str, EvidenceCollector]:
    """Every collector, by the name of the producer in the metric catalogue.

    Args:
        equipment: what projects are started with; without it nothing that runs is measured.
    """
    found: tuple[EvidenceCollector, ...] = (
        FactCollector("analysis", facts.analysis),
        FactCollector("contracts", facts.contracts),
        FactCollector("rechecks", facts.rechecks),
        FactCollector("trace", facts.trace),
        FactCollector("score", facts.score),
        FactCollector("circumstances", facts.circumstances),
        FactCollector("launch", facts.launch),
        SuitesCollector(),
        LINT,
        TYPES,
        COMPLEXITY,
        BANDIT,
        AuditCollector(),
        SBOM,
        MUTATION,
        ScanCollector("stubs", "maestro-stubs", stubs.accepts, stubs.scan),
        GuardCollector(),
        SECRETS,
        ScanCollector("sast", "maestro-ast", sast.accepts, sast.scan),
        ScanCollector("checklist", "checklist", checklist.accepts, checklist.scan),
        ScanCollector("artefacts", "maestro-formats", documents.has_format, documents.scan_formats),
        ScanCollector(
            "documents", "maestro-documents", documents.is_document, documents.scan_documents
        ),
        *running_collectors(equipment),
    )
    return {collector.name: collector for collector in found}


def deciding(policy: Policy, phase: str, stage: GateStage | None = None) -> tuple[str, ...]:
    """Those of `needed` that say which of the phase's gates and artefact rules apply."""
    metrics = built_in_metrics()
    demands: list[Gate | ArtefactRule] = [*policy.gates_of(phase, stage)]
    if stage is not GateStage.ENTRY:
        demands += policy.artefacts_of(phase)
    names = [name for demand in demands for name in when_metrics(demand, metrics)]
    return tuple(dict.fromkeys(metrics.metrics[name].producer for name in names))


def needed(policy: Policy, phase: str, stage: GateStage | None = None) -> tuple[str, ...]:
    """Names of the collectors that the phase's gates and artefacts depend on, each once, in the
    gates' order. `stage` as of `evaluate_phase`.
    """
    metrics = built_in_metrics()
    names = [n for gate in policy.gates_of(phase, stage) for n in gate_metrics(gate, metrics)]
    if stage is not GateStage.ENTRY:
        names += [n for rule in policy.artefacts_of(phase) for n in when_metrics(rule, metrics)]
    return tuple(dict.fromkeys(metrics.metrics[name].producer for name in names))
