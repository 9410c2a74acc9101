"""The metric catalogue: each metric once, with its type, its direction and its only producer."""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from pathlib import Path

from maestro.domain.expression import Condition, ValueType, compile_condition
from maestro.domain.quality import Better, Metric, MetricType, MinSample
from maestro.domain.values import JsonScalar
from maestro.quality.strict_yaml import Value, read

DATA = Path(__file__).parent / "data"
SCHEMA_VERSION = 1
COMPILED = 4096
"""Conditions kept ready."""

_VALUE_TYPES = {
    MetricType.INTEGER: ValueType.INT,
    MetricType.NUMBER: ValueType.DOUBLE,
    MetricType.BOOLEAN: ValueType.BOOL,
    MetricType.STRING: ValueType.STRING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCatalogue:
    metrics: Mapping[str, Metric]
    digest: str
    """sha256 of the file."""
    declared: Mapping[str, ValueType]
    """What conditions may refer to."""
    _compile: Callable[[str], Condition] = field(repr=False, compare=False)

    def condition(self, source: str) -> Condition:
        """The condition over these metrics, compiled once. Raises InvalidInput."""
        return self._compile(source)

    def fault(self, producer: str, name: str, value: JsonScalar) -> str | None:
        """Why this producer may not report this value, or None."""
        metric = self.metrics.get(name)
        if metric is None:
            return f"{producer!r} reported {name!r}, which is not in the metric catalogue"
        if metric.producer != producer:
            return f"{producer!r} reported {name!r}, which only {metric.producer!r} may report"
        if not _fits(metric, value):
            kind = f"one of {', '.join(metric.words)}" if metric.words else f"a {metric.type}"
            return f"{producer!r} reported {name!r} as {value!r}; it must be {kind}"
        return None


def load_metrics(path: Path) -> MetricCatalogue:
    """Raises InvalidInput with file, line and column."""
    document = read(path).fields(("schema_version", "producers"))
    check_version(document["schema_version"])
    metrics: dict[str, Metric] = {}
    for producer, entries in document["producers"].entries().items():
        own = entries.entries()
        for name, entry in own.items():
            if name in metrics:
                raise entry.refuse(f"metric {name!r} belongs to {metrics[name].producer!r} already")
            metrics[name] = _metric(name, producer, entry)
        _check_samples(own, metrics)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    declared = {name: _VALUE_TYPES[metric.type] for name, metric in metrics.items()}
    return MetricCatalogue(
        metrics=metrics,
        digest=f"sha256:{digest}",
        declared=declared,
        _compile=lru_cache(maxsize=COMPILED)(partial(compile_condition, declared=declared)),
    )


@cache
def built_in_metrics() -> MetricCatalogue:
    return load_metrics(DATA / "metrics.yaml")


def check_version(value: Value) -> None:
    if value.integer() != SCHEMA_VERSION:
        raise value.refuse(f"schema_version must be {SCHEMA_VERSION}")


def _metric(name: str, producer: str, entry: Value) -> Metric:
    kind = entry.entries().get("type", entry)
    is_text = kind.value == MetricType.STRING
    direction = "words" if is_text else "better"
    optional = () if is_text else ("min_sample",)
    fields = entry.fields(("type", "unit", direction, "summary"), optional)
    unit = fields["unit"].plain()
    if not isinstance(unit, str):
        raise fields["unit"].refuse(f"expected a text, got {unit!r}")
    sample = fields.get("min_sample")
    return Metric(
        name=name,
        type=MetricType(fields["type"].one_of(tuple(MetricType))),
        unit=unit,
        better=None if is_text else Better(fields["better"].one_of(tuple(Better))),
        producer=producer,
        summary=fields["summary"].text(),
        min_sample=None if sample is None else _min_sample(sample),
        words=_words(fields["words"]) if is_text else (),
    )


def _words(entry: Value) -> tuple[str, ...]:
    words = tuple(word.text() for word in entry.items())
    if not words:
        raise entry.refuse("a text that names no word can say nothing")
    return words


def _min_sample(entry: Value) -> MinSample:
    fields = entry.fields(("metric", "at_least"))
    at_least = fields["at_least"].integer()
    if at_least < 1:
        raise fields["at_least"].refuse(f"a sample of {at_least} is none; demand 1 or more")
    return MinSample(metric=fields["metric"].text(), at_least=at_least)


def _check_samples(own: Mapping[str, Value], metrics: Mapping[str, Metric]) -> None:
    """What counts a sample comes from the producer that took it, and is a count."""
    for name, entry in own.items():
        sample = metrics[name].min_sample
        if sample is None:
            continue
        place = entry.entries()["min_sample"].entries()["metric"]
        if sample.metric not in own:
            raise place.refuse(f"{sample.metric!r} is no metric of the same producer")
        if metrics[sample.metric].type is not MetricType.INTEGER:
            raise place.refuse(f"{sample.metric!r} counts nothing; it is no integer")


def _fits(metric: Metric, value: JsonScalar) -> bool:
    if metric.type is MetricType.STRING:
        return value in metric.words
    if metric.type is MetricType.BOOLEAN:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if metric.type is MetricType.INTEGER:
        return isinstance(value, int)
    return isinstance(value, int | float) and math.isfinite(value)
