"""Whose work goes back, and with which words: read from the refusals of a run's own record."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from small_run import BACKEND, DATABASE, PAGE, delivered

from maestro.delivery.record import GateRecord, RunRecord
from maestro.delivery.rework import demands
from maestro.domain.contract import (
    CheckResult,
    Finding,
    Severity,
    Verification,
)
from maestro.domain.encoding import encode
from maestro.domain.quality import (
    ArtefactResult,
    ArtefactSchema,
    Evidence,
    EvidenceStatus,
    GateResult,
    GateSeverity,
    PhaseVerdict,
    Verdict,
)
from maestro.domain.run import StepError
from maestro.domain.values import JsonScalar, JsonValue, StepId
from maestro.errors import InvalidInput


def result(
    gate: str,
    condition: str,
    observed: Mapping[str, JsonScalar],
    verdict: Verdict = Verdict.FAIL,
    severity: GateSeverity = GateSeverity.BLOCKING,
) -> GateResult:
    return GateResult(
        gate=gate,
        phase="x",
        severity=severity,
        verdict=verdict,
        condition=condition,
        observed=dict(observed),
        reason="it is so",
    )


def said(collector: str, *detail: str, errors: Sequence[str] = ()) -> Evidence:
    return Evidence(
        collector=collector,
        status=EvidenceStatus.MEASURED,
        tool=collector,
        version="1",
        argv=(),
        exit_code=0,
        duration_seconds=0.1,
        files_examined=1,
        detail=detail,
        tool_errors=tuple(errors),
    )


def judged(
    results: Sequence[GateResult],
    *evidence: Evidence,
    phase: str = "backend_implementation",
    artefacts: Sequence[ArtefactResult] = (),
) -> JsonValue:
    verdict = PhaseVerdict(
        phase=phase, passed=False, results=tuple(results), reasons=("r",), policy="p",
        artefacts=tuple(artefacts),
    )  # fmt: skip
    return encode(GateRecord(verdict=verdict, evidence=evidence))


def record(**blocked: JsonValue) -> RunRecord:
    """Everybody has delivered; these steps (with `_` for `.`) were blocked with this detail."""
    return RunRecord(
        inputs={},
        outputs=delivered(),
        errors={
            StepId(name.replace("_", ".")): StepError(
                code="blocked", message="no", reasons=("told so",), detail=detail
            )
            for name, detail in blocked.items()
        },
    )


def refused_work(detail: JsonValue) -> RunRecord:
    """The page's builder was blocked, everybody else has delivered."""
    blocked = record(work=detail)
    return replace(blocked, errors={PAGE: blocked.errors[StepId("work")]})


STUBS = result("BAC-4", "stubs.found == 0", {"stubs.found": 1})


def test_the_owner_of_the_file_that_the_evidence_names_gets_condition_and_evidence() -> None:
    finding = "backend/migrations/0001_tables.py:7: upgrade has no body"
    given = demands(record(gate_backend=judged([STUBS], said("stubs", finding))))
    assert list(given) == [DATABASE]
    [told] = given[DATABASE]
    for part in ("BAC-4", "stubs.found == 0", "stubs.found = 1", finding):
        assert part in told


def test_evidence_of_other_collectors_blames_nobody() -> None:
    other = said("lint", "frontend/index.html:1: something")
    own = said("stubs", "backend/app/main.py:3: pass")
    assert list(demands(record(gate_backend=judged([STUBS], other, own)))) == [BACKEND]


def test_without_a_named_file_it_goes_to_who_worked_in_the_phase() -> None:
    given = demands(record(gate_backend=judged([STUBS], said("stubs", "somewhere"))))
    assert list(given) == [BACKEND]


def test_one_refusal_may_concern_two() -> None:
    detail = ("frontend/index.html:1: TODO", "backend/app/main.py:9: pass")
    given = demands(record(gate_review=judged([STUBS], said("stubs", *detail), phase="review")))
    assert list(given) == [BACKEND, PAGE]
    assert given[BACKEND] == given[PAGE]


