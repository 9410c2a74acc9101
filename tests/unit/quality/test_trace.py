"""Traceability: a part counts as verified only by a check that ran, named it, and passed."""

from dataclasses import replace

import pytest

from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    ContractKind,
    SpecificationFormat,
    Verification,
)
from maestro.domain.requirement import PartKind, RequirementPart
from maestro.domain.values import ContractId
from maestro.domain.work import NotBuilt
from maestro.quality.trace import trace

TITLE = RequirementPart(id="R1", kind=PartKind.FIELD, text="task has a title", source="title")
VOICE = RequirementPart(
    id="R2",
    kind=PartKind.UNKNOWN,
    text="voice guidance",
    source="voice guidance",
    covered=False,
    reason="nobody builds speech",
)


def contract(
    *criteria: AcceptanceCriterion,
    name: str = "backend-api",
    kind: ContractKind = ContractKind.REST,
) -> Contract:
    return Contract(
        id=ContractId(name),
        name=name,
        kind=kind,
        version="1.0.0",
        provider="backend_developer",
        component="backend",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification={},
        deliverables=(),
        acceptance=criteria,
    )


def criterion(name: str, *parts: str, check: str | None = "field_stored") -> AcceptanceCriterion:
    return AcceptanceCriterion(id=name, statement=name, check=check, parts=parts)


def verification(*checks: CheckResult) -> Verification:
    return Verification(
        contract="backend-api",
        target="t",
        operations_total=1,
        operations_tested=1,
        checks=checks,
        findings=(),
        requests=1,
        duration_seconds=1.0,
    )


def check(name: str, *parts: str, passed: bool = True, detail: str = "") -> CheckResult:
    return CheckResult(id=name, statement=name, passed=passed, detail=detail, parts=parts)


STORED = contract(criterion("title-stored", "R1"))


def test_a_part_is_verified_by_a_passed_check_of_its_criterion() -> None:
    (part,) = trace([TITLE], [STORED], {"backend-api": verification(check("title-stored"))}, {}, [])
    assert (part.part, part.status, part.checks) == ("R1", "verified", ("title-stored",))


def test_a_criterion_whose_check_did_not_run_verifies_nothing() -> None:
    for ran in ({}, {"backend-api": verification(check("another"))}):
        (part,) = trace([TITLE], [STORED], ran, {}, [])
        assert part.status == "unverified"
        assert part.checks == ()
        assert part.reason


def test_a_criterion_without_a_check_verifies_nothing() -> None:
    empty = contract(criterion("unverified.r1", "R1", check=None))
    (part,) = trace([TITLE], [empty], {"backend-api": verification(check("another"))}, {}, [])
    assert part.status == "unverified"


def test_a_verification_of_another_contract_verifies_nothing() -> None:
    ran = {"orders-api": verification(check("title-stored"))}
    (part,) = trace([TITLE], [STORED], ran, {}, [])
    assert part.status == "unverified"


def test_one_failed_check_outweighs_any_number_of_passed_ones() -> None:
    both = contract(criterion("title-stored", "R1"), criterion("title-required", "R1"))
    ran = verification(
        check("title-stored"), check("title-required", passed=False, detail="got 201")
    )
    (part,) = trace([TITLE], [both], {"backend-api": ran}, {}, [])
    assert part.status == "failed"
    assert part.checks == ("title-stored", "title-required")
    assert part.reason == "title-required: got 201"


@pytest.mark.parametrize(("passed", "status"), [(True, "verified"), (False, "failed")])
def test_checks_of_consumers_count_for_the_parts_they_name(passed: bool, status: str) -> None:
    rechecks = {"qa_engineer": (check("suite", "R1", passed=passed),)}
    (part,) = trace([TITLE], [contract()], {}, rechecks, [])
    assert part.status == status


def test_a_check_that_names_no_part_is_evidence_for_none() -> None:
    (part,) = trace([TITLE], [contract()], {}, {"qa_engineer": (check("suite"),)}, [])
    assert part.status == "unverified"


def test_a_part_that_is_not_covered_is_not_built_and_says_why() -> None:
    (part,) = trace([VOICE], [], {}, {}, [])
    assert (part.status, part.reason) == ("not_built", "nobody builds speech")


def test_a_part_that_a_builder_left_out_is_not_built_even_when_a_check_passed() -> None:
    left_out = [NotBuilt(what="title", reason="no room", part="R1")]
    ran = {"backend-api": verification(check("title-stored"))}
    (part,) = trace([TITLE], [STORED], ran, {}, left_out)
    assert (part.status, part.reason) == ("not_built", "no room")


def test_every_part_is_listed_once_in_the_order_of_the_requirement() -> None:
    parts = trace([VOICE, TITLE], [STORED], {}, {}, [NotBuilt(what="x", reason="y")])
    assert [part.part for part in parts] == ["R2", "R1"]


def test_a_part_that_only_a_page_can_show_is_told_from_one_that_others_could() -> None:
    page = contract(criterion("seen", "R1", "R2"), name="web-page", kind=ContractKind.PAGE)
    stated = contract(criterion("said", "R1", check=None), name="paper", kind=ContractKind.DOCUMENT)
    other = replace(TITLE, id="R2")
    alone, shared = trace(
        [TITLE, other], [page, stated, contract(criterion("c", "R2"))], {}, {}, []
    )
    assert (alone.status, alone.needs_browser) == ("unverified", True)
    assert (shared.status, shared.needs_browser) == ("unverified", False)
