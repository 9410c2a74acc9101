"""Counting the run's record: what is absent is a failure or unknown, never a nought that passes."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    ContractKind,
    Deliverable,
    Finding,
    Severity,
    SpecificationFormat,
    Verification,
)
from maestro.domain.encoding import encode
from maestro.domain.entities import DomainModel
from maestro.domain.quality import Evidence, EvidenceStatus, Score, ScoreTerm, TracedPart
from maestro.domain.requirement import (
    Analysis,
    Complexity,
    Parallelizability,
    PartKind,
    RequirementPart,
    RequirementType,
)
from maestro.domain.values import ContractId
from maestro.ports import EvidenceSubject, SandboxStrength
from maestro.quality.evidence import collectors

FACTS = (
    "analysis", "contracts", "verifications", "rechecks", "trace", "score", "circumstances",
    "launch",
)  # fmt: skip
OPENAPI = {"paths": {"/tasks": {"get": {"operationId": "l", "responses": {"200": {}}}}}}


class ScriptedSandbox:
    root = Path("nowhere")
    strength = SandboxStrength(mechanism="none", level="L0", capabilities=(), missing=())


def collect(name: str, facts: Mapping[str, Any]) -> Evidence:
    sandbox: Any = ScriptedSandbox()
    return asyncio.run(collectors()[name].collect(EvidenceSubject(sandbox=sandbox, facts=facts)))


def contract(
    name: str = "backend-api",
    kind: ContractKind = ContractKind.REST,
    *,
    provider: str = "backend_developer",
    consumers: tuple[str, ...] = (),
    acceptance: tuple[AcceptanceCriterion, ...] = (),
    specification: Mapping[str, Any] = OPENAPI,
    digest: str | None = None,
) -> Contract:
    made = Contract(
        id=ContractId(name),
        name=name,
        kind=kind,
        version="1.0.0",
        provider=provider,
        component="backend",
        consumers=consumers,
        format=SpecificationFormat.OPENAPI,
        specification=specification,
        deliverables=(Deliverable(name="d", description="d", paths=("x",)),),
        acceptance=acceptance,
    )
    return Contract(
        **{f: getattr(made, f) for f in made.__dataclass_fields__ if f != "digest"},
        digest=made.specification_digest() if digest is None else digest,
    )


def verification(
    name: str = "backend-api",
    *,
    checks: tuple[CheckResult, ...] = (CheckResult(id="c", statement="c", passed=True),),
    findings: tuple[Finding, ...] = (),
    total: int = 5,
    tested: int = 5,
    not_built: tuple[str, ...] = (),
) -> Verification:
    return Verification(
        contract=name,
        target="t",
        operations_total=total,
        operations_tested=tested,
        checks=checks,
        findings=findings,
        requests=9,
        duration_seconds=1.0,
        not_built=not_built,
    )


def record(
    contracts: tuple[Contract, ...] = (), verified: tuple[Verification, ...] = ()
) -> dict[str, Any]:
    return {
        "contracts": encode(contracts),
        "verifications": {v.contract: encode(v) for v in verified},
    }


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("value", ["absent", None, 7, "text", [3], {"a": 1}])
def test_a_record_that_cannot_be_read_is_no_measurement(name: str, value: object) -> None:
    keys = (
        "analysis", "contracts", "verifications", "rechecks", "trace", "not_built", "score",
        "quality_threshold", "launch",
    )  # fmt: skip
    facts = {} if value == "absent" else dict.fromkeys(keys, value)
    found = collect(name, facts)
    assert found.status is not EvidenceStatus.MEASURED
    assert found.metrics == {}


@pytest.mark.parametrize("name", ["contracts", "verifications", "rechecks", "trace"])
def test_an_empty_record_is_not_measured(name: str) -> None:
    facts = {"contracts": [], "verifications": {}, "rechecks": {}, "trace": [], "not_built": 0}
    assert collect(name, facts).status is EvidenceStatus.UNAVAILABLE


ANALYSIS = Analysis(
    type=RequirementType.FEATURE_DEVELOPMENT,
    complexity=Complexity.SIMPLE,
    parallelizability=Parallelizability.FULLY_PARALLEL,
    expertise=(),
    effort_hours=1.0,
    risks=(),
    dependencies=(),
    rationale="",
    confidence=0.9,
    domain=DomainModel(title="T", entities=()),
    parts=(),
)


def test_the_analysis_is_counted() -> None:
    part = RequirementPart(id="R1", kind=PartKind.ENTITY, text="tasks", source="tasks")
    voice = RequirementPart(
        id="R2", kind=PartKind.UNKNOWN, text="v", source="v", covered=False, reason="nobody"
    )
    analysis = replace(ANALYSIS, parts=(part, voice), open_questions=("which currency?",))
    found = collect("analysis", {"analysis": encode(analysis)})
    assert found.metrics == {
        "requirements.parts": 2,
        "requirements.covered": 1,
        "requirements.open_questions": 1,
        "requirements.buildable": True,
    }
    assert found.detail == ("which currency?",)


def test_contracts_are_counted_by_kind_consumer_and_state() -> None:
    checked = AcceptanceCriterion(id="a", statement="a", check="field_stored")
    unchecked = AcceptanceCriterion(id="b", statement="b", check=None)
    rest = contract(consumers=("frontend_developer",), acceptance=(checked, unchecked))
    moved = contract("orders-api", digest="sha256:0")
    schema = contract("s", ContractKind.DATA_SCHEMA, specification={"tables": [{}]}, digest="")
    run = contract(
        "operations",
        ContractKind.DOCUMENT,
        provider="devops_engineer",
        specification={"files": [{}]},
    )
    found = collect("contracts", record((rest, moved, schema, run)))
    assert found.metrics == {
        "contracts.total": 4,
        "contracts.rest": 2,
        "contracts.schemas": 1,
        "contracts.pages": 0,
        "contracts.deployment": 1,
        "contracts.rest_for_tests": 0,
        "contracts.rest_for_pages": 1,
        "contracts.unlocked": 1,
        "contracts.rest_unlocked": 0,
        "contracts.schemas_unlocked": 1,
        "contracts.changed": 1,
        "contracts.lint_errors": 0,
        "contracts.criteria": 2,
        "contracts.criteria_unchecked": 1,
    }


@pytest.mark.parametrize(
    ("kind", "specification"),
    [
        (ContractKind.REST, {}),
        (ContractKind.REST, {"paths": {}}),
        (ContractKind.REST, {"paths": {"/a": {"parameters": []}}}),
        (ContractKind.REST, {"paths": {"/a": {"get": {}}}}),
        (ContractKind.REST, {"paths": {"/a": {
            "get": {"operationId": "x", "responses": {"200": {}}},
            "put": {"operationId": "x", "responses": {"200": {}}},
        }}}),
        (ContractKind.DATA_SCHEMA, {"tables": []}),
        (ContractKind.PAGE, {"title": "x"}),
        (ContractKind.DOCUMENT, {"files": []}),
        (ContractKind.GRPC, {"files": {}}),
        (ContractKind.GRAPHQL, {"sdl": ""}),
    ],
)  # fmt: skip
def test_a_specification_that_says_nothing_is_an_error(
    kind: ContractKind, specification: Mapping[str, Any]
) -> None:
    found = collect("contracts", record((contract(kind=kind, specification=specification),)))
    assert found.metrics["contracts.lint_errors"] == 1


def test_a_kept_contract_is_counted_as_kept() -> None:
    found = collect("verifications", record((contract(),), (verification(),)))
    assert found.metrics["rest.not_conforming"] == 0
    assert found.metrics["rest.operations"] == 5
    assert found.metrics["rest.operations_untested"] == 0


@pytest.mark.parametrize(
    "verified",
    [
        (),
        (verification("another"),),
        (verification(checks=()),),
        (verification(checks=(CheckResult(id="c", statement="c", passed=False),)),),
        (verification(findings=(Finding(rule="r", message="m"),)),),
        (verification(tested=4),),
        (verification(tested=0, total=5),),
    ],
)
def test_a_contract_that_is_not_verified_or_not_kept_is_counted(
    verified: tuple[Verification, ...],
) -> None:
    found = collect("verifications", record((contract(),), verified))
    assert found.metrics["rest.not_conforming"] == 1
    assert found.metrics["page.not_conforming"] == 0


def test_operations_declared_as_not_built_are_told_from_untested_ones() -> None:
    ran = verification(total=5, tested=2, not_built=("GET /a",))
    found = collect("verifications", record((contract(),), (ran,)))
    assert found.metrics["rest.operations_untested"] == 2
    assert found.metrics["rest.operations_not_built"] == 1


def test_a_remark_is_no_finding() -> None:
    remark = Finding(rule="r", message="m", severity=Severity.WARNING)
    ran = verification(findings=(remark, Finding(rule="status", message="500")))
    found = collect("verifications", record((contract(),), (ran,)))
    assert found.metrics["rest.findings"] == 1


@pytest.mark.parametrize(
    ("checks", "not_reversible"),
    [
        ((CheckResult(id="back", statement="s", passed=True),), 0),
        ((CheckResult(id="back", statement="s", passed=False),), 1),
        ((CheckResult(id="tables", statement="s", passed=True),), 1),
        ((), 1),
    ],
)
def test_migrations_are_reversible_only_when_that_check_ran_and_passed(
    checks: tuple[CheckResult, ...], not_reversible: int
) -> None:
    criteria = (
        AcceptanceCriterion(id="back", statement="s", check="migration_reversible"),
        AcceptanceCriterion(id="tables", statement="s", check="table_exists"),
    )
    schema = contract("s", ContractKind.DATA_SCHEMA, acceptance=criteria)
    found = collect("verifications", record((schema,), (verification("s", checks=checks),)))
    assert found.metrics["schema.not_reversible"] == not_reversible


def test_a_page_is_kept_only_when_every_page_was_checked() -> None:
    pages = (contract("web", ContractKind.PAGE), contract("admin", ContractKind.PAGE))
    found = collect("verifications", record(pages, (verification("web"),)))
    assert found.metrics["page.checks"] == 1
    assert found.metrics["page.not_conforming"] == 1


@pytest.mark.parametrize("kind", ["graphql", "grpc", "event_stream", "message_queue", "interface"])
def test_every_other_kind_of_interface_has_to_be_kept_too(kind: str) -> None:
    other = contract("other", ContractKind(kind))
    unkept = collect("verifications", record((contract(), other), (verification(),)))
    assert unkept.metrics["interfaces.not_conforming"] == 1
    assert unkept.metrics["rest.not_conforming"] == 0
    kept = collect("verifications", record((other,), (verification("other"),)))
    assert kept.metrics["interfaces.not_conforming"] == 0
    assert collect("contracts", record((other,))).metrics["contracts.lint_errors"] == 0


def checks(*passed: bool) -> dict[str, Any]:
    made = [CheckResult(id=f"c{n}", statement="s", passed=ok) for n, ok in enumerate(passed)]
    return {"persona": "x", "checks": encode(made)}


def test_the_checks_of_one_consumer_do_not_stand_in_for_anothers() -> None:
    found = collect("rechecks", {"rechecks": {"qa_engineer": checks(True, True)}})
    assert found.metrics == {"clients.contract_checks": 2, "clients.contract_failed": 0}
    both = {"qa_engineer": checks(True), "frontend_developer": checks(True, False)}
    found = collect("rechecks", {"rechecks": both})
    assert found.metrics["clients.page_checks"] == 2
    assert found.metrics["clients.page_failed"] == 1
    assert found.metrics["clients.contract_failed"] == 0


def test_the_trace_is_counted_by_status() -> None:
    parts = [
        TracedPart(part=f"R{n}", text="t", status=status, checks=())
        for n, status in enumerate(["verified", "verified", "failed", "unverified", "not_built"])
    ]
    page = replace(parts[3], part="R9", needs_browser=True)
    found = collect("trace", {"trace": encode([*parts, page]), "not_built": 3})
    assert found.metrics == {
        "trace.parts": 6,
        "trace.left_out": 3,
        "trace.verified": 2,
        "trace.failed": 1,
        "trace.unverified": 1,
        "trace.unverified_pages": 1,
        "trace.not_built": 1,
    }


def test_a_status_nobody_knows_is_an_error_and_not_left_out() -> None:
    part = TracedPart(part="R1", text="t", status="fine", checks=())
    found = collect("trace", {"trace": encode([part]), "not_built": 0})
    assert found.status is EvidenceStatus.FAILED


def test_an_unknown_score_is_not_measured() -> None:
    facts = {"score": None, "quality_threshold": 0.8}
    assert collect("score", facts).status is EvidenceStatus.UNAVAILABLE


def test_the_score_stands_beside_what_the_caller_demands() -> None:
    term = ScoreTerm(name="completeness", weight=1.0, value=0.9, evidence="9 of 10")
    facts = {
        "score": encode(Score(overall=0.9, band="excellent", terms=(term,))),
        "quality_threshold": 1,
    }
    assert collect("score", facts).metrics == {"score.overall": 0.9, "score.threshold": 1.0}


def test_circumstances_and_launch_are_passed_on() -> None:
    facts = {
        "allow_partial": False,
        "browser": True,
        "launch": {"started": True, "answers": False},
        "analysis": encode(ANALYSIS),
    }
    assert collect("circumstances", facts).metrics == {
        "run.allow_partial": False,
        "run.browser": True,
        "risk.level": "low",
    }
    assert collect("launch", facts).metrics == {"launch.started": True, "launch.answers": False}


@pytest.mark.parametrize(
    ("complexity", "risks", "level"),
    [
        (Complexity.SIMPLE, 1, "low"),
        (Complexity.MODERATE, 2, "medium"),
        (Complexity.COMPLEX, 0, "medium"),
        (Complexity.SIMPLE, 4, "high"),
        (Complexity.VERY_COMPLEX, 0, "high"),
    ],
)
def test_the_risk_grows_with_what_is_built_and_what_is_uncertain(
    complexity: Complexity, risks: int, level: str
) -> None:
    analysis = replace(ANALYSIS, complexity=complexity, risks=("r",) * risks)
    facts = {"allow_partial": False, "browser": True, "analysis": encode(analysis)}
    assert collect("circumstances", facts).metrics["risk.level"] == level
