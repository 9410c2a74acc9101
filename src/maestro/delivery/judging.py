"""Whether work of a phase may start, and whether the phase may close: evidence in, record out."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from maestro.delivery.collecting import Collecting
from maestro.delivery.earlier_tests import earlier_tests
from maestro.delivery.facts import facts
from maestro.delivery.providers import own_contracts, upstream_artifacts
from maestro.delivery.record import GateRecord, RunRecord
from maestro.delivery.workspace import Workspace
from maestro.domain.baseline import subject_of
from maestro.domain.encoding import encode
from maestro.domain.quality import (
    Environment,
    Evidence,
    GateCircumstances,
    GateStage,
    PhaseVerdict,
    Policy,
    Verdict,
    Waiver,
)
from maestro.domain.values import JsonObject, JsonScalar, StepId
from maestro.domain.waiver_life import WaiverStatus
from maestro.ports import Clock, StepContext, Store, Transaction
from maestro.quality.artefacts import find_artefacts
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.evidence import deciding, needed


@dataclass(frozen=True, slots=True)
class _Question:
    """What is to be judged, and which collectors have to speak for it."""

    policy: Policy
    phase: str
    stage: GateStage | None
    personas: frozenset[str]
    """Who works in the run."""

    def answer(
        self, evidence: Sequence[Evidence], circumstances: GateCircumstances
    ) -> PhaseVerdict:
        return evaluate_phase(self.policy, self.phase, evidence, circumstances, stage=self.stage)

    def conditions(self) -> tuple[str, ...]:
        """Those that decide which gates and artefact rules apply."""
        return deciding(self.policy, self.phase, self.stage)

    def rest(self, evidence: Sequence[Evidence]) -> tuple[str, ...]:
        """Those that the gates which apply need beside what has been collected."""
        idle = {
            result.gate
            for result in self.answer(evidence, GateCircumstances(personas=self.personas)).results
            if result.verdict is Verdict.NOT_APPLICABLE
        }
        gates = tuple(gate for gate in self.policy.gates if gate.id not in idle)
        spoken = {item.collector for item in evidence}
        names = needed(replace(self.policy, gates=gates), self.phase, self.stage)
        return tuple(name for name in names if name not in spoken)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseJudge:
    """What stands between a run's work and what comes after it."""

    policy: Callable[[Environment], Policy]
    collecting: Collecting
    workspace: Workspace
    store: Store
    """Where waivers and the measurements of earlier runs are."""
    clock: Clock
    browser: bool
    """Whether this host has a browser; without one, page gates are NOT_APPLICABLE, visibly."""

    async def closing(self, context: StepContext, phase: str) -> GateRecord:
        """Every gate of the phase, on the files of all the work that the step needs."""
        return await self._judged(context, phase, None)

    async def entering(self, context: StepContext, phase: str) -> GateRecord | None:
        """The phase's entry gates, before work of it starts; None where the policy has none."""
        record = RunRecord.of(context)
        policy = await self._policy(record)
        if phase not in policy.phases or not policy.gates_of(phase, GateStage.ENTRY):
            return None
        return await self._judged(context, phase, GateStage.ENTRY)

    async def _policy(self, record: RunRecord) -> Policy:
        return await asyncio.to_thread(self.policy, record.requirement.constraints.environment)

    async def _judged(
        self, context: StepContext, phase: str, stage: GateStage | None
    ) -> GateRecord:
        record = RunRecord.of(context)
        policy = await self._policy(record)
        suffix = "" if stage is None else f".{stage.value}"
        tree = await self.workspace.fresh(
            context.run_id,
            StepId(f"{context.step.id}{suffix}"),
            context.attempt,
            upstream_artifacts(record, context.step),
        )
        found = await asyncio.to_thread(find_artefacts, tree, policy.artefacts_of(phase))
        working = frozenset(member.persona for member in record.decided().team.members)
        question = _Question(policy, phase, stage, working)
        known = await self._facts(context, record, stage)
        evidence = await self._evidence(context, question, tree, known)
        # Measuring takes minutes: what was taken back or ended meanwhile does not count any more.
        circumstances = await self._circumstances(record, phase)
        circumstances = replace(circumstances, artefacts=found, personas=working)
        return GateRecord(verdict=question.answer(evidence, circumstances), evidence=evidence)

    async def _facts(
        self, context: StepContext, record: RunRecord, stage: GateStage | None
    ) -> JsonObject:
        known = await asyncio.to_thread(
            facts, record, record.decided().analysis, browser=self.browser
        )
        if stage is GateStage.ENTRY:
            known = {**known, "contracts": encode(own_contracts(record, context.step))}
        before = await earlier_tests(self.store, self.workspace.artifacts, context)
        return {**known, "test_fingerprints": before}

    async def _evidence(
        self, context: StepContext, question: _Question, tree: Path, known: JsonObject
    ) -> tuple[Evidence, ...]:
        """First what decides which gates apply, then what those need: a costly measurement that
        no gate asks for here is not made.
        """
        deadline = time.monotonic() + context.step.timeout_seconds

        async def collected(names: Sequence[str]) -> tuple[Evidence, ...]:
            return await self.collecting.evidence(
                names, tree, known, context.progress, within=deadline - time.monotonic()
            )

        found = await collected(question.conditions())
        return (*found, *await collected(question.rest(found)))

    async def _circumstances(self, record: RunRecord, phase: str) -> GateCircumstances:
        requirement = record.requirement

        def read(tx: Transaction) -> tuple[Sequence[Waiver], Mapping[str, JsonScalar]]:
            approved = tx.waivers.of_project(requirement.project, (WaiverStatus.APPROVED,))
            last = tx.baselines.get(requirement.project, subject_of(requirement), phase)
            return [item.waiver() for item in approved], last.metrics if last else {}

        waivers, baseline = await self.store.read(read)
        return GateCircumstances(
            project=requirement.project,
            today=self.clock.now().date(),
            baseline=baseline,
            waivers=waivers,
        )


def refused_with(record: GateRecord, reasons: Sequence[str]) -> GateRecord:
    """The same, with what else keeps the phase from closing."""
    verdict: PhaseVerdict = record.verdict
    return replace(record, verdict=replace(verdict, passed=not reasons, reasons=tuple(reasons)))
