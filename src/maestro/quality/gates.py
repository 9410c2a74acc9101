"""One gate of a policy file."""

from collections.abc import Mapping

from maestro.domain.quality import (
    Gate,
    GateSeverity,
    GateStage,
    MetricComparison,
    MetricType,
)
from maestro.domain.values import is_identifier
from maestro.quality.conditions import (
    as_condition,
    compared,
    read_comparison,
    read_demand,
    read_scope,
)
from maestro.quality.metrics import MetricCatalogue
from maestro.quality.strict_yaml import Value

_EXPRESSION = ("id", "summary", "expr")
_COMPARISON = ("id", "summary", "metric", "op", "threshold")
_OPTIONAL = ("severity", "when", "waivable", "persona")
_TIGHTENED = ("severity", "op", "threshold", "baseline", "waivable")


def read_gate(phase: str, stage: GateStage, entry: Value, metrics: MetricCatalogue) -> Gate:
    keys = entry.entries()
    if "expr" in keys and "metric" in keys:
        raise entry.refuse("a gate has either 'expr' or 'metric', 'op' and 'threshold', not both")
    if "expr" in keys:
        if "baseline" in keys:
            raise keys["baseline"].refuse("a baseline needs 'metric', 'op' and 'threshold'")
        fields = entry.fields(_EXPRESSION, _OPTIONAL)
        condition, names = read_demand(fields["expr"], metrics)
        comparison = None
    else:
        fields = entry.fields(_COMPARISON, (*_OPTIONAL, "baseline"))
        comparison = read_comparison(fields["metric"], fields["op"], fields["threshold"], metrics)
        condition = as_condition(comparison, metrics.metrics[comparison.metric])
        names = (comparison.metric,)
    return Gate(
        id=fields["id"].text(),
        phase=phase,
        summary=fields["summary"].text(),
        severity=_severity(fields) or GateSeverity.BLOCKING,
        condition=condition,
        metrics=names,
        when=read_scope(fields.get("when"), metrics),
        waivable=_waivable(fields, True),
        stage=stage,
        comparison=comparison,
        max_drop=_max_drop(fields, comparison, metrics),
        persona=read_persona(fields.get("persona")),
    )


def patched_gate(gate: Gate, entry: Value, metrics: MetricCatalogue) -> Gate:
    """The gate with what an environment says of it; whether that is stricter is for the caller."""
    fields = entry.fields((), _TIGHTENED)
    if not fields:
        raise entry.refuse(f"nothing is said of gate {gate.id!r}; leave it out")
    comparison = _patched_comparison(gate, fields, metrics)
    drop = _max_drop(fields, comparison, metrics)
    condition = gate.condition
    if comparison is not None:
        condition = as_condition(comparison, metrics.metrics[comparison.metric])
    return Gate(
        id=gate.id,
        phase=gate.phase,
        summary=gate.summary,
        severity=_severity(fields) or gate.severity,
        condition=condition,
        metrics=gate.metrics,
        when=gate.when,
        waivable=_waivable(fields, gate.waivable),
        stage=gate.stage,
        comparison=comparison,
        max_drop=gate.max_drop if drop is None else drop,
        persona=gate.persona,
    )


def _patched_comparison(
    gate: Gate, fields: Mapping[str, Value], metrics: MetricCatalogue
) -> MetricComparison | None:
    if gate.comparison is None:
        for name in ("op", "threshold", "baseline"):
            if name in fields:
                raise fields[name].refuse(f"gate {gate.id!r} is an 'expr'; it has no {name!r}")
        return None
    if "threshold" not in fields:
        if "op" in fields:
            raise fields["op"].refuse(f"say the threshold of gate {gate.id!r}, too")
        return gate.comparison
    threshold = fields["threshold"]
    op = fields.get("op")
    metric = metrics.metrics[gate.comparison.metric]
    operator = gate.comparison.op if op is None else op.text()
    return compared(metric, operator, threshold, op or threshold)


def _severity(fields: Mapping[str, Value]) -> GateSeverity | None:
    value = fields.get("severity")
    return None if value is None else GateSeverity(value.one_of(tuple(GateSeverity)))


def _waivable(fields: Mapping[str, Value], otherwise: bool) -> bool:
    value = fields.get("waivable")
    return otherwise if value is None else value.boolean()


def _max_drop(
    fields: Mapping[str, Value], comparison: MetricComparison | None, metrics: MetricCatalogue
) -> float | None:
    value = fields.get("baseline")
    if value is None:
        return None
    if comparison is None or metrics.metrics[comparison.metric].type is MetricType.BOOLEAN:
        raise value.refuse("only a number can be compared with the last passing run")
    drop = value.fields(("max_drop",))["max_drop"]
    number = drop.number()
    if number < 0:
        raise drop.refuse(f"max_drop must not be negative, got {number!r}")
    return float(number)


def read_persona(value: Value | None) -> str | None:
    if value is None:
        return None
    name = value.text()
    if not is_identifier(name):
        raise value.refuse(f"{name!r} cannot be a persona; use small letters, digits and '_'")
    return name
