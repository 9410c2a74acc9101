"""Judging a phase. Pure: policy and evidence in, verdict out.

Only what was measured can pass. A phase is blocked by a blocking gate that failed, broke or was not
measured; by an error of any severity, because an error is a defect of a tool or of Maestro and not
an opinion about quality; and when no blocking gate was judged at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from maestro.domain.expression import Condition, ConditionFailed, compile_condition, holds
from maestro.domain.quality import (
    Evidence,
    EvidenceStatus,
    Gate,
    GateResult,
    GateSeverity,
    PhaseVerdict,
    Policy,
    Verdict,
)
from maestro.domain.values import JsonScalar
from maestro.errors import InvalidInput
from maestro.quality.metrics import MetricCatalogue, built_in_metrics

_REFUSING = (Verdict.FAIL, Verdict.ERROR, Verdict.NOT_MEASURED)
_JUDGED = (Verdict.PASS, Verdict.FAIL, Verdict.WAIVED)
_SHOWN_FINDINGS = 3


def evaluate_phase(
    policy: Policy,
    phase: str,
    evidence: Sequence[Evidence],
    metrics: MetricCatalogue | None = None,
) -> PhaseVerdict:
    """The verdict over one phase.

    Raises:
        InvalidInput: the policy has no such phase.
    """
    if phase not in policy.phases:
        raise InvalidInput(
            f"policy {policy.id!r} has no phase {phase!r}; it has: {', '.join(policy.phases)}"
        )
    ledger = _Ledger.of(evidence, metrics or built_in_metrics())
    results = tuple(_judge(gate, ledger) for gate in policy.gates_of(phase))
    reasons = [*ledger.faults, *(f"{r.gate}: {r.reason}" for r in results if _refuses(r))]
    blocking = [r for r in results if r.severity is GateSeverity.BLOCKING]
    if not any(result.verdict in _JUDGED for result in blocking):
        reasons.append(f"no blocking gate of phase {phase!r} was judged, which is no pass")
    return PhaseVerdict(
        phase=phase,
        passed=not reasons,
        results=results,
        reasons=tuple(reasons),
        policy=policy.digest,
    )


def gate_metrics(gate: Gate, metrics: MetricCatalogue) -> tuple[str, ...]:
    """Everything that has to be measured to judge a gate, sorted."""
    names = set(gate.metrics)
    if gate.applies_when is not None:
        names.update(compile_condition(gate.applies_when, metrics.declared).names)
    return tuple(sorted(names))


def _refuses(result: GateResult) -> bool:
    if result.verdict is Verdict.ERROR:
        return True
    return result.severity is GateSeverity.BLOCKING and result.verdict in _REFUSING


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ledger:
    """Evidence sorted by what can be done with it."""

    catalogue: MetricCatalogue
    values: Mapping[str, JsonScalar]
    absent: Mapping[str, str]
    """Collector -> why its metrics were not measured."""
    broken: Mapping[str, str]
    """Collector -> why nothing it says can be trusted."""
    findings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """What is wrong with the evidence itself; blocks whatever the gates say."""

    @staticmethod
    def of(evidence: Iterable[Evidence], catalogue: MetricCatalogue) -> "_Ledger":
        values: dict[str, JsonScalar] = {}
        absent: dict[str, str] = {}
        broken: dict[str, str] = {}
        findings: dict[str, tuple[str, ...]] = {}
        faults: list[str] = []
        for item in evidence:
            if item.collector in findings:
                faults.append(f"{item.collector!r} handed in evidence twice")
            findings[item.collector] = item.detail
            wrong = _faults(item, catalogue)
            faults += wrong
            if wrong or item.status is EvidenceStatus.FAILED or item.tool_errors:
                broken[item.collector] = _first([*wrong, *item.tool_errors]) or "the tool failed"
            elif item.status is EvidenceStatus.UNAVAILABLE:
                absent[item.collector] = _first(item.detail) or f"{item.tool} is not available"
            elif item.files_examined < 1:
                absent[item.collector] = f"{item.tool} examined nothing"
            else:
                values.update(item.metrics)
        return _Ledger(
            catalogue=catalogue,
            values=values,
            absent=absent,
            broken=broken,
            findings=findings,
            faults=tuple(faults),
        )

    def obstacle(self, names: Iterable[str]) -> tuple[Verdict, str] | None:
        """Why a condition over these metrics cannot be judged; an error weighs more."""
        missing: str | None = None
        for name in names:
            producer = self.catalogue.metrics[name].producer
            if producer in self.broken:
                return Verdict.ERROR, f"{name} has no trustworthy value: {self.broken[producer]}"
            if name not in self.values and missing is None:
                why = self.absent.get(producer, f"{producer!r} reported no value for it")
                missing = f"{name} was not measured: {why}"
        return None if missing is None else (Verdict.NOT_MEASURED, missing)

    def findings_behind(self, names: Iterable[str]) -> tuple[str, ...]:
        producers = dict.fromkeys(self.catalogue.metrics[name].producer for name in names)
        found = [line for producer in producers for line in self.findings.get(producer, ())]
        return tuple(found[:_SHOWN_FINDINGS])


def _faults(item: Evidence, catalogue: MetricCatalogue) -> list[str]:
    found = [catalogue.fault(item.collector, name, value) for name, value in item.metrics.items()]
    return [fault for fault in found if fault is not None]


def _first(lines: Sequence[str]) -> str:
    return lines[0] if lines else ""


def _judge(gate: Gate, ledger: _Ledger) -> GateResult:
    declared = ledger.catalogue.declared
    try:
        if gate.applies_when is not None:
            scope = compile_condition(gate.applies_when, declared)
            obstacle = ledger.obstacle(scope.names)
            if obstacle is not None:
                return _result(
                    gate, ledger, Verdict.ERROR, f"cannot say if it applies: {obstacle[1]}"
                )
            if not holds(scope, ledger.values):
                reason = f"does not apply here: {_observed(scope, ledger)}"
                return _result(gate, ledger, Verdict.NOT_APPLICABLE, reason)
        condition = compile_condition(gate.condition, declared)
        obstacle = ledger.obstacle(condition.names)
        if obstacle is not None:
            return _result(gate, ledger, *obstacle)
        passed = holds(condition, ledger.values)
    except (InvalidInput, ConditionFailed) as error:
        return _result(gate, ledger, Verdict.ERROR, str(error))
    observed = _observed(condition, ledger)
    if passed:
        return _result(gate, ledger, Verdict.PASS, f"{gate.summary}: {observed}")
    findings = "; ".join(ledger.findings_behind(condition.names))
    reason = f"{gate.summary}: demanded {gate.condition}, measured {observed}"
    return _result(gate, ledger, Verdict.FAIL, f"{reason} ({findings})" if findings else reason)


def _observed(condition: Condition, ledger: _Ledger) -> str:
    return ", ".join(f"{name} = {_shown(ledger.values[name])}" for name in condition.names)


def _shown(value: JsonScalar) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


def _result(gate: Gate, ledger: _Ledger, verdict: Verdict, reason: str) -> GateResult:
    return GateResult(
        gate=gate.id,
        phase=gate.phase,
        severity=gate.severity,
        verdict=verdict,
        condition=gate.condition,
        observed={name: ledger.values[name] for name in gate.metrics if name in ledger.values},
        reason=reason,
    )
