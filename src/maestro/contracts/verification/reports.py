"""A provider's verification as files: `validation_report.json`, JUnit XML and SARIF 2.1.0.

The fields of `validation_report.json` are stable; `validation_report.schema.json`, beside this
module, describes each of them.
"""

import json
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from maestro.contracts.verification.outcome import CheckState, ProviderCheck, ProviderReport
from maestro.domain.contract import Finding, Severity

FORMAT = "1.0"
JSON_NAME = "validation_report.json"
JUNIT_NAME = "validation_report.junit.xml"
SARIF_NAME = "validation_report.sarif"
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@cache
def report_schema() -> dict[str, Any]:
    """The JSON Schema of `validation_report.json`."""
    place = files("maestro.contracts.verification") / "validation_report.schema.json"
    schema: dict[str, Any] = json.loads(place.read_text("utf-8"))
    return schema


def write_reports(report: ProviderReport, folder: Path, *, source: str = "") -> tuple[Path, ...]:
    """Writes all three; `source` is the contract's file as people know it. Blocks."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        JSON_NAME: _text(validation_report(report)),
        JUNIT_NAME: junit_xml(report),
        SARIF_NAME: _text(sarif(report, source=source)),
    }
    written = []
    for name, text in texts.items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return tuple(written)


def validation_report(report: ProviderReport) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "contract": {
            "id": report.contract, "version": report.version, "digest": report.digest,
        },
        "target": report.target,
        "at": report.at.isoformat(),
        "seconds": report.seconds,
        "seed": report.seed,
        "requests": report.requests,
        "tools": dict(report.tools),
        "conforms": report.conforms,
        "fulfilled": report.fulfilment.fulfilled,
        "score": report.fulfilment.score,
        "threshold": report.fulfilment.threshold,
        "reasons": list(report.fulfilment.reasons),
        "counts": _counts(report),
        "gates": [
            {"name": g.name, "statement": g.statement, "state": g.state.value,
             "evidence": g.evidence}
            for g in report.fulfilment.gates
        ],
        "parts": [
            {"name": p.name, "weight": p.weight, "value": p.value, "evidence": p.evidence}
            for p in report.fulfilment.parts
        ],
        "operations": [
            {
                "operation": o.key, "tested": o.tested, "clean": o.clean,
                "succeeded": o.succeeded, "findings": o.findings,
                "statuses_seen": list(o.statuses_seen),
                "statuses_documented": list(o.statuses_documented),
            }
            for o in report.operations
        ],
        "checks": [_check(check) for check in report.checks],
        "findings": [_finding(finding) for finding in report.findings],
    }  # fmt: skip


def _counts(report: ProviderReport) -> dict[str, int]:
    return {
        "operations": len(report.operations),
        "operations_tested": sum(o.tested for o in report.operations),
        "operations_succeeded": sum(o.succeeded for o in report.operations),
        "checks_passed": report.counted(CheckState.PASSED),
        "checks_failed": report.counted(CheckState.FAILED),
        "checks_unverified": report.counted(CheckState.UNVERIFIED),
        "errors": len(report.errors),
        "warnings": len(report.findings) - len(report.errors),
        "findings_not_confirmed": report.dropped,
    }


def _check(check: ProviderCheck) -> dict[str, str]:
    return {
        "id": check.id,
        "statement": check.statement,
        "state": check.state.value,
        "kind": check.kind,
        "operation": check.operation,
        "detail": check.detail,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "operation": finding.operation,
        "message": finding.message,
        "expected": finding.expected,
        "seen": finding.seen,
        "reproduce": finding.reproduce,
    }


def junit_xml(report: ProviderReport) -> str:
    """One test case per check, and one per finding that no failed check stands for."""
    cases = list(report.checks)
    loose = [f for f in report.errors if not _has_case(f, cases)]
    suite = ElementTree.Element(
        "testsuite",
        name=_xml(report.contract),
        tests=str(len(cases) + len(loose)),
        failures=str(report.counted(CheckState.FAILED) + len(loose)),
        errors="0",
        skipped=str(report.counted(CheckState.UNVERIFIED)),
        time=f"{report.seconds:.2f}",
        timestamp=report.at.replace(tzinfo=None).isoformat(timespec="seconds"),
        hostname="localhost",
    )
    for check in cases:
        case = _case(suite, f"{report.contract}.{check.kind}", check.id)
        if check.state is CheckState.UNVERIFIED:
            ElementTree.SubElement(case, "skipped", message=_xml(f"unverified: {check.detail}"))
        elif check.state is CheckState.FAILED:
            found = [f for f in report.findings if _belongs(f, check)]
            _failure(case, check.detail or check.statement, found)
    for finding in loose:
        name = f"{finding.rule} {finding.operation}".strip()
        _failure(_case(suite, f"{report.contract}.finding", name), finding.message, [finding])
    root = ElementTree.Element("testsuites", name="maestro contracts verify")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, group: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", classname=_xml(group), name=_xml(name), time="0"
    )


def _failure(case: ElementTree.Element, message: str, findings: list[Finding]) -> None:
    failure = ElementTree.SubElement(
        case, "failure", message=_xml(message), type=_xml(findings[0].rule if findings else "check")
    )
    failure.text = _xml("\n\n".join(map(_told, findings)))


def _told(finding: Finding) -> str:
    return (
        f"{finding.operation}: {finding.message}\nexpected: {finding.expected}\n"
        f"seen: {finding.seen}\n{finding.reproduce}"
    )


def _has_case(finding: Finding, checks: list[ProviderCheck]) -> bool:
    return any(c.state is CheckState.FAILED and _belongs(finding, c) for c in checks)


def _belongs(finding: Finding, check: ProviderCheck) -> bool:
    """Whether a check failed because of the finding, as far as one can tell."""
    if check.id in (finding.rule, f"schemathesis.{finding.rule}"):
        return True
    if check.operation and finding.operation:
        return finding.operation.startswith(check.operation) or finding.message == check.detail
    return bool(check.detail) and finding.message in check.detail


def _xml(text: str) -> str:
    """Without the characters XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning"}


def sarif(report: ProviderReport, *, source: str = "") -> dict[str, Any]:
    """SARIF 2.1.0: one result per finding; its place is the operation, and the contract's file."""
    rules = sorted({finding.rule for finding in report.findings})
    return {
        "$schema": SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "maestro contracts verify",
                        "version": version("maestro-conductor"),
                        "rules": [
                            {"id": rule, "shortDescription": {"text": rule.replace("_", " ")}}
                            for rule in rules
                        ],
                    }
                },
                "invocations": [{"executionSuccessful": True}],
                "automationDetails": {"id": f"{report.contract}/{report.version}/"},
                "properties": {"score": report.fulfilment.score, "conforms": report.conforms},
                "results": [_result(f, rules.index(f.rule), source) for f in report.findings],
            }
        ],
    }


def _result(finding: Finding, rule: int, source: str) -> dict[str, Any]:
    location: dict[str, Any] = {
        "logicalLocations": [
            {"fullyQualifiedName": finding.operation or "contract", "kind": "function"}
        ]
    }
    if source:
        location["physicalLocation"] = {"artifactLocation": {"uri": Path(source).as_posix()}}
    lines = [finding.message, f"Expected: {finding.expected}", f"Seen: {finding.seen}"]
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(line for line in lines if line)},
        "locations": [location],
        "partialFingerprints": {
            "maestro/v1": f"{finding.rule}|{finding.operation}|{finding.message}"
        },
        "properties": {"reproduce": finding.reproduce},
    }


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
