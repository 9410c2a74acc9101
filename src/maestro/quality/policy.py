"""Loading a policy: whatever would let a gate pass by mistake is refused here, with its place."""

import hashlib
import math
from functools import cache
from pathlib import Path

from maestro.domain.expression import compile_condition
from maestro.domain.quality import Better, Gate, GateSeverity, Metric, MetricType, Policy
from maestro.domain.values import is_identifier
from maestro.errors import InvalidInput
from maestro.quality.metrics import DATA, MetricCatalogue, built_in_metrics, check_version
from maestro.quality.strict_yaml import Value, read

_OPTIONAL = ("severity", "applies_when", "waivable")
_EXPRESSION = ("id", "summary", "expr")
_COMPARISON = ("id", "summary", "metric", "op", "threshold")
_TOWARDS = {Better.HIGHER: (">", ">=", "=="), Better.LOWER: ("<", "<=", "==")}


def load_policy(path: Path | None = None, metrics: MetricCatalogue | None = None) -> Policy:
    """The policy in the file; the built-in one without a file.

    Raises:
        InvalidInput: file, line, column and the rule that is broken.
    """
    if path is None:
        return _built_in()
    policy = _load(path, metrics or built_in_metrics())
    expected = _built_in().phases
    if policy.phases != expected:
        raise InvalidInput(
            f"{path.name}: the phases must be, in this order: {', '.join(expected)}; "
            f"got {', '.join(policy.phases)}"
        )
    return policy


@cache
def _built_in() -> Policy:
    return _load(DATA / "policy.yaml", built_in_metrics())


def _load(path: Path, metrics: MetricCatalogue) -> Policy:
    document = read(path).fields(("schema_version", "policy", "phases"))
    check_version(document["schema_version"])
    head = document["policy"].fields(("id", "version"))
    gates: dict[str, Gate] = {}
    phases = document["phases"].entries()
    for phase, listed in phases.items():
        for entry in listed.items():
            gate = _gate(phase, entry, metrics)
            if gate.id in gates:
                raise entry.refuse(f"gate id {gate.id!r} is used twice")
            gates[gate.id] = gate
        if not any(
            g.phase == phase and g.severity is GateSeverity.BLOCKING for g in gates.values()
        ):
            raise listed.refuse(f"phase {phase!r} has no BLOCKING gate; nothing could stop it")
    digest = hashlib.sha256(path.read_bytes() + metrics.digest.encode()).hexdigest()
    return Policy(
        id=head["id"].text(),
        version=head["version"].integer(),
        digest=f"sha256:{digest}",
        phases=tuple(phases),
        gates=tuple(gates.values()),
    )


def _gate(phase: str, entry: Value, metrics: MetricCatalogue) -> Gate:
    if not is_identifier(phase):
        raise entry.refuse(f"{phase!r} cannot be a phase; use small letters, digits and '_'")
    keys = entry.entries()
    if "expr" in keys and "metric" in keys:
        raise entry.refuse("a gate has either 'expr' or 'metric', 'op' and 'threshold', not both")
    fields = entry.fields(_EXPRESSION if "expr" in keys else _COMPARISON, _OPTIONAL)
    written = fields["expr"].text() if "expr" in fields else _comparison(fields, metrics)
    severity = fields.get("severity")
    waivable = fields.get("waivable")
    applies_when = fields.get("applies_when")
    where = fields.get("expr", entry)
    return Gate(
        id=fields["id"].text(),
        phase=phase,
        summary=fields["summary"].text(),
        severity=GateSeverity(severity.one_of(tuple(GateSeverity)))
        if severity
        else GateSeverity.BLOCKING,
        condition=written,
        metrics=_compiled(written, where, metrics),
        applies_when=_condition(applies_when, metrics) if applies_when else None,
        waivable=waivable.boolean() if waivable else True,
    )


def _condition(value: Value, metrics: MetricCatalogue) -> str:
    source = value.text()
    _compiled(source, value, metrics)
    return source


def _compiled(source: str, where: Value, metrics: MetricCatalogue) -> tuple[str, ...]:
    try:
        names = compile_condition(source, metrics.declared).names
    except InvalidInput as error:
        raise where.refuse(str(error)) from error
    if not names:
        raise where.refuse(f"condition {source!r} measures nothing; name at least one metric")
    return names


def _comparison(fields: dict[str, Value], metrics: MetricCatalogue) -> str:
    """`metric op threshold` as CEL, the threshold written in the metric's own type."""
    name = fields["metric"].text()
    metric = metrics.metrics.get(name)
    if metric is None:
        raise fields["metric"].refuse(f"metric {name!r} is not in the metric catalogue")
    operator = fields["op"].text()
    allowed = _operators(metric)
    if operator not in allowed:
        raise fields["op"].refuse(
            f"{operator!r} runs against {name!r}, for which {metric.better} is better "
            f"({metric.type}); use {' or '.join(allowed)}"
        )
    return f"{name} {operator} {_literal(metric, fields['threshold'])}"


def _operators(metric: Metric) -> tuple[str, ...]:
    """What may be demanded. Equality makes sense only where the value is exact."""
    if metric.type is MetricType.BOOLEAN:
        return ("==",)
    return tuple(
        operator
        for operator in _TOWARDS[metric.better]
        if operator != "==" or metric.type is MetricType.INTEGER
    )


def _literal(metric: Metric, threshold: Value) -> str:
    value = threshold.plain()
    if metric.type is MetricType.BOOLEAN:
        wanted = metric.better is Better.HIGHER
        if value is not wanted:
            raise threshold.refuse(
                f"the threshold of {metric.name!r} must be {wanted}, got {value!r}"
            )
        return str(wanted).lower()
    if metric.type is MetricType.INTEGER:
        return str(threshold.integer())
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise threshold.refuse(f"expected a number, got {value!r}")
    return repr(float(value))
