"""What a criterion is bound to decides whether it passed; bound to nothing it never does."""

from dataclasses import replace
from typing import Any

import pytest

from maestro.contracts.verification.binding import RanChecks, bound
from maestro.domain.contract import AcceptanceCriterion, CheckResult, Finding, Severity


def check(name: str, *, passed: bool = True, detail: str = "") -> CheckResult:
    return CheckResult(id=name, statement=name, passed=passed, detail=detail)


RAN = RanChecks(
    checks=(check("entries"), check("refusals", passed=False, detail="took anything")),
    findings=(
        Finding(rule="lost", message="gone", operation="Query.b"),
        Finding(rule="slow", message="late", operation="Query.a", severity=Severity.WARNING),
        Finding(rule="taken", message="took it", operation="Query.d"),
    ),
    tested={"Query.a": True, "Query.b": True, "Query.c": False, "Query.d": True, "send d": True},
    names={"send d": "SEND /d"},
    rules={"refusals": {"taken"}},
)


def result(name: str | None, ran: RanChecks = RAN, **parameters: Any) -> CheckResult:
    criterion = AcceptanceCriterion(
        id="x", statement="It does.", check=name, parameters=parameters, parts=("R1",)
    )
    (made,) = bound([criterion], ran)
    assert (made.id, made.parts) == ("x", ("R1",))
    return made


@pytest.mark.parametrize(
    ("name", "parameters", "passed"),
    [
        ("entries", {}, True),
        ("refusals", {}, False),
        ("operation_works", {"operation": "Query.a"}, True),
        ("operation_works", {"method": "Query.b"}, False),
        ("entries", {"operation": "Query.b"}, False),
        ("refusals", {"operation": "Query.b"}, True),  # what was found there is another check's
        ("operation_works", {"operation": "send d"}, True),
    ],
)
def test_it_passes_where_what_it_names_did(
    name: str, parameters: dict[str, Any], passed: bool
) -> None:
    assert result(name, **parameters).passed is passed


def test_a_failed_check_that_no_finding_explains_passes_nowhere() -> None:
    """Such as: nothing was there that could have been refused."""
    silent = replace(RAN, findings=())
    found = result("refusals", silent, operation="Query.b")
    assert (found.passed, found.detail) == (False, "took anything")


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [
        (None, {}, "no check"),
        ("beauty", {}, "nothing here runs"),
        ("beauty", {"operation": "Query.a"}, "nothing here runs"),
        ("operation_works", {}, "needs the parameter"),
        ("operation_works", {"operation": "Query.z"}, "has no operation"),
        ("operation_works", {"operation": ["Query.a"]}, "has no operation"),
        ("operation_works", {"operation": "Query.c"}, "never tested"),
        ("entries", {"operation": "Query.c"}, "never tested"),
    ],
)
def test_unbound_is_unverified(name: str | None, parameters: dict[str, Any], why: str) -> None:
    made = result(name, **parameters)
    assert not made.passed
    assert made.detail.startswith("unverified: ")
    assert why in made.detail


def test_findings_may_call_an_operation_otherwise() -> None:
    wrong = (Finding(rule="lost", message="gone", operation="SEND /d"),)
    ran = RanChecks(checks=(), findings=wrong, tested=RAN.tested, names=RAN.names)
    assert not result("operation_works", ran, operation="send d").passed
