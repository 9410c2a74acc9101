"""Verifications of other kinds in the report of `maestro contracts verify`."""

from dataclasses import replace
from pathlib import Path

from maestro.contracts.agree import agree
from maestro.contracts.reading import read_contract
from maestro.contracts.verification.fulfilment import GateState
from maestro.contracts.verification.outcome import CheckState
from maestro.contracts.verification.starting import StartedProvider
from maestro.contracts.verification.translating import report_of
from maestro.domain.contract import CheckResult, Finding, Verification

SHOP = agree(read_contract(Path(__file__).parents[4] / "examples" / "contracts" / "shop.graphql"))


def check(name: str, *, passed: bool = True, detail: str = "") -> CheckResult:
    return CheckResult(id=name, statement=name, passed=passed, detail=detail)


CLEAN = Verification(
    contract="shop",
    target="http://x",
    operations_total=2,
    operations_tested=2,
    checks=(check("graphql.state"), check("graphql.refusals"), check("consumer_replay")),
    findings=(),
    requests=5,
    duration_seconds=1.0,
    tool="schemathesis 4.32.5",
    operations={"Query.a": True, "Query.b": True},
)


def test_what_conforms_conforms() -> None:
    report = report_of(SHOP, CLEAN)
    assert report.conforms
    assert report.tools == {"schemathesis": "4.32.5"}
    assert {c.id: c.kind for c in report.checks} == {
        "graphql.state": "state", "graphql.refusals": "negative", "consumer_replay": "replay",
    }  # fmt: skip
    gates = {gate.name: gate.state for gate in report.fulfilment.gates}
    assert gates["unchanged"] is GateState.PASSED
    assert gates["consumers"] is GateState.NO_EVIDENCE  # no call was recorded


def test_a_finding_counts_for_its_operation() -> None:
    wrong = Finding(rule="lost", message="gone", operation="Query.b")
    failed = (check("graphql.state", passed=False, detail="gone"),)
    report = report_of(SHOP, replace(CLEAN, findings=(wrong,), checks=failed))
    assert not report.conforms
    assert {o.key: o.clean for o in report.operations} == {"Query.a": True, "Query.b": False}
    gates = {gate.name: gate.state for gate in report.fulfilment.gates}
    assert gates["conformance"] is GateState.FAILED


def test_what_was_not_tested_does_not_conform() -> None:
    untold = replace(CLEAN, operations={}, operations_tested=1)
    assert [o.tested for o in report_of(SHOP, untold).operations] == [True, False]
    assert not report_of(SHOP, untold).conforms
    named = replace(CLEAN, operations={"Query.a": True, "Query.b": False}, operations_tested=1)
    assert not report_of(SHOP, named).conforms


def test_unverified_is_neither_passed_nor_failed() -> None:
    opened = replace(CLEAN, checks=(check("c", passed=False, detail="unverified: no check"),))
    [told] = report_of(SHOP, opened).checks
    assert told.state is CheckState.UNVERIFIED


def test_what_a_provider_leaves_behind_is_a_finding(tmp_path: Path) -> None:
    left = StartedProvider(
        url="http://x", command="run", ready_seconds=0.1, log=tmp_path, orphans=["sleep (7)"]
    )
    report = report_of(SHOP, CLEAN, started=left)
    assert not report.conforms
    assert [f.rule for f in report.findings] == ["orphan_after_stop"]
    assert report.target == "run"
