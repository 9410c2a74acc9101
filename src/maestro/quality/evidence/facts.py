"""Evidence that is counted, not run: what earlier steps of the run committed.

The facts (EvidenceSubject.facts, JSON) are

    analysis           encoded Analysis
    contracts          encoded Contracts
    verifications      encoded Verification by contract id; a contract without one is not verified
    rechecks           {"checks": [encoded CheckResult]} by persona
    trace              encoded TracedParts
    not_built          how many things were declared as not built
    score              encoded Score, or null while a term has no evidence
    launch             {"started": bool, "answers": bool} of the integrated application
    allow_partial, quality_threshold, browser   what the caller accepts and the host has
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from maestro.domain.contract import CheckResult, Contract, ContractKind, Severity, Verification
from maestro.domain.encoding import decode
from maestro.domain.quality import Evidence, Score, TracedPart
from maestro.domain.requirement import Analysis, Complexity
from maestro.domain.values import JsonObject, JsonScalar
from maestro.errors import InvalidInput
from maestro.ports import EvidenceSubject
from maestro.quality.evidence.specifications import faults_of
from maestro.quality.evidence.tooling import Measurement

Count = tuple[int, Mapping[str, JsonScalar], Sequence[str]]
"""Facts examined, metrics, and lines for people."""

PAGE_BUILDER, CONTRACT_TESTER, OPERATOR = "frontend_developer", "qa_engineer", "devops_engineer"
_REVERSIBLE = "migration_reversible"
_OTHER_INTERFACES = (
    ContractKind.GRAPHQL,
    ContractKind.GRPC,
    ContractKind.EVENT_STREAM,
    ContractKind.MESSAGE_QUEUE,
    ContractKind.INTERFACE,
)
"""Beside REST, which has metrics of its own."""


@dataclass(frozen=True, slots=True)
class FactCollector:
    """Implements ports.EvidenceCollector over facts, with a pure counting function."""

    name: str
    count: Callable[[JsonObject], Count]

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        measurement = Measurement(self.name, "journal", "1", subject)
        try:
            examined, metrics, detail = self.count(subject.facts)
        except KeyError as error:
            return measurement.failed(f"the run's record has no {error}")
        except (InvalidInput, AttributeError, TypeError, ValueError) as error:
            return measurement.failed(f"the run's record is not readable: {error}")
        measurement.files_examined = examined
        measurement.detail += detail
        measurement.raw = repr(sorted(metrics.items()))
        if not examined:
            return measurement.unavailable("the run's record holds nothing of the kind")
        return measurement.measured(metrics)


def analysis(facts: JsonObject) -> Count:
    found = decode(Analysis, facts["analysis"])
    metrics: dict[str, JsonScalar] = {
        "requirements.parts": len(found.parts),
        "requirements.covered": len(found.parts) - len(found.uncovered),
        "requirements.open_questions": len(found.open_questions),
        "requirements.buildable": found.buildable,
    }
    return 1, metrics, found.open_questions


def contracts(facts: JsonObject) -> Count:
    found = _contracts(facts)
    rest, schemas = _of(found, ContractKind.REST), _of(found, ContractKind.DATA_SCHEMA)
    criteria = [(contract, item) for contract in found for item in contract.acceptance]
    unchecked = [
        f"{contract.id}: {item.statement}" for contract, item in criteria if item.check is None
    ]
    faults = [f"{contract.id}: {fault}" for contract in found for fault in faults_of(contract)]
    metrics: dict[str, JsonScalar] = {
        "contracts.total": len(found),
        "contracts.rest": len(rest),
        "contracts.schemas": len(schemas),
        "contracts.pages": len(_of(found, ContractKind.PAGE)),
        "contracts.deployment": sum(contract.provider == OPERATOR for contract in found),
        "contracts.rest_for_tests": sum(CONTRACT_TESTER in c.consumers for c in rest),
        "contracts.rest_for_pages": sum(PAGE_BUILDER in c.consumers for c in rest),
        "contracts.unlocked": sum(not contract.digest for contract in found),
        "contracts.rest_unlocked": sum(not contract.digest for contract in rest),
        "contracts.schemas_unlocked": sum(not contract.digest for contract in schemas),
        "contracts.changed": sum(
            bool(c.digest) and c.digest != c.specification_digest() for c in found
        ),
        "contracts.lint_errors": len(faults),
        "contracts.criteria": len(criteria),
        "contracts.criteria_unchecked": len(unchecked),
    }
    return len(found), metrics, [*faults, *unchecked]


def verifications(facts: JsonObject) -> Count:
    """Counts by contract, so that one nobody verified is a failure and not an absence."""
    found, verified = _contracts(facts), _verifications(facts)
    unkept = {
        kind: [c for c in _of(found, kind) if c.id not in verified or not verified[c.id].conforms]
        for kind in ContractKind
    }
    rest = [verified[c.id] for c in _of(found, ContractKind.REST) if c.id in verified]
    pages = [verified[c.id] for c in _of(found, ContractKind.PAGE) if c.id in verified]
    errors = [
        f"{finding.operation or v.contract}: {finding.rule}: {finding.message}"
        for v in rest
        for finding in v.findings
        if finding.severity is Severity.ERROR
    ]
    metrics: dict[str, JsonScalar] = {
        "rest.not_conforming": len(unkept[ContractKind.REST]),
        "rest.operations": sum(v.operations_total for v in rest),
        "rest.operations_untested": sum(_untested(v) for v in rest),
        "rest.operations_not_built": sum(len(v.not_built) for v in rest),
        "rest.findings": len(errors),
        "schema.not_conforming": len(unkept[ContractKind.DATA_SCHEMA]),
        "schema.not_reversible": sum(
            not _is_reversible(c, verified.get(c.id)) for c in _of(found, ContractKind.DATA_SCHEMA)
        ),
        "page.not_conforming": len(unkept[ContractKind.PAGE]),
        "page.checks": sum(len(v.checks) for v in pages),
        "documents.not_conforming": len(unkept[ContractKind.DOCUMENT]),
        "interfaces.not_conforming": sum(len(unkept[kind]) for kind in _OTHER_INTERFACES),
    }
    detail = [
        f"{c.id} is {'not kept' if c.id in verified else 'not verified'}"
        for group in unkept.values()
        for c in group
    ]
    return len(found), metrics, [*errors, *detail]


def rechecks(facts: JsonObject) -> Count:
    """Per consumer: the checks of one must not stand in for another's."""
    groups = {"page": PAGE_BUILDER, "contract": CONTRACT_TESTER}
    metrics: dict[str, JsonScalar] = {}
    detail: list[str] = []
    examined = 0
    for group, persona in groups.items():
        if persona not in facts["rechecks"]:
            continue
        checks = [decode(CheckResult, item) for item in facts["rechecks"][persona]["checks"]]
        failed = [check for check in checks if not check.passed]
        examined += len(checks)
        metrics[f"clients.{group}_checks"] = len(checks)
        metrics[f"clients.{group}_failed"] = len(failed)
        detail += [f"{check.id}: {check.detail or check.statement}" for check in failed]
    return examined, metrics, detail


