"""Who approved or waived what, when, and on which evidence: from the audit log and the journal."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from maestro.delivery.audit_desk import AuditDesk, AuditVerification
from maestro.domain.access import AuditEntry
from maestro.domain.encoding import canonical, encode
from maestro.domain.overview import AttemptRecord
from maestro.domain.quality import Verdict
from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonObject, JsonValue, RunId, StepId
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.errors import NotFound
from maestro.ports import Transaction

APPROVALS = frozenset({"run:approve", "run:reject"})
WAIVERS_BY = {
    WaiverStatus.REQUESTED: "waiver:request",
    WaiverStatus.APPROVED: "waiver:approve",
    WaiverStatus.REFUSED: "waiver:refuse",
    WaiverStatus.REVOKED: "waiver:revoke",
}
"""What was asked for to bring a waiver into each state."""
WAIVERS = frozenset(WAIVERS_BY.values())
_DECIDED = frozenset({EventKind.STEP_SUCCEEDED, EventKind.STEP_BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvidence:
    """What a step that the decision rested on had come to at that moment."""

    step: StepId
    attempt: int
    status: str
    ended_at: datetime | None
    digest: str
    """Of what it put out, or of why it was refused."""
    gate: JsonValue = None
    """Of a gate: phase, passed, digest of the policy, digests of the raw evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTold:
    """One approval, rejection or step in the life of a waiver, or the refusal of one."""

    number: int
    """Of its record in the audit log."""
    at: datetime
    principal: str
    action: str
    target: str
    project: str
    allowed: bool
    comment: str = ""
    evidence: tuple[StepEvidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverUse:
    """A gate that passed although it had failed."""

    run: RunId
    step: StepId
    attempt: int
    at: datetime | None
    gate: str
    phase: str
    condition: str
    observed: JsonValue
    waiver: JsonValue
    waiver_id: str
    """Empty for one that stands in the policy itself."""
    evidence: tuple[str, ...]
    """Digests of the raw outputs it was judged on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplianceReport:
    generated_at: datetime
    project: str | None
    since: datetime | None
    chain: AuditVerification
    """Whether the log that all this is taken from is as it was written. Looked at first."""
    decisions: tuple[DecisionTold, ...]
    waivers: tuple[WaiverRecord, ...]
    waived: tuple[WaiverUse, ...]


async def compliance_report(
    desk: AuditDesk, *, project: str | None = None, since: datetime | None = None
) -> ComplianceReport:
    """Of one project, or of all."""
    chain, entries = await desk.verified(
        lambda entry: (
            entry.record.action in APPROVALS | WAIVERS
            and project in (None, entry.record.project)
            and (since is None or entry.record.at >= since)
        )
    )
    store = desk.maestro.store
    decisions = [
        await store.read(lambda tx, entry=entry: _decision(tx, entry))  # type: ignore[misc]
        for entry in entries
    ]
    waivers, waived = await store.read(lambda tx: _waivers(tx, project, since))
    return ComplianceReport(
        generated_at=desk.maestro.clock.now(),
        project=project,
        since=since,
        chain=chain,
        decisions=tuple(decisions),
        waivers=tuple(waivers),
        waived=tuple(waived),
    )


def report_document(report: ComplianceReport) -> JsonObject:
    document: dict[str, object] = encode(report)
    return {"type": "compliance_report", **document}


def _decision(tx: Transaction, entry: AuditEntry) -> DecisionTold:
    record = entry.record
    comment, evidence = "", tuple[StepEvidence, ...]()
    run_id, _, step_id = record.target.partition("/")
    if record.action in APPROVALS and record.allowed:
        event = _event_of(tx, entry, RunId(run_id), StepId(step_id))
        if event is not None:
            comment = str(event.data["decision"].get("comment", ""))
        before = record.at if event is None else event.at
        evidence = tuple(_evidence(tx, RunId(run_id), StepId(step_id), before))
    elif record.action in WAIVERS:
        comment = _waiver_comment(tx, entry)
    return DecisionTold(
        number=entry.number,
        at=record.at,
        principal=record.principal,
        action=record.action,
        target=record.target,
        project=record.project,
        allowed=record.allowed,
        comment=comment,
        evidence=evidence,
    )


def _event_of(tx: Transaction, entry: AuditEntry, run_id: RunId, step_id: StepId) -> Event | None:
    """The event that was written with the decision; None where the run is not there any more."""
    sequence = 0
    while page := tx.events.after(run_id, sequence):
        for event in page:
            decision = event.data.get("decision")
            fits = (
                event.step_id == step_id and event.kind in _DECIDED and event.at >= entry.record.at
            )
            if fits and isinstance(decision, Mapping):
                return event if decision.get("by") == entry.record.principal else None
        sequence = page[-1].sequence
    return None


def _evidence(
    tx: Transaction, run_id: RunId, step_id: StepId, before: datetime
) -> Iterator[StepEvidence]:
    """Of the steps that the decided one needs, as they stood then."""
    try:
        steps = tx.runs.workflow(run_id).steps
    except NotFound:
        return
    actions = {step.id: step.action for step in steps}
    needs = next((step.needs for step in steps if step.id == step_id), ())
    for need in needs:
        ended = [
            one
            for one in tx.listing.attempts(run_id, need)
            if one.ended_at is not None and one.ended_at <= before
        ]
        if ended:
            gate = actions.get(need) == "quality.gate"
            yield _step_evidence(need, ended[-1], judged=gate)


def _step_evidence(step_id: StepId, attempt: AttemptRecord, *, judged: bool) -> StepEvidence:
    """`judged`: whether the step is a gate, so that its verdict is one."""
    error = attempt.error
    said = attempt.output if error is None else encode(error)
    verdict = _verdict(attempt.output if error is None else error.detail)
    gate: JsonValue = None
    if judged and verdict is not None:
        gate = {
            "phase": verdict.get("phase"),
            "passed": verdict.get("passed"),
            "policy": verdict.get("policy"),
            "evidence": sorted(
                {str(d) for one in _results(verdict) for d in one.get("evidence", ())}
            ),
        }
    return StepEvidence(
        step=step_id,
        attempt=attempt.attempt,
        status=attempt.status,
        ended_at=attempt.ended_at,
        digest="sha256:" + hashlib.sha256(canonical(said).encode()).hexdigest(),
        gate=gate,
    )


def _waiver_comment(tx: Transaction, entry: AuditEntry) -> str:
    """What was said when it got its present status, or why it was asked for."""
    try:
        record = tx.waivers.get(entry.record.target.rpartition("/")[2])
    except NotFound:
        return ""
    if entry.record.action == "waiver:request":
        return record.reason
    who = (WAIVERS_BY.get(record.status), record.revoked_by or record.approver)
    told = entry.record.allowed and who == (entry.record.action, entry.record.principal)
    return record.comment if told else ""


def _waivers(
    tx: Transaction, project: str | None, since: datetime | None
) -> tuple[list[WaiverRecord], list[WaiverUse]]:
    """Those that were asked for, decided or used in that time."""
    names = tx.projects.names() if project is None else [project]
    known = [record for name in names for record in tx.waivers.of_project(name)]
    waived = [
        _waived_gate(run_id, step_id, attempt, result, known)
        for run_id, step_id, attempt in tx.projects.waived(project, since)
        for result in _waived_results(attempt)
    ]
    used = {gate.waiver_id for gate in waived}
    shown = [
        record
        for record in known
        if since is None
        or record.requested_at >= since
        or (record.decided_at is not None and record.decided_at >= since)
        or record.id in used
    ]
    return shown, waived


def _waived_results(attempt: AttemptRecord) -> Iterator[Mapping[str, JsonValue]]:
    """Of a gate's verdict, or of that of work with an entry gate; of what others put out, none."""
    judged = attempt.output if attempt.error is None else attempt.error.detail
    verdict = _verdict(judged)
    if verdict is None and isinstance(judged, Mapping):
        verdict = _verdict(judged.get("entry"))
    for result in _results(verdict):
        if result.get("verdict") == Verdict.WAIVED.value:
            yield result


def _verdict(judged: JsonValue) -> Mapping[str, JsonValue] | None:
    found = judged.get("verdict") if isinstance(judged, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _results(verdict: Mapping[str, JsonValue] | None) -> Iterator[Mapping[str, JsonValue]]:
    found = None if verdict is None else verdict.get("results")
    for one in found if isinstance(found, list) else ():
        if isinstance(one, Mapping) and isinstance(one.get("evidence", []), list):
            yield one


def _waived_gate(
    run_id: RunId,
    step_id: StepId,
    attempt: AttemptRecord,
    result: Mapping[str, JsonValue],
    known: Sequence[WaiverRecord],
) -> WaiverUse:
    told = result.get("waiver")
    waiver = told if isinstance(told, Mapping) else {}
    of = ("gate", "project", "author", "approver", "adr")
    own = next((one for one in known if all(getattr(one, k) == waiver.get(k) for k in of)), None)
    return WaiverUse(
        run=run_id,
        step=step_id,
        attempt=attempt.attempt,
        at=attempt.ended_at,
        gate=str(result.get("gate", "")),
        phase=str(result.get("phase", "")),
        condition=str(result.get("condition", "")),
        observed=result.get("observed"),
        waiver=dict(waiver),
        waiver_id="" if own is None else own.id,
        evidence=tuple(result.get("evidence", ())),
    )
