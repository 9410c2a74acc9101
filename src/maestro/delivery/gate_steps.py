"""The quality gate as a durable step: the verdict decides whether the run goes on behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from maestro.delivery.judging import PhaseJudge, refused_with
from maestro.domain.encoding import encode
from maestro.errors import Blocked
from maestro.ports import StepContext, StepHandler, StepResult


@dataclass(frozen=True, slots=True)
class GateSteps:
    judge: PhaseJudge

    def handlers(self) -> Mapping[str, StepHandler]:
        return {"quality.gate": self.close}

    async def close(self, context: StepContext) -> StepResult:
        """Raises Blocked with the whole ledger when the phase may not close."""
        phase = str(context.step.inputs["phase"])
        _require_earlier_phases(context)
        judged = await self.judge.closing(context, phase)
        reasons = (*judged.verdict.reasons, *_refused_steps(context))
        judged = refused_with(judged, reasons)
        if reasons:
            raise Blocked(
                f"phase {phase!r} may not close: "
                f"{len(reasons)} {'condition' if len(reasons) == 1 else 'conditions'} refused",
                reasons=reasons,
                detail=encode(judged),
            )
        return StepResult(output=encode(judged))


def _require_earlier_phases(context: StepContext) -> None:
    """A phase is not judged while one it builds upon is blocked: its evidence would mean little."""
    gates = [need for need in context.step.needs if need.startswith("gate.")]
    still_open = [need.removeprefix("gate.") for need in gates if need not in context.outputs]
    if still_open:
        raise Blocked(
            f"not judged: {', '.join(still_open)} did not close before; mend what that was refused "
            "for, or give it back with 'maestro runs rework'"
        )


def _refused_steps(context: StepContext) -> tuple[str, ...]:
    """Steps of the phase that broke or were refused: no condition can outweigh them."""
    return tuple(
        f"{need}: {context.errors[need].message}"
        for need in context.step.needs
        if need in context.errors
    )
