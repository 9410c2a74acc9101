"""What the summary of a build says about its gates."""

from io import StringIO

from rich.console import Console

from maestro.cli.gate_view import gates
from maestro.delivery.result import Quality
from maestro.domain.quality import GateResult, GateSeverity, PhaseVerdict, Verdict

QUALITY = Quality(
    overall_quality_score=None,
    band="",
    gates_passed=1,
    gates_total=1,
    environment="development",
    waived=(),
)


def judged(gate: str, severity: GateSeverity, verdict: Verdict, reason: str = "") -> GateResult:
    return GateResult(
        gate=gate,
        phase="testing",
        severity=severity,
        verdict=verdict,
        condition="",
        observed={},
        reason=reason,
    )


def shown(*results: GateResult, passed: bool = True, quality: Quality = QUALITY) -> list[str]:
    verdict = PhaseVerdict(
        phase="testing", passed=passed, results=results, reasons=(), policy="sha256:0"
    )
    console = Console(file=StringIO(), width=80)
    gates(console, [verdict], quality)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


def test_a_gate_that_warns_is_named_with_its_reason() -> None:
    head, phase, *warnings = shown(
        judged("TST-1", GateSeverity.BLOCKING, Verdict.PASS),
        judged("TST-9", GateSeverity.WARNING, Verdict.FAIL, "coverage.branch = 52.63 " * 9),
        judged("SEC-5", GateSeverity.WARNING, Verdict.NOT_MEASURED, "[Errno -2] no answer"),
    )
    assert head == "gates      1/1 phases passed, as development"
    assert phase == "           ✓ testing: 1 FAIL, 1 NOT_MEASURED, 1 PASS"
    first, second = warnings
    assert first.startswith("             warning TST-9 FAIL: coverage.branch = 52.63 ")
    assert first.endswith(" …")
    assert second == "             warning SEC-5 NOT_MEASURED: [Errno -2] no answer"


def test_what_blocks_is_no_warning() -> None:
    assert len(
        shown(
            judged("TST-1", GateSeverity.BLOCKING, Verdict.FAIL, "no"),
            judged("TST-9", GateSeverity.WARNING, Verdict.ERROR, "broke"),
            judged("TST-8", GateSeverity.WARNING, Verdict.NOT_APPLICABLE, "no page"),
            passed=False,
        )
    ) == len(["gates", "testing"])
