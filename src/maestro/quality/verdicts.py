"""The algebra of verdicts: which ones let a phase close.

Only PASS and a valid WAIVED open a blocking gate. ERROR refuses at any severity, because an error
is a defect of a tool or of Maestro and not an opinion about quality. What was not measured is no
pass, and nothing judged is none either; no number of passes outweighs one refusal.
"""

from collections.abc import Sequence

from maestro.domain.quality import ArtefactResult, GateResult, GateSeverity, GateStage, Verdict

_REFUSING = (Verdict.FAIL, Verdict.ERROR, Verdict.NOT_MEASURED)
_JUDGED = (Verdict.PASS, Verdict.FAIL, Verdict.WAIVED)


def refuses(severity: GateSeverity, verdict: Verdict) -> bool:
    """Whether this verdict alone keeps a phase from closing."""
    if verdict is Verdict.ERROR:
        return True
    return severity is GateSeverity.BLOCKING and verdict in _REFUSING


def refusals(results: Sequence[GateResult], artefacts: Sequence[ArtefactResult]) -> tuple[str, ...]:
    """Why the phase may not close, as far as gates and artefacts say."""
    gates = (f"{r.gate}: {r.reason}" for r in results if refuses(r.severity, r.verdict))
    files = (
        f"{a.path}: {a.reason}" for a in artefacts if refuses(GateSeverity.BLOCKING, a.verdict)
    )
    return (*gates, *files)


def judged(results: Sequence[GateResult]) -> int:
    """Blocking exit gates that were really held against a measurement."""
    return sum(
        result.stage is GateStage.EXIT
        and result.severity is GateSeverity.BLOCKING
        and result.verdict in _JUDGED
        for result in results
    )
