"""The metric catalogue: each metric once, with its type, its direction and its only producer."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from maestro.domain.expression import ValueType
from maestro.domain.quality import Better, Metric, MetricType
from maestro.domain.values import JsonScalar
from maestro.quality.strict_yaml import Value, read

DATA = Path(__file__).parent / "data"
SCHEMA_VERSION = 1

_VALUE_TYPES = {
    MetricType.INTEGER: ValueType.INT,
    MetricType.NUMBER: ValueType.DOUBLE,
    MetricType.BOOLEAN: ValueType.BOOL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCatalogue:
    metrics: Mapping[str, Metric]
    digest: str
    """sha256 of the file."""

    @property
    def declared(self) -> Mapping[str, ValueType]:
        """What conditions may refer to."""
        return {name: _VALUE_TYPES[metric.type] for name, metric in self.metrics.items()}

    def fault(self, producer: str, name: str, value: JsonScalar) -> str | None:
        """Why this producer may not report this value, or None."""
        metric = self.metrics.get(name)
        if metric is None:
            return f"{producer!r} reported {name!r}, which is not in the metric catalogue"
        if metric.producer != producer:
            return f"{producer!r} reported {name!r}, which only {metric.producer!r} may report"
        if not _fits(metric.type, value):
            return f"{producer!r} reported {name!r} as {value!r}; it must be a {metric.type}"
        return None


def load_metrics(path: Path) -> MetricCatalogue:
    """Raises InvalidInput with file, line and column."""
    document = read(path).fields(("schema_version", "producers"))
    check_version(document["schema_version"])
    metrics: dict[str, Metric] = {}
    for producer, entries in document["producers"].entries().items():
        for name, entry in entries.entries().items():
            if name in metrics:
                raise entry.refuse(f"metric {name!r} belongs to {metrics[name].producer!r} already")
            metrics[name] = _metric(name, producer, entry)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return MetricCatalogue(metrics=metrics, digest=f"sha256:{digest}")


@cache
def built_in_metrics() -> MetricCatalogue:
    return load_metrics(DATA / "metrics.yaml")


def check_version(value: Value) -> None:
    if value.integer() != SCHEMA_VERSION:
        raise value.refuse(f"schema_version must be {SCHEMA_VERSION}")


def _metric(name: str, producer: str, entry: Value) -> Metric:
    fields = entry.fields(("type", "unit", "better", "summary"))
    unit = fields["unit"].plain()
    if not isinstance(unit, str):
        raise fields["unit"].refuse(f"expected a text, got {unit!r}")
    return Metric(
        name=name,
        type=MetricType(fields["type"].one_of(tuple(MetricType))),
        unit=unit,
        better=Better(fields["better"].one_of(tuple(Better))),
        producer=producer,
        summary=fields["summary"].text(),
    )


def _fits(kind: MetricType, value: JsonScalar) -> bool:
    if kind is MetricType.BOOLEAN:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind is MetricType.INTEGER:
        return isinstance(value, int)
    return isinstance(value, int | float) and math.isfinite(value)
