"""What a condition comes to at the edges of its metrics: there shows whether it decides anything.

Tried are the ends of each metric's range, every number in the condition and its neighbours, the
worst value first, so that a condition that can fail does so at once. Pure.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product

from maestro.domain.expression import ConditionFailed, holds
from maestro.domain.quality import Better, Metric, MetricType
from maestro.domain.values import JsonScalar
from maestro.quality.metrics import MetricCatalogue

RANGES = {"%": (0, 100), "0..1": (0, 1)}
"""Ends of what a unit can say; every other number is 0 or more."""
MAX_TRIED = 20_000
_MANY = 1_000_000
_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?")
_NEAR = 0.001

Corner = Mapping[str, JsonScalar]


def always_holds(source: str, metrics: MetricCatalogue) -> bool:
    """Whether no value that was tried fails it; where it cannot be judged it does not hold."""
    return all(_holds(source, corner, metrics) for corner in _corners((source,), metrics))


def never_holds(source: str, metrics: MetricCatalogue) -> bool:
    return not any(_holds(source, corner, metrics) for corner in _corners((source,), metrics))


def is_laxer(ceiling: str, condition: str, metrics: MetricCatalogue) -> bool:
    """Whether something that fails the condition is within the ceiling."""
    return any(
        _holds(ceiling, corner, metrics) and not _holds(condition, corner, metrics)
        for corner in _corners((ceiling, condition), metrics)
    )


def _holds(source: str, corner: Corner, metrics: MetricCatalogue) -> bool:
    try:
        return holds(metrics.condition(source), corner)
    except ConditionFailed:
        return False


def _corners(sources: Sequence[str], metrics: MetricCatalogue) -> Iterator[Corner]:
    found = [metrics.condition(source).names for source in sources]
    names = tuple(dict.fromkeys(name for own in found for name in own))
    numbers = [float(text) for source in sources for text in _NUMBER.findall(source)]
    values = [_values(metrics.metrics[name], numbers) for name in names]
    for corner in islice(product(*values), MAX_TRIED):
        yield dict(zip(names, corner, strict=True))


def _values(metric: Metric, numbers: Sequence[float]) -> tuple[JsonScalar, ...]:
    if metric.type is MetricType.STRING:
        return metric.words
    worst_first = metric.better is Better.HIGHER
    if metric.type is MetricType.BOOLEAN:
        return (False, True) if worst_first else (True, False)
    least, most = RANGES.get(metric.unit, (0, math.inf))
    step = 1 if metric.type is MetricType.INTEGER else _NEAR
    near = {number + way for number in numbers for way in (-step, 0, step)}
    ends = {least, most if most < math.inf else _MANY}
    tried = sorted(ends | {value for value in near if least <= value <= most})
    whole = metric.type is MetricType.INTEGER
    chosen = dict.fromkeys(int(value) if whole else float(value) for value in tried)
    return tuple(chosen) if worst_first else tuple(reversed(chosen))
