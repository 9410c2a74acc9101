import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema_rs
import pytest
from fulfilled import PERFECT

from maestro.contracts.verification.fulfilment import fulfilment
from maestro.contracts.verification.outcome import (
    CheckState,
    OperationRecord,
    ProviderCheck,
    ProviderReport,
)
from maestro.contracts.verification.reports import (
    junit_xml,
    report_schema,
    sarif,
    validation_report,
    write_reports,
)
from maestro.domain.contract import Finding, Severity

SARIF: dict[str, Any] = {
    # The parts of SARIF 2.1.0 that we write, with its own rules for them.
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "text": {"type": "object", "required": ["text"], "additionalProperties": False,
                 "properties": {"text": {"type": "string", "minLength": 1}}},
        "run": {
            "type": "object", "required": ["tool"], "additionalProperties": False,
            "properties": {
                "tool": {
                    "type": "object", "required": ["driver"], "additionalProperties": False,
                    "properties": {"driver": {
                        "type": "object", "required": ["name"], "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"}, "version": {"type": "string"},
                            "rules": {"type": "array", "uniqueItems": True, "items": {
                                "type": "object", "required": ["id"],
                                "additionalProperties": False,
                                "properties": {"id": {"type": "string"},
                                               "shortDescription": {"$ref": "#/$defs/text"}}}},
                        }}},
                },
                "invocations": {"type": "array", "items": {
                    "type": "object", "required": ["executionSuccessful"],
                    "properties": {"executionSuccessful": {"type": "boolean"}}}},
                "automationDetails": {"type": "object",
                                      "properties": {"id": {"type": "string"}}},
                "properties": {"type": "object"},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            },
        },
        "result": {
            "type": "object", "required": ["message"], "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": -1},
                "level": {"enum": ["none", "note", "warning", "error"]},
                "message": {"$ref": "#/$defs/text"},
                "locations": {"type": "array", "items": {
                    "type": "object", "additionalProperties": False,
                    "properties": {
                        "logicalLocations": {"type": "array", "items": {
                            "type": "object", "additionalProperties": False,
                            "properties": {"fullyQualifiedName": {"type": "string"},
                                           "kind": {"type": "string"}}}},
                        "physicalLocation": {
                            "type": "object", "required": ["artifactLocation"],
                            "properties": {"artifactLocation": {
                                "type": "object", "required": ["uri"], "properties": {
                                    "uri": {"type": "string", "format": "uri-reference"}}}}},
                    }}},
                "partialFingerprints": {"type": "object",
                                        "additionalProperties": {"type": "string"}},
                "properties": {"type": "object"},
            },
        },
    },
}  # fmt: skip

FINDING = Finding(
    rule="limit_kept",
    message="a page of 3 where 1 were asked for",
    operation="GET /products",
    expected="1 entry",
    seen='3 entries: <b> & "\x00"',
    reproduce="curl -i http://127.0.0.1:1/products?limit=1",
)
LOOSE = Finding(
    rule="orphan_after_stop",
    message="a process was left",
    severity=Severity.ERROR,
)
HINT = replace(FINDING, rule="status_code_conformance", severity=Severity.WARNING)


@pytest.fixture
def report() -> ProviderReport:
    def check(name: str, state: CheckState, detail: str = "") -> ProviderCheck:
        return ProviderCheck(
            id=name,
            statement=f"{name}.",
            state=state,
            kind="state",
            operation="GET /products",
            detail=detail,
        )

    return ProviderReport(
        contract="shop",
        version="1.0.0",
        digest="sha256:" + "0" * 64,
        target="python shop.py",
        at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        seconds=2.5,
        seed=1,
        requests=40,
        tools={"maestro trials": "3"},
        operations=(
            OperationRecord(
                key="GET /products",
                tested=True,
                findings=1,
                statuses_seen=(200, 422),
                statuses_documented=("200", "422"),
            ),
        ),
        checks=(
            check("total_counts", CheckState.PASSED),
            check("limit_kept", CheckState.FAILED, FINDING.message),
            check("sort_sorts", CheckState.UNVERIFIED, "no keys"),
        ),
        findings=(FINDING, LOOSE, HINT),
        dropped=1,
        fulfilment=fulfilment(replace(PERFECT, serious=1)),
    )


def test_the_report_fits_its_own_schema(report: ProviderReport) -> None:
    jsonschema_rs.meta.validate(report_schema())
    schema = jsonschema_rs.Draft202012Validator(report_schema(), validate_formats=True)
    told = validation_report(report)
    schema.validate(told)
    assert told["conforms"] is False
    assert told["counts"] == {
        "operations": 1,
        "operations_tested": 1,
        "operations_succeeded": 1,
        "checks_passed": 1,
        "checks_failed": 1,
        "checks_unverified": 1,
        "errors": 2,
        "warnings": 1,
        "findings_not_confirmed": 1,
    }
    assert told["findings"][0]["reproduce"] == FINDING.reproduce
    del told["gates"]
    assert not schema.is_valid(told)


def test_every_field_of_the_schema_is_described() -> None:
    def undescribed(schema: dict[str, Any], place: str) -> list[str]:
        found = []
        for name, entry in schema.get("properties", {}).items():
            if "description" not in entry and "enum" not in entry and entry != {"type": "number"}:
                found.append(f"{place}/{name}")
            found += undescribed(entry.get("items", entry), f"{place}/{name}")
        return found

    assert undescribed(report_schema(), "") == []


def test_junit_counts_and_survives_odd_characters(report: ProviderReport) -> None:
    root = ElementTree.fromstring(junit_xml(report))
    suite = root.find("testsuite")
    assert suite is not None
    assert {n: suite.attrib[n] for n in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    assert len(suite.findall("testcase")) == 4
    failures = suite.findall("testcase/failure")
    assert len(failures) == 2
    assert failures[0].text is not None
    assert "curl" in failures[0].text
    assert "<b>" in failures[0].text
    assert [s.attrib["message"] for s in suite.findall("testcase/skipped")] == [
        "unverified: no keys"
    ]


def test_sarif_has_a_result_per_finding(report: ProviderReport) -> None:
    told = sarif(report, source="examples/contracts/shop.yaml")
    jsonschema_rs.Draft202012Validator(SARIF, validate_formats=True).validate(told)
    run = told["runs"][0]
    assert [r["level"] for r in run["results"]] == ["error", "error", "warning"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    place = run["results"][0]["locations"][0]
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "GET /products"
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "examples/contracts/shop.yaml"


def test_all_three_are_written(report: ProviderReport, tmp_path: Path) -> None:
    written = write_reports(report, tmp_path / "deep" / "er")
    assert [path.name for path in written] == [
        "validation_report.json",
        "validation_report.junit.xml",
        "validation_report.sarif",
    ]
    assert json.loads(written[0].read_text("utf-8")) == validation_report(report)


def test_unverified_is_never_passed(report: ProviderReport) -> None:
    clean = replace(report, findings=(), checks=report.checks[2:])
    assert not clean.conforms, "nothing was really checked"
    passed = replace(report, findings=(HINT,), checks=(report.checks[0], report.checks[2]))
    assert passed.conforms
    assert [check.id for check in passed.verification().checks] == ["total_counts"]
    untested = replace(report.operations[0], tested=False)
    assert not replace(passed, operations=(untested,)).conforms
