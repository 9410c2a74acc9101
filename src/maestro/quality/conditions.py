"""Conditions of a policy file: over metrics of the catalogue, and none that could only pass."""

import re

from maestro.domain.quality import Better, Metric, MetricComparison, MetricType
from maestro.errors import InvalidInput
from maestro.quality.corners import RANGES, always_holds, never_holds
from maestro.quality.metrics import MetricCatalogue
from maestro.quality.strict_yaml import Value

_TOWARDS = {Better.HIGHER: (">", ">=", "=="), Better.LOWER: ("<", "<=", "==")}
_LITERAL = re.compile(r"'([^']*)'|\"([^\"]*)\"")


def read_demand(value: Value, metrics: MetricCatalogue) -> tuple[str, tuple[str, ...]]:
    """CEL source and the metrics it refers to, of what something has to fulfil."""
    source, names = _read(value, metrics)
    if always_holds(source, metrics):
        raise value.refuse(f"condition {source!r} holds always; demand something that can fail")
    return source, names


def read_scope(value: Value | None, metrics: MetricCatalogue) -> str | None:
    """CEL source of a `when`."""
    if value is None:
        return None
    source, _ = _read(value, metrics)
    if never_holds(source, metrics):
        raise value.refuse(f"condition {source!r} holds never; what depends on it is not judged")
    return source


def _read(value: Value, metrics: MetricCatalogue) -> tuple[str, tuple[str, ...]]:
    source = value.text()
    try:
        names = metrics.condition(source).names
    except InvalidInput as error:
        raise value.refuse(str(error)) from error
    if not names:
        raise value.refuse(f"condition {source!r} measures nothing; name at least one metric")
    _check_words(source, names, value, metrics)
    return source, names


def read_comparison(
    metric: Value, op: Value, threshold: Value, metrics: MetricCatalogue
) -> MetricComparison:
    name = metric.text()
    known = metrics.metrics.get(name)
    if known is None:
        raise metric.refuse(f"metric {name!r} is not in the metric catalogue")
    return compared(known, op.text(), threshold, op)


def compared(metric: Metric, operator: str, threshold: Value, op: Value) -> MetricComparison:
    """What is demanded of this metric; `op` is where the operator stands."""
    allowed = _operators(metric)
    if not allowed:
        raise op.refuse(f"{metric.name!r} is a text; compare it in an 'expr'")
    if operator not in allowed:
        raise op.refuse(
            f"{operator!r} runs against {metric.name!r}, for which {metric.better} is better "
            f"({metric.type}); use {' or '.join(allowed)}"
        )
    return MetricComparison(
        metric=metric.name, op=operator, threshold=_threshold(metric, operator, threshold)
    )


def as_condition(comparison: MetricComparison, metric: Metric) -> str:
    """As CEL, the threshold written in the metric's own type."""
    threshold = comparison.threshold
    if metric.type is MetricType.BOOLEAN:
        literal = str(threshold).lower()
    elif metric.type is MetricType.INTEGER:
        literal = str(threshold)
    else:
        literal = repr(float(threshold))
    return f"{comparison.metric} {comparison.op} {literal}"


def _operators(metric: Metric) -> tuple[str, ...]:
    """What may be demanded. Equality makes sense only where the value is exact."""
    if metric.better is None:
        return ()
    if metric.type is MetricType.BOOLEAN:
        return ("==",)
    return tuple(
        operator
        for operator in _TOWARDS[metric.better]
        if operator != "==" or metric.type is MetricType.INTEGER
    )


def _threshold(metric: Metric, operator: str, threshold: Value) -> int | float | bool:
    if metric.type is MetricType.BOOLEAN:
        wanted = metric.better is Better.HIGHER
        value = threshold.plain()
        if not isinstance(value, bool) or value != wanted:
            raise threshold.refuse(
                f"the threshold of {metric.name!r} must be {wanted}, got {value!r}"
            )
        return wanted
    whole = metric.type is MetricType.INTEGER
    number: int | float = threshold.integer() if whole else threshold.number()
    least, most = RANGES.get(metric.unit, (0, None))
    if number < least or (most is not None and number > most):
        end = f"at least {least}" if most is None else f"within {least} and {most}"
        raise threshold.refuse(f"{metric.name!r} is always {end}; {number} says nothing")
    if (operator, number) in ((">=", least), ("<=", most)):
        raise threshold.refuse(f"{metric.name} {operator} {number} holds always; demand more")
    return number


def _check_words(
    source: str, names: tuple[str, ...], value: Value, metrics: MetricCatalogue
) -> None:
    """A misspelt word would be false for ever, and what depends on it would never be judged."""
    texts = [metrics.metrics[name] for name in names if metrics.metrics[name].words]
    if not texts:
        return
    if "\\" in source:
        raise value.refuse("write words without a backslash")
    words = [word for metric in texts for word in metric.words]
    for single, double in _LITERAL.findall(source):
        literal = single or double
        if literal not in words:
            asked = ", ".join(metric.name for metric in texts)
            raise value.refuse(f"{literal!r} is no word of {asked}; known: {', '.join(words)}")