def test_what_did_not_refuse_is_no_reason() -> None:
    passed = [
        result("A", "stubs.found == 0", {"stubs.found": 0}, Verdict.PASS),
        result("B", "stubs.found == 0", {"stubs.found": 3}, Verdict.WAIVED),
        result("C", "stubs.found == 0", {"stubs.found": 3}, severity=GateSeverity.WARNING),
        result("D", "stubs.found == 0", {}, Verdict.NOT_APPLICABLE),
    ]
    broken = result("E", "lint.errors == 0", {}, Verdict.ERROR, GateSeverity.WARNING)
    given = demands(
        record(gate_backend=judged([*passed, broken], said("lint", errors=["ruff broke"])))
    )
    [told] = given[BACKEND]
    assert "gate E is ERROR" in told
    assert "ruff broke" in told


def test_a_broken_contract_goes_back_to_its_provider_with_every_finding() -> None:
    finding = Finding(
        rule="status", message="not declared", severity=Severity.ERROR, operation="POST /tasks",
        expected="201", seen="200",
    )  # fmt: skip
    verification = Verification(
        contract="api",
        target="t",
        operations_total=1,
        operations_tested=1,
        checks=(CheckResult(id="c", statement="c", passed=True),),
        findings=(finding,),
        requests=1,
        duration_seconds=1.0,
    )
    given = demands(record(verify_api=encode(verification)))
    assert list(given) == [BACKEND]
    assert given[BACKEND] == (
        "contract api: POST /tasks: status: not declared (expected 201, saw 200)",
    )


def test_a_consumer_that_fails_on_the_real_provider_gets_its_own_reasons() -> None:
    assert demands(record(recheck_page=None)) == {PAGE: ("told so",)}


def test_a_missing_artefact_goes_to_who_worked_in_the_phase() -> None:
    missing = ArtefactResult(
        path="backend/app/main.py", schema=ArtefactSchema.PYTHON, verdict=Verdict.FAIL, found=(),
        reason="there is none",
    )  # fmt: skip
    given = demands(record(gate_backend=judged([], artefacts=[missing])))
    assert list(given) == [BACKEND]
    assert "there is none" in given[BACKEND][0]


def test_who_is_chosen_gets_everything() -> None:
    detail = judged([STUBS], said("stubs", "backend/app/main.py:9: pass"))
    given = demands(record(gate_backend=detail, recheck_page=None), [DATABASE])
    assert list(given) == [DATABASE]
    assert len(given[DATABASE]) == 2


def test_a_chosen_step_must_be_work() -> None:
    with pytest.raises(InvalidInput, match=r"'gate\.backend' is no work"):
        demands(record(recheck_page=None), [StepId("gate.backend")])


def test_without_a_refusal_there_is_nothing_to_rework() -> None:
    with pytest.raises(InvalidInput, match="no condition was refused"):
        demands(record())


def test_when_nobody_can_be_named_the_caller_has_to() -> None:
    detail = judged([STUBS], said("stubs", "somewhere"), phase="review")
    with pytest.raises(InvalidInput, match=r"name the steps to give back: work\.backend"):
        demands(record(gate_review=detail))


def test_who_was_not_let_start_is_not_told_to_do_it_again() -> None:
    unlocked = result("FRO-0", "contracts.rest_unlocked == 0", {"contracts.rest_unlocked": 1})
    entry = judged([unlocked], said("contracts", "api is not agreed"), phase="frontend")
    blocked = refused_work(entry)
    with pytest.raises(InvalidInput, match="name the steps to give back"):
        demands(blocked)
    assert "gate FRO-0" in demands(blocked, [BACKEND])[BACKEND][0]


def test_an_entry_gate_names_the_owner_of_the_file_it_was_refused_for() -> None:
    entry = judged([STUBS], said("stubs", "backend/app/main.py:9: pass"), phase="frontend")
    assert list(demands(refused_work(entry))) == [BACKEND]


def test_work_that_was_refused_itself_goes_back_to_who_did_it() -> None:
    assert demands(refused_work(None)) == {PAGE: ("told so",)}


def test_a_refusal_for_faults_of_the_evidence_itself_is_one() -> None:
    blocked = record(gate_backend=judged([], said("lint")))
    with pytest.raises(InvalidInput, match="name the steps to give back"):
        demands(blocked)
    assert demands(blocked, [BACKEND]) == {BACKEND: ("phase backend_implementation: r",)}


def test_what_broke_is_not_reworked() -> None:
    found = record(gate_backend=None)
    errors = {s: replace(e, code="step_failed") for s, e in found.errors.items()}
    with pytest.raises(InvalidInput, match="no condition was refused"):
        demands(replace(found, errors=errors))
