"""Evidence that is counted, not run: what earlier steps of the run committed.

Facts (EvidenceSubject.facts) are `analysis`, `contracts`, `verifications` (by contract), `rechecks`
(by persona), `trace`, `score`, `launch`, and what the caller and host allow: `allow_partial`,
`quality_threshold`, `browser`.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from maestro.domain.contract import CheckResult, Contract, ContractKind, Finding, Verification
from maestro.domain.encoding import decode
from maestro.domain.quality import Evidence, EvidenceStatus, Score, TracedPart
from maestro.domain.requirement import Analysis
from maestro.domain.values import JsonObject, JsonScalar
from maestro.ports import EvidenceSubject

Count = tuple[int, Mapping[str, JsonScalar], Sequence[str]]
"""Facts examined, metrics, and lines for people."""


@dataclass(frozen=True, slots=True)
class FactCollector:
    """Implements ports.EvidenceCollector over facts, with a pure counting function."""

    name: str
    count: Callable[[JsonObject], Count]

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        begin = time.monotonic()
        examined, metrics, detail = self.count(subject.facts)
        text = json.dumps(dict(metrics), sort_keys=True)
        return Evidence(
            collector=self.name,
            status=EvidenceStatus.MEASURED if examined else EvidenceStatus.UNAVAILABLE,
            tool="journal",
            version="1",
            argv=(),
            exit_code=None,
            duration_seconds=time.monotonic() - begin,
            files_examined=examined,
            metrics=dict(metrics) if examined else {},
            raw_digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
            detail=tuple(detail) if examined else ("no such fact in the run's journal",),
        )


def requirements(facts: JsonObject) -> Count:
    analysis = decode(Analysis, facts["analysis"])
    metrics: dict[str, JsonScalar] = {
        "requirements.parts": len(analysis.parts),
        "requirements.open_questions": len(analysis.open_questions),
        "requirements.confidence": analysis.confidence,
    }
    return 1, metrics, analysis.open_questions


def contracts(facts: JsonObject) -> Count:
    found = _contracts(facts)
    unlocked = [contract.id for contract in found if not contract.digest]
    changed = [c.id for c in found if c.digest and c.digest != c.specification_digest()]
    unbound = [
        f"{contract.id}: {criterion.id} has no executable check"
        for contract in found
        for criterion in contract.acceptance
        if criterion.check is None
    ]
    metrics: dict[str, JsonScalar] = {
        "contracts.total": len(found),
        "contracts.agreed": len(found) - len(unlocked),
        "contracts.unlocked": len(unlocked),
        "contracts.changed": len(changed),
        "contracts.unbound_criteria": len(unbound),
    }
    return len(found), metrics, unbound


def verification(facts: JsonObject) -> Count:
    found, verified = _contracts(facts), _verifications(facts)

    def of(kind: ContractKind) -> list[Contract]:
        return [contract for contract in found if contract.kind is kind]

    def unkept(kind: ContractKind) -> int:
        return sum(c.id not in verified or not verified[c.id].conforms for c in of(kind))

    def findings(kind: ContractKind) -> list[Finding]:
        return [f for c in of(kind) if c.id in verified for f in verified[c.id].findings]

    api = of(ContractKind.REST)
    untested = sum(
        max(0, v.operations_total - v.operations_tested - len(v.not_built))
        for v in (verified[c.id] for c in api if c.id in verified)
    )
    metrics: dict[str, JsonScalar] = {
        "api.contracts": len(api),
        "api.verified": len(api) - unkept(ContractKind.REST),
        "api.unverified": unkept(ContractKind.REST),
        "api.findings": len(findings(ContractKind.REST)),
        "api.untested_operations": untested,
        "schema.unverified": unkept(ContractKind.DATA_SCHEMA),
        "schema.findings": len(findings(ContractKind.DATA_SCHEMA)),
        "documents.unverified": unkept(ContractKind.DOCUMENT),
    }
    detail = [
        f"{finding.operation}: {finding.rule}: {finding.message}"
        for kind in (ContractKind.REST, ContractKind.DATA_SCHEMA)
        for finding in findings(kind)
    ]
    return len(found), metrics, detail


def recheck(facts: JsonObject) -> Count:
    checks = [
        decode(CheckResult, check)
        for item in facts["rechecks"].values()
        for check in item["checks"]
    ]
    failed = [check for check in checks if not check.passed]
    metrics: dict[str, JsonScalar] = {
        "recheck.checks": len(checks),
        "recheck.failed": len(failed),
    }
    return len(checks), metrics, [f"{check.id}: {check.detail}" for check in failed]


def page(facts: JsonObject) -> Count:
    pages = {c.id for c in _contracts(facts) if c.kind is ContractKind.PAGE}
    found = [v for name, v in _verifications(facts).items() if name in pages]
    checks = [check for v in found for check in v.checks]
    failed = [check for check in checks if not check.passed]
    findings = [finding for v in found for finding in v.findings]
    metrics: dict[str, JsonScalar] = {
        "page.checks": len(checks),
        "page.failed": len(failed),
        "page.findings": len(findings),
    }
    detail = [f"{check.id}: {check.detail}" for check in failed]
    return len(checks), metrics, [*detail, *(finding.message for finding in findings)]


def launch(facts: JsonObject) -> Count:
    started, answers = facts["launch"]["started"], facts["launch"]["answers"]
    return int(started), {"launch.answers": bool(answers)}, ()


def review(facts: JsonObject) -> Count:
    parts = [decode(TracedPart, item) for item in facts["trace"]]
    counted = {
        status: [part for part in parts if part.status == status]
        for status in ("not_built", "failed", "unverified")
    }
    metrics: dict[str, JsonScalar] = {
        "trace.parts": len(parts),
        "trace.not_built": int(facts["not_built"]),
        "trace.failed": len(counted["failed"]),
        "trace.unverified": len(counted["unverified"]),
    }
    if facts["score"] is not None:
        overall = decode(Score, facts["score"]).overall
        metrics["score.overall"] = overall
        metrics["score.shortfall"] = round(float(facts["quality_threshold"]) - overall, 6)
    detail = [f"{p.status}: {p.text}: {p.reason}" for group in counted.values() for p in group]
    return len(parts), metrics, detail


def host(facts: JsonObject) -> Count:
    kinds = {contract.kind for contract in _contracts(facts)}
    metrics: dict[str, JsonScalar] = {
        "host.browser": bool(facts["browser"]),
        "run.allow_partial": bool(facts["allow_partial"]),
        "run.has_page": ContractKind.PAGE in kinds,
        "run.has_database": ContractKind.DATA_SCHEMA in kinds,
        "run.has_api": ContractKind.REST in kinds,
    }
    return 1, metrics, ()


def _contracts(facts: JsonObject) -> list[Contract]:
    return [decode(Contract, item) for item in facts["contracts"]]


def _verifications(facts: JsonObject) -> dict[str, Verification]:
    return {name: decode(Verification, item) for name, item in facts["verifications"].items()}
