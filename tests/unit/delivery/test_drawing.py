"""The report's drawings are well-formed, escaped, and show every step."""

import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime, timedelta

from maestro.delivery.drawing import gantt, graph
from maestro.delivery.timing import Attempt
from maestro.domain.run import EventKind, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = [
    Step(id=StepId("a"), action="x", title="<script>alert(1)</script>"),
    Step(id=StepId("b"), action="x", needs=(StepId("a"),)),
    Step(id=StepId("c"), action="x", needs=(StepId("a"),)),
]


def _attempt(step: str, start: float, end: float) -> Attempt:
    return Attempt(
        step_id=StepId(step),
        number=1,
        started_at=BEGIN + timedelta(seconds=start),
        ended_at=BEGIN + timedelta(seconds=end),
        end=EventKind.STEP_SUCCEEDED,
    )


def test_the_graph_shows_every_step_and_need() -> None:
    drawn = graph(STEPS, {StepId("b"): StepStatus.FAILED}, frozenset({"a", "b"}))
    root = ElementTree.fromstring(drawn)
    classes = [element.get("class") for element in root.iter("g")]
    assert classes == ["step pending critical", "step failed critical", "step pending"]
    assert [path.get("class") for path in root.iter("path")] == ["edge critical", "edge"]
    assert "<script" not in drawn


def test_bars_overlap_where_attempts_did() -> None:
    drawn = gantt(STEPS, [_attempt("b", 0, 4), _attempt("c", 2, 4)], frozenset())
    first, second = [
        (float(r.get("x", 0)), float(r.get("x", 0)) + float(r.get("width", 0)))
        for r in ElementTree.fromstring(drawn).iter("rect")
    ]
    assert first[0] < second[0] < first[1]
    assert abs(first[1] - second[1]) < 0.2


def test_nothing_ran_nothing_is_drawn() -> None:
    assert gantt(STEPS, [], frozenset()) == ""
