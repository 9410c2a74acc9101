"""What a gate measures and what it takes to pass, in sentences for people. Pure."""

from collections.abc import Iterator

from maestro.domain.quality import Better, Gate, GateSeverity, GateStage, Metric, MetricComparison
from maestro.quality.evaluate import gate_metrics
from maestro.quality.metrics import MetricCatalogue
from maestro.quality.tightness import shown

_WORDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than", "==": "exactly"}


def measured(gate: Gate, metrics: MetricCatalogue) -> tuple[Metric, ...]:
    """Every metric the gate depends on, also those that say whether it applies."""
    return tuple(metrics.metrics[name] for name in gate_metrics(gate, metrics))


def demands(gate: Gate, metrics: MetricCatalogue) -> tuple[str, ...]:
    """What must be true for the gate to let a phase pass."""
    return (
        *_scope(gate),
        *_evidence(gate, metrics),
        *_condition(gate, metrics),
        *_otherwise(gate),
    )


def _scope(gate: Gate) -> Iterator[str]:
    if gate.persona is not None:
        yield f"it is judged only where {gate.persona} works; elsewhere it is NOT_APPLICABLE"
    if gate.when is not None:
        yield (
            f"it is judged only where {gate.when}; elsewhere it is NOT_APPLICABLE, and ERROR "
            "where that is not known"
        )


def _evidence(gate: Gate, metrics: MetricCatalogue) -> Iterator[str]:
    found = measured(gate, metrics)
    for producer in dict.fromkeys(metric.producer for metric in found):
        own = ", ".join(metric.name for metric in found if metric.producer == producer)
        yield f"{producer!r} has really examined something, without errors, and reports {own}"
    for metric in found:
        if metric.min_sample is not None:
            sample = metric.min_sample
            yield f"{metric.name} rests on {sample.metric} >= {sample.at_least}"


def _condition(gate: Gate, metrics: MetricCatalogue) -> Iterator[str]:
    if gate.comparison is None:
        yield f"this holds: {gate.condition}"
        return
    metric = metrics.metrics[gate.comparison.metric]
    yield _told(gate.comparison, metric)
    if gate.max_drop is not None:
        way = "below" if metric.better is Better.HIGHER else "above"
        yield (
            f"it is at most {_with_unit(gate.max_drop, metric)} {way} what the project's last "
            "passing run measured"
        )


def _told(comparison: MetricComparison, metric: Metric) -> str:
    if isinstance(comparison.threshold, bool):
        return f"{metric.name} is {shown(comparison.threshold)}"
    amount = _with_unit(comparison.threshold, metric)
    return f"{metric.name} is {_WORDS[comparison.op]} {amount}"


def _with_unit(number: float, metric: Metric) -> str:
    unit = "" if metric.unit in ("", "0..1") else f" {metric.unit}"
    return f"{number:g}{unit}"


def _otherwise(gate: Gate) -> Iterator[str]:
    if gate.severity is GateSeverity.BLOCKING:
        yield "BLOCKING: anything else keeps the phase from closing, also what was not measured"
    else:
        yield "WARNING: only an ERROR keeps the phase from closing"
    if gate.stage is GateStage.ENTRY:
        yield "entry gate: judged before work of the phase starts, and again when it closes"
    if gate.waivable:
        yield (
            "a failure may be waived up to a ceiling and until a day, by somebody else than "
            "who asks for it, with a decision record"
        )
    else:
        yield "it can never be waived"
