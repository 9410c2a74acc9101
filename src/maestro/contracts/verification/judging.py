"""Puts together what trials, generated requests, replayed calls and files have shown."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maestro.contracts.openapi.bundling import compiled, standalone
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.lint import errors_of
from maestro.contracts.openapi.operations import Operation
from maestro.contracts.openapi.shapes import is_json
from maestro.contracts.verification.acceptance import CriterionOutcome
from maestro.contracts.verification.conformance import Conformance, tool_name
from maestro.contracts.verification.deliverables import Examination
from maestro.contracts.verification.fulfilment import FulfilmentEvidence, fulfilment
from maestro.contracts.verification.not_built import NotBuiltChecked
from maestro.contracts.verification.outcome import (
    CheckState,
    OperationRecord,
    ProviderCheck,
    ProviderReport,
)
from maestro.contracts.verification.starting import StartedProvider
from maestro.contracts.verification.trials.calls import RULE as REPLAY
from maestro.contracts.verification.trials.calls import CallsReplayed
from maestro.contracts.verification.trials.run import TrialResult, distinct
from maestro.domain.contract import Contract, Finding, Severity
from maestro.errors import InvalidInput

SERIOUS = frozenset({
    "answers", "content_type_conformance", "ignored_auth", "not_a_server_error",
    "response_body_missing", "response_headers_conformance", "response_schema_conformance",
    "status_code_conformance",
})  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Gathered:
    """Everything that was found out about one provider."""

    contract: Contract
    document: OpenApiDocument
    operations: Sequence[Operation]
    target: str
    seed: int
    examples: int = 0
    """Generated requests that were shared out among the operations."""
    started: StartedProvider | None = None
    trials: Sequence[TrialResult] = ()
    criteria: Sequence[CriterionOutcome] = ()
    calls: CallsReplayed | None = None
    conformance: Conformance | None = None
    files: Examination | None = None
    not_built: NotBuiltChecked | None = None
    looked_at: frozenset[str] = frozenset()
    statuses: Mapping[str, set[int]] = field(default_factory=dict)
    requests: int = 0
    seconds: float = 0.0


def judged(gathered: Gathered) -> ProviderReport:
    findings = _findings(gathered)
    records = tuple(_records(gathered, findings))
    checks = tuple(_checks(gathered, findings))
    tools = {"maestro trials": str(len(gathered.trials))}
    if gathered.conformance is not None:
        name, _, number = tool_name().partition(" ")
        tools |= {name: number, "generated examples": str(gathered.examples)}
    return ProviderReport(
        contract=gathered.contract.id,
        version=gathered.contract.version,
        digest=gathered.contract.specification_digest(),
        target=gathered.target,
        at=datetime.now(UTC),
        seconds=round(gathered.seconds, 2),
        seed=gathered.seed,
        requests=gathered.requests,
        tools=tools,
        operations=records,
        checks=checks,
        findings=findings,
        dropped=sum(result.dropped for result in gathered.trials),
        fulfilment=fulfilment(_evidence(gathered, records, checks, findings)),
    )


def _findings(gathered: Gathered) -> tuple[Finding, ...]:
    """Trials first: theirs are the plainest. What they say of a place nobody needs to say again."""
    found = list(distinct(gathered.trials))
    places = {(f.rule, f.operation) for f in found}
    rest: list[Finding] = [o.finding for o in gathered.criteria if o.finding is not None]
    rest += gathered.calls.findings if gathered.calls else ()
    rest += gathered.conformance.findings if gathered.conformance else ()
    rest += gathered.files.findings if gathered.files else ()
    rest += gathered.not_built.findings if gathered.not_built else ()
    found += [f for f in rest if (f.rule, f.operation) not in places]
    for orphan in gathered.started.orphans if gathered.started else ():
        found.append(
            Finding(
                rule="orphan_after_stop",
                message="a process of the provider was still there after it was stopped",
                expected="nothing is left when the provider's group has ended",
                seen=orphan,
            )
        )
    return tuple(dict.fromkeys(found))


def _records(gathered: Gathered, findings: Iterable[Finding]) -> Iterator[OperationRecord]:
    wrong = Counter(f.operation for f in findings if f.severity is Severity.ERROR)
    generated = gathered.conformance.tested if gathered.conformance else frozenset()
    for operation in gathered.operations:
        yield OperationRecord(
            key=operation.key,
            tested=operation.key in gathered.looked_at or operation.key in generated,
            findings=wrong[operation.key],
            statuses_seen=tuple(sorted(gathered.statuses.get(operation.key, ()))),
            statuses_documented=tuple(operation.responses),
        )


def _checks(gathered: Gathered, findings: Sequence[Finding]) -> Iterator[ProviderCheck]:
    if gathered.started is not None:
        left = gathered.started.orphans
        yield ProviderCheck(
            id="provider_started",
            statement="The provider was started, answered, and left nothing behind.",
            state=CheckState.FAILED if left else CheckState.PASSED,
            kind="lifecycle",
            detail=f"ready after {gathered.started.ready_seconds:.1f} s",
        )
    for result in gathered.trials:
        yield _of_trial(result)
    for outcome in gathered.criteria:
        yield _of_criterion(outcome)
    if gathered.calls is not None:
        yield _of_calls(gathered.calls)
    if gathered.not_built is not None:
        check = gathered.not_built.check
        yield ProviderCheck(id=check.id, statement=check.statement, state=_state(check.passed),
                            kind="reply", detail=check.detail)  # fmt: skip
    for check in gathered.files.checks if gathered.files else ():
        yield ProviderCheck(id=check.id, statement=check.statement, state=_state(check.passed),
                            kind="file", detail=check.detail)  # fmt: skip
    for check in gathered.conformance.checks if gathered.conformance else ():
        yield ProviderCheck(id=check.id, statement=check.statement, state=_state(check.passed),
                            kind="generated", detail=check.detail)  # fmt: skip


def _state(passed: bool) -> CheckState:
    return CheckState.PASSED if passed else CheckState.FAILED


def _of_trial(result: TrialResult) -> ProviderCheck:
    state = CheckState.FAILED if result.findings else CheckState.PASSED
    detail = result.findings[0].message if result.findings else ""
    if result.unverified and not result.findings:
        state, detail = CheckState.UNVERIFIED, result.unverified
    trial = result.trial
    return ProviderCheck(
        id=trial.id,
        statement=trial.statement,
        state=state,
        kind=trial.kind,
        operation=trial.operation,
        detail=detail,
    )


def _of_criterion(outcome: CriterionOutcome) -> ProviderCheck:
    result = outcome.result
    state = _state(result.passed)
    if not result.passed and outcome.finding is None:
        state = CheckState.UNVERIFIED
    return ProviderCheck(
        id=result.id,
        statement=result.statement,
        state=state,
        kind="criterion",
        detail=result.detail,
        parts=result.parts,
    )


def _of_calls(calls: CallsReplayed) -> ProviderCheck:
    state = CheckState.FAILED if calls.findings else CheckState.PASSED
    if not calls.replayed and not calls.findings:
        state = CheckState.UNVERIFIED
    return ProviderCheck(
        id=REPLAY,
        statement="Calls that consumers made on the mock are answered alike.",
        state=state,
        kind="replay",
        detail=f"{calls.alike} of {calls.replayed} alike, {calls.outside} outside of the contract",
    )


def _evidence(
    gathered: Gathered,
    records: Sequence[OperationRecord],
    checks: Sequence[ProviderCheck],
    findings: Sequence[Finding],
) -> FulfilmentEvidence:
    agreed = gathered.contract.digest
    calls, files, started = gathered.calls, gathered.files, gathered.started
    examples = list(_examples(gathered.document, gathered.operations))
    criteria = [c for c in checks if _is_criterion(c)]
    refusing = _by_operation(checks)
    return FulfilmentEvidence(
        operations=len(records),
        operations_clean=sum(record.clean for record in records),
        operations_refusing=sum(refusing.values()) if refusing else None,
        operations_negative=len(refusing) or None,
        criteria_passed=sum(c.state is CheckState.PASSED for c in criteria),
        criteria=len(criteria),
        criteria_unverified=sum(c.state is CheckState.UNVERIFIED for c in criteria),
        replayed_alike=calls.alike if calls else None,
        replayed=calls.replayed if calls else None,
        calls_outside=calls.outside if calls else None,
        examples_valid=sum(examples),
        examples=len(examples),
        files_present=sum(check.passed for check in files.checks) if files else None,
        files=len(files.checks) if files else None,
        document_errors=len(errors_of(gathered.document)),
        unchanged=gathered.contract.specification_digest() == agreed if agreed else None,
        started=True if started else None,
        orphans=len(started.orphans) if started else None,
        serious=sum(f.rule in SERIOUS and f.severity is Severity.ERROR for f in findings),
    )


def _is_criterion(check: ProviderCheck) -> bool:
    """The contract's own criteria always count; those made from the document where they ran."""
    tried = check.kind == "state" and check.state is not CheckState.UNVERIFIED
    return check.kind == "criterion" or tried


def _by_operation(checks: Iterable[ProviderCheck]) -> dict[str, bool]:
    """Operation -> whether it took every valid and refused every invalid request."""
    found: dict[str, bool] = {}
    for check in checks:
        if check.kind == "negative":
            passed = check.state is CheckState.PASSED
            found[check.operation] = found.get(check.operation, True) and passed
    return found


def _examples(document: OpenApiDocument, known: Iterable[Operation]) -> Iterator[bool]:
    """Whether each example of a body fits its schema."""
    for operation in known:
        contents = [operation.body.content] if operation.body else []
        contents += [response.content for response in operation.responses.values()]
        for content in contents:
            for kind, media in content.items():
                if is_json(kind):
                    yield from (_fits(document, media.schema, e) for e in media.examples)
        for parameter in operation.parameters:
            yield from (_fits(document, parameter.schema, e) for e in parameter.examples)


def _fits(document: OpenApiDocument, schema: Any, example: Any) -> bool:
    try:
        return bool(compiled(standalone(document, schema)).is_valid(example))
    except InvalidInput:
        return False
