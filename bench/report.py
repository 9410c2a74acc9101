"""The table people read, at most 100 columns wide."""

import textwrap
from collections.abc import Mapping, Sequence

from bench.figures import Bar, Line
from bench.workloads import Workload

WIDTH = 100
_HEAD = (
    f"{'':<34}{'ms/step':>9}{'CPU ms':>8}{'x floor':>9}{'x one':>7}"
    f"{'slower':>9}{'peak MB':>9}{'wall s':>9}"
)
LEGEND = (
    "ms/step: wall time over steps. CPU ms: of the engine's process, per step. x floor: times the "
    "floor of the same database with two waits per step; x one: with one. slower: a peer's time "
    "over that of Maestro on SQLite. peak MB: resident memory of a fresh process; a PostgreSQL "
    "server's is not in it. Medians of the rounds."
)


def render(
    workloads: Sequence[Workload], table: Mapping[str, Sequence[Line]], bar: Sequence[Bar]
) -> str:
    parts: list[str] = []
    for workload in workloads:
        parts.append(f"{workload.title} ({workload.steps:,} steps, {workload.parallel} at once)")
        parts.append(_HEAD)
        parts.extend(_row(line) for line in table[workload.name])
        parts.append("")
    parts.append(textwrap.fill(LEGEND, WIDTH))
    parts.append("")
    parts.extend(_verdicts(bar))
    return "\n".join(parts) + "\n"


def _row(line: Line) -> str:
    title = f"{line.contender.title:<34}"
    cell = line.cell
    if cell is None:
        return _wrapped(f"{line.contender.title}: {line.failure}")
    return (
        f"{title}{cell.ms_per_step:>9.3f}{cell.cpu_ms_per_step:>8.3f}"
        f"{_times(cell.floors, 2):>9}{_times(cell.merged_floors, 2):>7}"
        f"{_times(cell.slower_than_ours, 1):>9}{cell.peak_mb:>9.0f}{cell.seconds:>9.2f}"
    )


def _times(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _verdicts(bar: Sequence[Bar]) -> list[str]:
    if not bar:
        return []
    missed = [item for item in bar if not item.kept]
    told = [f"bar: {len(bar) - len(missed)} of {len(bar)} kept"]
    return told + [_wrapped(f"  MISSED {item.statement}: {item.found}") for item in missed]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="    ")
