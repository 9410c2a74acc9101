"""How the gates of a run were judged, in the summary of a build."""

from collections import Counter
from collections.abc import Sequence
from textwrap import shorten

from rich.console import Console
from rich.markup import escape

from maestro.delivery.result import Quality, WaivedGate
from maestro.domain.quality import GateSeverity, PhaseVerdict, Verdict

_WARNED_WIDTH = 150
_WARNS = (Verdict.FAIL, Verdict.NOT_MEASURED)
"""An ERROR blocks at any severity."""


def gates(console: Console, verdicts: Sequence[PhaseVerdict], quality: Quality) -> None:
    """A line for each phase, and one for each gate that warned without blocking."""
    passed = sum(verdict.passed for verdict in verdicts)
    console.print(f"gates      {passed}/{len(verdicts)} phases passed, as {quality.environment}")
    for verdict in verdicts:
        mark = "[green]✓[/]" if verdict.passed else "[magenta]■[/]"
        counts = Counter(item.verdict.value for item in verdict.results)
        ledger = ", ".join(f"{number} {name}" for name, number in sorted(counts.items()))
        console.print(f"           {mark} {verdict.phase}: {ledger}")
        for warning in _warnings(verdict):
            console.print(f"             [yellow]warning[/] {escape(warning)}", soft_wrap=True)
    for gate in quality.waived:
        console.print(f"           {waived_line(gate)}")


def _warnings(verdict: PhaseVerdict) -> list[str]:
    """What did not hold and does not block."""
    return [
        shorten(f"{item.gate} {item.verdict}: {item.reason}", _WARNED_WIDTH, placeholder=" …")
        for item in verdict.results
        if item.severity is GateSeverity.WARNING and item.verdict in _WARNS
    ]


def waived_line(gate: WaivedGate) -> str:
    """Who lets a gate be, until when and why."""
    return (
        f"[yellow]WAIVED[/] {gate.gate} until {gate.expires}, approved by "
        f"{escape(gate.approver)}, {escape(gate.adr)}: {escape(gate.reason)}"
    )