def trace(facts: JsonObject) -> Count:
    parts = [decode(TracedPart, item) for item in facts["trace"]]
    metrics: dict[str, JsonScalar] = {
        "trace.parts": len(parts),
        "trace.left_out": int(facts["not_built"]),
    }
    known = ("verified", "failed", "unverified", "not_built")
    for status in known:
        metrics[f"trace.{status}"] = sum(part.status == status for part in parts)
    strange = [part.status for part in parts if part.status not in known]
    if strange:
        raise ValueError(f"a requirement part has the status {strange[0]!r}")
    unverified = [part for part in parts if part.status == "unverified"]
    metrics["trace.unverified"] = sum(not part.needs_browser for part in unverified)
    metrics["trace.unverified_pages"] = sum(part.needs_browser for part in unverified)
    open_parts = [part for part in parts if part.status != "verified"]
    return len(parts), metrics, [f"{p.status}: {p.text}: {p.reason}" for p in open_parts]


def score(facts: JsonObject) -> Count:
    if facts["score"] is None:
        return 0, {}, ()
    found = decode(Score, facts["score"])
    metrics: dict[str, JsonScalar] = {
        "score.overall": found.overall,
        "score.threshold": float(facts["quality_threshold"]),
    }
    detail = [
        f"{t.name}: {t.value:.2f} of 1 (weight {t.weight}): {t.evidence}" for t in found.terms
    ]
    return 1, metrics, detail


def circumstances(facts: JsonObject) -> Count:
    metrics: dict[str, JsonScalar] = {
        "run.allow_partial": facts["allow_partial"],
        "run.browser": facts["browser"],
        "risk.level": risk_level(decode(Analysis, facts["analysis"])),
    }
    return 1, metrics, ()


def risk_level(found: Analysis) -> str:
    """By how much is to be built and how much of it is uncertain."""
    if found.complexity is Complexity.VERY_COMPLEX or len(found.risks) > 3:
        return "high"
    small = found.complexity in (Complexity.SIMPLE, Complexity.MODERATE)
    return "low" if small and len(found.risks) < 2 else "medium"


def launch(facts: JsonObject) -> Count:
    metrics: dict[str, JsonScalar] = {
        "launch.started": facts["launch"]["started"],
        "launch.answers": facts["launch"]["answers"],
    }
    return 1, metrics, ()


def _contracts(facts: JsonObject) -> list[Contract]:
    return [decode(Contract, item) for item in facts["contracts"]]


def _verifications(facts: JsonObject) -> dict[str, Verification]:
    return {name: decode(Verification, item) for name, item in facts["verifications"].items()}


def _of(found: Sequence[Contract], kind: ContractKind) -> list[Contract]:
    return [contract for contract in found if contract.kind is kind]


def _untested(verification: Verification) -> int:
    tested = verification.operations_tested + len(verification.not_built)
    return max(0, verification.operations_total - tested)


def _is_reversible(contract: Contract, verification: Verification | None) -> bool:
    """Whether the check that migrates there and back ran and passed."""
    wanted = {item.id for item in contract.acceptance if item.check == _REVERSIBLE}
    ran = verification.checks if verification is not None else ()
    return any(check.id in wanted and check.passed for check in ran)
