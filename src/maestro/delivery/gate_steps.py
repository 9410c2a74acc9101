"""The quality gate as a durable step: collect evidence, judge, and really block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from maestro.delivery.facts import facts
from maestro.delivery.providers import upstream_artifacts
from maestro.delivery.record import GateRecord, RunRecord
from maestro.delivery.workspace import Workspace
from maestro.domain.encoding import encode
from maestro.domain.quality import Evidence, Policy
from maestro.errors import Blocked
from maestro.ports import (
    EvidenceCollector,
    EvidenceSubject,
    SandboxProvider,
    StepContext,
    StepHandler,
    StepResult,
)
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.evidence import needed


@dataclass(frozen=True, slots=True)
class GateSteps:
    policy: Policy
    collectors: Mapping[str, EvidenceCollector]
    workspace: Workspace
    sandboxes: SandboxProvider
    browser: bool
    """Whether this host has a browser; without one, page gates are NOT_APPLICABLE, visibly."""

    def handlers(self) -> Mapping[str, StepHandler]:
        return {"quality.gate": self.judge}

    async def judge(self, context: StepContext) -> StepResult:
        """Raises Blocked with the whole ledger when the phase may not close."""
        record = RunRecord.of(context)
        phase = str(context.step.inputs["phase"])
        _require_earlier_phases(context)
        evidence = await self._evidence(context, record, phase)
        verdict = evaluate_phase(self.policy, phase, evidence)
        reasons = (*verdict.reasons, *_refused_steps(context))
        judged = GateRecord(
            verdict=replace(verdict, passed=not reasons, reasons=reasons),
            evidence=tuple(evidence),
        )
        if reasons:
            raise Blocked(
                f"phase {phase!r} may not close: {len(reasons)} condition(s) refused",
                reasons=reasons,
                detail=encode(judged),
            )
        return StepResult(output=encode(judged))

    async def _evidence(
        self, context: StepContext, record: RunRecord, phase: str
    ) -> Sequence[Evidence]:
        tree = await self.workspace.fresh(
            context.run_id,
            context.step.id,
            context.attempt,
            upstream_artifacts(record, context.step),
        )
        collected: list[Evidence] = []
        async with self.sandboxes.open(tree) as sandbox:
            subject = EvidenceSubject(
                sandbox=sandbox,
                facts=facts(record, record.decided().analysis, browser=self.browser),
            )
            for name in needed(self.policy, phase):
                await context.progress(f"collecting evidence: {name}")
                collected.append(await self.collectors[name].collect(subject))
        return collected


def _require_earlier_phases(context: StepContext) -> None:
    """A phase is not judged while one it builds upon is blocked: its evidence would mean little."""
    gates = [need for need in context.step.needs if need.startswith("gate.")]
    still_open = [need.removeprefix("gate.") for need in gates if need not in context.outputs]
    if still_open:
        raise Blocked(f"not judged: {', '.join(still_open)} did not close before")


def _refused_steps(context: StepContext) -> tuple[str, ...]:
    """Steps of the phase that broke or were refused: no condition can outweigh them."""
    return tuple(
        f"{need}: {context.errors[need].message}"
        for need in context.step.needs
        if need in context.errors
    )
