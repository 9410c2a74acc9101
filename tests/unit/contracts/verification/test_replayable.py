"""Recorded calls count for the version they were made on, and for those that do not break it."""

from datetime import UTC, datetime

import pytest

from maestro.contracts.verification.replayable import RULE, STRANGE, replayable
from maestro.domain.contract import Contract, ContractKind, Severity, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.ports import RecordedCall


def contract(version: str) -> Contract:
    return Contract(
        id=ContractId("tasks"),
        name="Tasks",
        kind=ContractKind.REST,
        version=version,
        provider="backend_developer",
        component="backend",
        consumers=(),
        format=SpecificationFormat.OPENAPI,
        specification={},
        deliverables=(),
        acceptance=(),
    )


def call(version: str, contract: str = "tasks") -> RecordedCall:
    return RecordedCall(
        at=datetime.now(UTC), method="GET", path="/", operation="GET /", status=200, valid=True,
        version=version, contract=contract,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verified", "recorded", "fits"),
    [
        ("1.2.0", "1.2.0", True),
        ("1.2.0", "1.0.0", True),
        ("1.2.0", "", True),
        ("1.2.0", "1.3.0", False),
        ("2.0.0", "1.9.0", False),
        ("1.2.0", "2.0.0", False),
        ("0.4.2", "0.4.1", True),
        ("0.4.0", "0.3.9", False),
        ("1.0.0", "0.9.0", False),
        ("1.2.0", "latest", False),
        ("latest", "latest", True),
        ("latest", "1.2.0", False),
    ],
)
def test_which_versions_fit(verified: str, recorded: str, *, fits: bool) -> None:
    found = replayable(contract(verified), [call(recorded)])
    assert len(found.calls) == fits
    assert len(found.findings) == (not fits)
    assert len(found.notes) == (recorded not in ("", verified)), "what is not its own is told"


def test_what_is_left_out_is_told_once_a_version() -> None:
    calls = [call("1.0.0"), call("1.1.0"), call("1.0.0"), call("2.0.0")]
    found = replayable(contract("2.0.0"), calls)
    assert found.calls == (calls[3],)
    assert [(f.rule, f.severity) for f in found.findings] == [(RULE, Severity.WARNING)] * 2
    assert found.findings[0].message.startswith("2 recorded call(s) are not repeated")
    assert [f.seen for f in found.findings] == ["version 1.0.0", "version 1.1.0"]


def test_a_record_may_be_shared_with_other_contracts() -> None:
    own, nobodys = call("2.0.0"), call("", contract="")
    found = replayable(contract("2.0.0"), [call("1.0.0", "events"), own, nobodys])
    assert (found.calls, found.findings) == ((own, nobodys), ())
    strange = replayable(contract("2.0.0"), [call("2.0.0", "events")])
    assert (strange.calls, [f.rule for f in strange.findings]) == ((), [STRANGE])
    assert "'events'" in strange.findings[0].message
