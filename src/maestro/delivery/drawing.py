"""The two drawings of the report as plain SVG: the graph of steps and the Gantt chart."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from maestro.delivery.timing import Attempt
from maestro.domain.run import EventKind, StepStatus
from maestro.domain.values import StepId
from maestro.domain.workflow import Step, generations

COLUMN, ROW, BOX_WIDTH, BOX_HEIGHT, MARGIN = 236, 52, 204, 36, 16
LABEL_WIDTH, BAR_HEIGHT, CHART_WIDTH = 260, 20, 760
MAX_LABEL = 30


def graph(
    steps: Sequence[Step], statuses: Mapping[StepId, StepStatus], critical: frozenset[str]
) -> str:
    """Steps in columns by the longest chain of needs before them; arrows along the needs."""
    columns = [list(group) for group in generations(steps)]
    _untangle(columns, {step.id: step.needs for step in steps})
    place = {
        step_id: (MARGIN + x * COLUMN, MARGIN + y * ROW)
        for x, column in enumerate(columns)
        for y, step_id in enumerate(column)
    }
    width = 2 * MARGIN + len(columns) * COLUMN
    height = 2 * MARGIN + max((len(column) for column in columns), default=0) * ROW
    parts = [
        f'<svg class="graph" role="img" aria-label="Graph of {len(steps)} steps" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    ]
    for step in steps:
        for need in step.needs:
            parts.append(_arrow(place[need], place[step.id], {need, step.id} <= critical))
    for step in steps:
        parts.append(_box(step, place[step.id], statuses.get(step.id), step.id in critical))
    return "".join([*parts, "</svg>"])


def _untangle(columns: list[list[StepId]], needs: Mapping[StepId, Sequence[StepId]]) -> None:
    """Orders each column by the mean row of its needs, which leaves few crossings."""
    row = {step_id: float(y) for y, step_id in enumerate(columns[0])} if columns else {}
    for column in columns[1:]:
        weights = {
            step_id: sum(row.get(n, 0.0) for n in needs[step_id]) / max(1, len(needs[step_id]))
            for step_id in column
        }
        column.sort(key=lambda step_id: weights[step_id])
        row.update({step_id: float(y) for y, step_id in enumerate(column)})


def _arrow(start: tuple[int, int], end: tuple[int, int], critical: bool) -> str:
    x1, y1 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT / 2
    x2, y2 = end[0], end[1] + BOX_HEIGHT / 2
    bend = (x2 - x1) / 2
    kind = "edge critical" if critical else "edge"
    return f'<path class="{kind}" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


def _box(step: Step, at: tuple[int, int], status: StepStatus | None, critical: bool) -> str:
    shown = (status or StepStatus.PENDING).value
    label = step.label if len(step.label) <= MAX_LABEL else step.label[: MAX_LABEL - 1] + "…"
    outline = " critical" if critical else ""
    return (
        f'<g class="step {shown}{outline}"><title>{escape(step.label)}: {shown}</title>'
        f'<rect x="{at[0]}" y="{at[1]}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="7"/>'
        f'<text x="{at[0] + 10}" y="{at[1] + 22}">{escape(label)}</text></g>'
    )


def gantt(steps: Sequence[Step], attempts: Sequence[Attempt], critical: frozenset[str]) -> str:
    """One row per step that ran, one bar per attempt, on a common time axis in seconds."""
    if not attempts:
        return ""
    begin = min(attempt.started_at for attempt in attempts)
    total = max(0.001, max((a.ended_at - begin).total_seconds() for a in attempts))
    by_step: dict[StepId, list[Attempt]] = {}
    for attempt in attempts:
        by_step.setdefault(attempt.step_id, []).append(attempt)
    rows = sorted(
        (step for step in steps if step.id in by_step),
        key=lambda step: by_step[step.id][0].started_at,
    )
    height = MARGIN + len(rows) * (BAR_HEIGHT + 6) + 34
    width = LABEL_WIDTH + CHART_WIDTH + 80
    parts = [
        f'<svg class="gantt" role="img" aria-label="Timeline of {len(rows)} steps" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        _axis(total, height),
    ]
    for number, step in enumerate(rows):
        y = MARGIN + number * (BAR_HEIGHT + 6)
        parts.append(_gantt_row(step, by_step[step.id], begin, total, y, step.id in critical))
    return "".join([*parts, "</svg>"])


def _axis(total: float, height: int) -> str:
    step = next((s for s in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300) if total / s <= 12), 600)
    marks = []
    tick = 0.0
    while tick <= total:
        x = LABEL_WIDTH + CHART_WIDTH * tick / total
        marks.append(
            f'<line class="tick" x1="{x:.1f}" y1="6" x2="{x:.1f}" y2="{height - 24}"/>'
            f'<text class="axis" x="{x:.1f}" y="{height - 8}">{tick:g} s</text>'
        )
        tick += step
    return "".join(marks)


def _gantt_row(
    step: Step,
    attempts: Sequence[Attempt],
    begin: datetime,
    total: float,
    y: int,
    critical: bool,
) -> str:
    label = step.label if len(step.label) <= 38 else step.label[:37] + "…"
    parts = [f'<text class="row" x="{LABEL_WIDTH - 10}" y="{y + 14}">{escape(label)}</text>']
    for attempt in attempts:
        x = LABEL_WIDTH + CHART_WIDTH * (attempt.started_at - begin).total_seconds() / total
        width = max(2.0, CHART_WIDTH * attempt.seconds / total)
        outline = " critical" if critical else ""
        parts.append(
            f'<g class="bar {_END_CLASS[attempt.end]}{outline}">'
            f"<title>{escape(step.label)}, attempt {attempt.number}: {attempt.seconds:.2f} s"
            f'</title><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" '
            f'rx="4"/><text x="{x + width + 5:.1f}" y="{y + 14}">{attempt.seconds:.1f} s'
            "</text></g>"
        )
    return "".join(parts)


_END_CLASS = {
    EventKind.STEP_SUCCEEDED: "succeeded",
    EventKind.STEP_FAILED: "failed",
    EventKind.STEP_BLOCKED: "blocked",
    EventKind.STEP_RETRYING: "failed",
    EventKind.STEP_INTERRUPTED: "waiting",
    EventKind.STEP_CANCELLED: "cancelled",
}
