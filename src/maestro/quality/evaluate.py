"""Judging a phase. Pure: policy, evidence and circumstances in, verdict out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from maestro.domain.expression import Condition, ConditionFailed, holds
from maestro.domain.quality import (
    ArtefactResult,
    ArtefactRule,
    Better,
    Evidence,
    Gate,
    GateCircumstances,
    GateResult,
    GateStage,
    PhaseVerdict,
    Policy,
    Verdict,
    Waiver,
)
from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput
from maestro.quality.ledger import Ledger
from maestro.quality.metrics import MetricCatalogue, built_in_metrics
from maestro.quality.verdicts import judged, refusals
from maestro.quality.waivers import waiver_fault

_SHOWN_FILES = 3
_NOWHERE = GateCircumstances()


def evaluate_phase(
    policy: Policy,
    phase: str,
    evidence: Sequence[Evidence],
    circumstances: GateCircumstances = _NOWHERE,
    *,
    stage: GateStage | None = None,
    metrics: MetricCatalogue | None = None,
) -> PhaseVerdict:
    """The verdict over one phase.

    Args:
        policy: that of the environment in force.
        phase: one of the policy's.
        evidence: of every collector that `evidence.needed` names, each once.
        circumstances: without them no waiver counts and no artefact is found.
        stage: ENTRY judges only whether the phase may begin; None judges everything, as a phase
            closes. EXIT leaves the entry gates out.
        metrics: None for the built-in catalogue.

    Raises:
        InvalidInput: the policy has no such phase.
    """
    if phase not in policy.phases:
        raise InvalidInput(
            f"policy {policy.id!r} has no phase {phase!r}; it has: {', '.join(policy.phases)}"
        )
    ledger = Ledger.of(evidence, metrics or built_in_metrics())
    judge = _Judge(
        ledger=ledger,
        circumstances=circumstances,
        waivers=(*policy.waivers, *circumstances.waivers),
    )
    results = tuple(judge.gate(gate) for gate in policy.gates_of(phase, stage))
    rules = () if stage is GateStage.ENTRY else policy.artefacts_of(phase)
    artefacts = tuple(judge.artefact(rule) for rule in rules)
    reasons = [*ledger.faults, *refusals(results, artefacts)]
    if stage is not GateStage.ENTRY:
        reasons += _too_little(phase, judged(results), policy.min_blocking_evaluated)
    return PhaseVerdict(
        phase=phase,
        passed=not reasons,
        results=results,
        reasons=tuple(reasons),
        policy=policy.digest,
        artefacts=artefacts,
        environment=policy.environment,
    )


def gate_metrics(gate: Gate, metrics: MetricCatalogue) -> tuple[str, ...]:
    """Everything that has to be measured to judge a gate, sorted."""
    return tuple(sorted({*gate.metrics, *when_metrics(gate, metrics)}))


def when_metrics(demand: Gate | ArtefactRule, metrics: MetricCatalogue) -> tuple[str, ...]:
    """Everything that decides whether a gate or an artefact rule applies."""
    if demand.when is None:
        return ()
    return metrics.condition(demand.when).names


def _too_little(phase: str, seen: int, demanded: int) -> list[str]:
    if seen == 0:
        return [f"no blocking gate of phase {phase!r} was judged, which is no pass"]
    if seen < demanded:
        return [f"{seen} blocking gate(s) of phase {phase!r} were judged; {demanded} are demanded"]
    return []


class _Unjudged(Exception):
    """Ends the judging of one gate or rule before its condition."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    ledger: Ledger
    circumstances: GateCircumstances
    waivers: Sequence[Waiver] = field(default=())

    def gate(self, gate: Gate) -> GateResult:
        try:
            self._apply(gate)
            condition = self.ledger.catalogue.condition(gate.condition)
            self._measured(condition.names)
            passed = holds(condition, self.ledger.values)
            drop = self._drop(gate)
        except _Unjudged as end:
            return self._result(gate, end.verdict, end.reason)
        except (InvalidInput, ConditionFailed) as error:
            return self._result(gate, Verdict.ERROR, str(error))
        observed = self.ledger.told(condition.names)
        if passed and drop is None:
            return self._result(gate, Verdict.PASS, f"{gate.summary}: {observed}")
        demanded = drop if passed and drop else f"demanded {gate.condition}, measured {observed}"
        return self._failed(gate, f"{gate.summary}: {demanded}", condition.names)

    def artefact(self, rule: ArtefactRule) -> ArtefactResult:
        try:
            self._apply(rule)
        except _Unjudged as end:
            return _artefact_result(rule, end.verdict, (), end.reason)
        except (InvalidInput, ConditionFailed) as error:
            return _artefact_result(rule, Verdict.ERROR, (), str(error))
        looked = self.circumstances.artefacts
        if looked is None:
            return _artefact_result(rule, Verdict.NOT_MEASURED, (), "nobody looked for it")
        found = [item for item in looked if item.rule == rule.path and item.schema is rule.schema]
        faulty = [f"{item.path} {item.fault}" for item in found if item.fault]
        good = tuple(item.path for item in found if not item.fault)
        if faulty:
            reason = "; ".join(faulty[:_SHOWN_FILES])
            return _artefact_result(rule, Verdict.FAIL, good, reason)
        if len(good) < rule.min:
            reason = f"at least {rule.min} {rule.schema} needed, found {len(good)}"
            return _artefact_result(rule, Verdict.FAIL, good, reason)
        return _artefact_result(rule, Verdict.PASS, good, f"{len(good)} found")

    def _apply(self, demand: Gate | ArtefactRule) -> None:
        """Raises _Unjudged where it does not, or nobody knows."""
        if demand.persona is not None:
            working = self.circumstances.personas
            if working is None:
                reason = f"cannot say if it applies: nobody told if {demand.persona} works here"
                raise _Unjudged(Verdict.ERROR, reason)
            if demand.persona not in working:
                reason = f"does not apply here: no {demand.persona} works here"
                raise _Unjudged(Verdict.NOT_APPLICABLE, reason)
        self._in_scope(demand.when)

    def _in_scope(self, when: str | None) -> None:
        if when is None:
            return
        scope = self.ledger.catalogue.condition(when)
        obstacle = self.ledger.obstacle(scope.names)
        if obstacle is not None:
            raise _Unjudged(Verdict.ERROR, f"cannot say if it applies: {obstacle[1]}")
        if not holds(scope, self.ledger.values):
            reason = f"does not apply here: {self.ledger.told(scope.names)}"
            raise _Unjudged(Verdict.NOT_APPLICABLE, reason)

    def _measured(self, names: Iterable[str]) -> None:
        obstacle = self.ledger.obstacle(names)
        if obstacle is not None:
            raise _Unjudged(*obstacle)

    def _drop(self, gate: Gate) -> str | None:
        """How much worse than the last passing run, where that is too much."""
        if gate.max_drop is None or gate.comparison is None:
            return None
        name = gate.comparison.metric
        if name not in self.circumstances.baseline:
            return None  # the first run has nothing to fall behind
        last = self._comparable(name, self.circumstances.baseline[name])
        now = self._comparable(name, self.ledger.values[name])
        better = self.ledger.catalogue.metrics[name].better
        worse = round(last - now if better is Better.HIGHER else now - last, 9)
        if worse <= gate.max_drop:
            return None
        return (
            f"{name} = {now:g} is {worse:g} worse than {last:g} of the last passing run; at most "
            f"{gate.max_drop:g} is allowed"
        )

    def _comparable(self, name: str, value: JsonScalar) -> int | float:
        fault = self.ledger.catalogue.fault(
            self.ledger.catalogue.metrics[name].producer, name, value
        )
        if fault is not None:
            why = f"{name} cannot be compared with the last passing run: {fault}"
            raise _Unjudged(Verdict.ERROR, why)
        assert isinstance(value, int | float)
        return value

    def _failed(self, gate: Gate, reason: str, names: Sequence[str]) -> GateResult:
        findings = "; ".join(self.ledger.findings_behind(names))
        reason = f"{reason} ({findings})" if findings else reason
        refused: list[str] = []
        for waiver in self.waivers:
            if waiver.gate != gate.id or waiver.project != self.circumstances.project:
                continue
            fault = self._waiver_fault(waiver, gate)
            if fault is None:
                why = f"waived by {waiver.approver} until {waiver.expires} ({waiver.adr})"
                return self._result(gate, Verdict.WAIVED, f"{why}: {reason}", waiver)
            refused.append(f"; waiver {waiver.adr} does not count: {fault}")
        return self._result(gate, Verdict.FAIL, reason + "".join(refused))

    def _waiver_fault(self, waiver: Waiver, gate: Gate) -> str | None:
        fault = waiver_fault(waiver, gate, self.ledger.catalogue)
        if fault is not None:
            return fault
        today = self.circumstances.today
        if today is None:
            return "nobody told what day it is"
        if waiver.expires < today:
            return f"it ended on {waiver.expires}"
        ceiling: Condition = self.ledger.catalogue.condition(waiver.ceiling)
        try:
            within = holds(ceiling, self.ledger.values)
        except ConditionFailed as error:
            return str(error)
        return None if within else f"it covers {waiver.ceiling} only"

    def _result(
        self, gate: Gate, verdict: Verdict, reason: str, waiver: Waiver | None = None
    ) -> GateResult:
        values = self.ledger.values
        return GateResult(
            gate=gate.id,
            phase=gate.phase,
            severity=gate.severity,
            verdict=verdict,
            condition=gate.condition,
            observed={name: values[name] for name in gate.metrics if name in values},
            reason=reason,
            stage=gate.stage,
            waiver=waiver,
            evidence=self.ledger.digests_behind(gate.metrics),
        )


def _artefact_result(
    rule: ArtefactRule, verdict: Verdict, found: tuple[str, ...], reason: str
) -> ArtefactResult:
    return ArtefactResult(
        path=rule.path, schema=rule.schema, verdict=verdict, found=found, reason=reason
    )
