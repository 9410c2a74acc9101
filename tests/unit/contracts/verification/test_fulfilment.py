from dataclasses import replace

import pytest
from fulfilled import PERFECT

from maestro.contracts.verification.fulfilment import (
    FulfilmentEvidence,
    GateState,
    fulfilment,
)


def test_everything_measured_and_kept_is_fulfilled() -> None:
    result = fulfilment(PERFECT)
    assert result.fulfilled
    assert result.score == 1.0
    assert result.reasons == ()
    assert round(sum(part.weight for part in result.parts), 9) == 1.0


@pytest.mark.parametrize(
    ("changed", "gate", "state"),
    [
        ({"files_present": 1}, "artefacts", GateState.FAILED),
        ({"files": None, "files_present": None}, "artefacts", GateState.NO_EVIDENCE),
        ({"document_errors": 1}, "document", GateState.FAILED),
        ({"document_errors": None}, "document", GateState.NO_EVIDENCE),
        ({"unchanged": False}, "unchanged", GateState.FAILED),
        ({"unchanged": None}, "unchanged", GateState.NO_EVIDENCE),
        ({"started": None, "orphans": None}, "started", GateState.NO_EVIDENCE),
        ({"orphans": 1}, "started", GateState.FAILED),
        ({"serious": 1}, "conformance", GateState.FAILED),
        ({"calls_outside": 1}, "consumers", GateState.FAILED),
        ({"replayed_alike": 5}, "consumers", GateState.FAILED),
        ({"replayed": None, "replayed_alike": None}, "consumers", GateState.NO_EVIDENCE),
        ({"replayed": 0, "replayed_alike": 0}, "consumers", GateState.NO_EVIDENCE),
        ({"examples_valid": 2}, "examples", GateState.FAILED),
        ({"criteria_passed": 3, "criteria_unverified": 1}, "criteria", GateState.FAILED),
        ({"criteria_passed": 0, "criteria": 0}, "criteria", GateState.NO_EVIDENCE),
    ],
)
def test_every_gate_blocks_by_itself(
    changed: dict[str, object], gate: str, state: GateState
) -> None:
    result = fulfilment(replace(PERFECT, **changed))  # type: ignore[arg-type]
    found = {g.name: g.state for g in result.gates}
    assert found[gate] is state
    assert [name for name, s in found.items() if s is not GateState.PASSED] == [gate]
    assert not result.fulfilled
    assert result.reasons


def test_nothing_measured_is_null_and_never_one() -> None:
    nothing = FulfilmentEvidence(
        operations=0,
        operations_clean=0,
        operations_refusing=None,
        operations_negative=None,
        criteria_passed=0,
        criteria=0,
        criteria_unverified=0,
        replayed_alike=None,
        replayed=None,
        calls_outside=None,
        examples_valid=0,
        examples=0,
        files_present=None,
        files=None,
        document_errors=None,
        unchanged=None,
        started=None,
        orphans=None,
        serious=0,
    )
    result = fulfilment(nothing)
    assert result.score == 0.0
    assert [part.value for part in result.parts] == [None] * 6
    assert {gate.state for gate in result.gates} == {GateState.NO_EVIDENCE}


def test_the_parts_weigh_as_agreed() -> None:
    result = fulfilment(
        replace(PERFECT, operations_clean=5, criteria_passed=2, replayed_alike=3,
                operations_refusing=4, examples_valid=0, files_present=0)
    )  # fmt: skip
    values = {part.name: (part.weight, part.value) for part in result.parts}
    assert values == {
        "conformance": (0.35, 0.5),
        "acceptance": (0.25, 0.5),
        "consumers": (0.20, 0.5),
        "negative": (0.10, 0.5),
        "examples": (0.05, 0.0),
        "artefacts": (0.05, pytest.approx(1 / 3)),
    }
    assert result.score == pytest.approx(0.175 + 0.125 + 0.1 + 0.05 + 0.05 / 3, abs=1e-4)


def test_a_null_part_blocks_whatever_the_threshold_is() -> None:
    result = fulfilment(replace(PERFECT, operations_negative=None), threshold=0.0)
    assert all(gate.state is GateState.PASSED for gate in result.gates)
    assert not result.complete
    assert not result.fulfilled


def test_below_the_threshold_nothing_is_fulfilled() -> None:
    result = fulfilment(replace(PERFECT, operations_clean=7))
    assert all(gate.state is GateState.PASSED for gate in result.gates)
    assert result.score == pytest.approx(0.895)
    assert result.reasons == ("the score 0.895 is below 0.9",)
    assert not result.fulfilled
