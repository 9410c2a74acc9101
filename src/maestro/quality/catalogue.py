"""The metric catalogue: what can be measured, in which unit, and by whom."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from maestro.domain.quality import Better, Metric, MetricType
from maestro.quality.documents import Place, parse

FILE = Path(__file__).parent / "data" / "metrics.yaml"
_KEYS = dict.fromkeys(("type", "unit", "better", "producer", "summary"))


@cache
def load_metrics(file: Path = FILE) -> Mapping[str, Metric]:
    """Metrics by name. Raises InvalidInput with line and column for any mistake."""
    root = parse(file.read_text(encoding="utf-8"), file.name)
    metrics = root.fields({"metrics": None}, {})["metrics"].entries()
    return {name: _metric(name, place) for name, place in metrics.items()}


def _metric(name: str, place: Place) -> Metric:
    fields = place.fields(_KEYS, {})
    kinds, directions = tuple(MetricType), tuple(Better)
    if fields["type"].text() not in kinds:
        fields["type"].refuse(f"unknown type; known: {', '.join(kinds)}")
    if fields["better"].text() not in directions:
        fields["better"].refuse(f"unknown direction; known: {', '.join(directions)}")
    return Metric(
        name=name,
        type=MetricType(fields["type"].text()),
        unit=fields["unit"].text(),
        better=Better(fields["better"].text()),
        producer=fields["producer"].text(),
        summary=fields["summary"].text(),
    )
