"""The algebra of verdicts, row by row."""

import itertools

import pytest

from maestro.domain.quality import (
    ArtefactResult,
    ArtefactSchema,
    GateResult,
    GateSeverity,
    GateStage,
    Verdict,
)
from maestro.quality.verdicts import judged, refusals, refuses

BLOCKING, WARNING = GateSeverity.BLOCKING, GateSeverity.WARNING
TABLE = {
    (BLOCKING, Verdict.PASS): False,
    (BLOCKING, Verdict.FAIL): True,
    (BLOCKING, Verdict.ERROR): True,
    (BLOCKING, Verdict.NOT_MEASURED): True,
    (BLOCKING, Verdict.NOT_APPLICABLE): False,
    (BLOCKING, Verdict.WAIVED): False,
    (WARNING, Verdict.PASS): False,
    (WARNING, Verdict.FAIL): False,
    (WARNING, Verdict.ERROR): True,
    (WARNING, Verdict.NOT_MEASURED): False,
    (WARNING, Verdict.NOT_APPLICABLE): False,
    (WARNING, Verdict.WAIVED): False,
}


def result(
    verdict: Verdict, severity: GateSeverity = BLOCKING, stage: GateStage = GateStage.EXIT
) -> GateResult:
    return GateResult(
        gate="G-1",
        phase="testing",
        severity=severity,
        verdict=verdict,
        condition="a == 0",
        observed={},
        reason="why",
        stage=stage,
    )


def artefact(verdict: Verdict) -> ArtefactResult:
    return ArtefactResult(
        path="a.md", schema=ArtefactSchema.MARKDOWN, verdict=verdict, found=(), reason="why"
    )


def test_the_table_has_every_row() -> None:
    assert set(TABLE) == set(itertools.product(GateSeverity, Verdict))


@pytest.mark.parametrize(("row", "refused"), TABLE.items())
def test_what_keeps_a_phase_from_closing(row: tuple[GateSeverity, Verdict], refused: bool) -> None:
    severity, verdict = row
    assert refuses(severity, verdict) is refused
    assert refusals([result(verdict, severity)], []) == (("G-1: why",) if refused else ())


@pytest.mark.parametrize("verdict", Verdict)
def test_an_artefact_keeps_a_phase_from_closing_like_a_blocking_gate(verdict: Verdict) -> None:
    refused = TABLE[BLOCKING, verdict]
    assert refusals([], [artefact(verdict)]) == (("a.md: why",) if refused else ())


def test_every_refusal_is_named_and_no_number_of_passes_outweighs_one() -> None:
    results = [result(Verdict.PASS)] * 99 + [result(Verdict.FAIL), result(Verdict.ERROR, WARNING)]
    found = refusals(results, [artefact(Verdict.FAIL), artefact(Verdict.PASS)])
    assert found == ("G-1: why", "G-1: why", "a.md: why")


@pytest.mark.parametrize(
    ("verdict", "counted"),
    [
        (Verdict.PASS, 1),
        (Verdict.FAIL, 1),
        (Verdict.WAIVED, 1),
        (Verdict.ERROR, 0),
        (Verdict.NOT_MEASURED, 0),
        (Verdict.NOT_APPLICABLE, 0),
    ],
)
def test_only_what_was_held_against_a_measurement_was_judged(
    verdict: Verdict, counted: int
) -> None:
    assert judged([result(verdict)]) == counted
    assert judged([result(verdict, WARNING)]) == 0
    assert judged([result(verdict, stage=GateStage.ENTRY)]) == 0
    assert judged([result(verdict), result(Verdict.PASS), result(verdict)]) == 1 + 2 * counted
