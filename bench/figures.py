"""From raw measurements to medians, ratios and the bar; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contenders import FLOOR_OF, MERGED_FLOOR_OF, Contender, Role
from bench.leg import Reading
from bench.workloads import Workload

MOST_FLOORS = 3.0
OURS = "maestro-sqlite"
"""What peers are compared with; they are on SQLite too."""
BIG = "layered10000"
BIG_SECONDS = 15.0
BIG_MEGABYTES = 250.0
SMALLER = "layered1000"
"""The same shape as BIG with a tenth of the steps."""
MOST_GROWTH = 1.5
"""Scheduling that costs only a step's own dependants makes ten times the steps ten times the work;
the rest is room for noise and for deeper indexes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One contender, one workload, one round."""

    workload: str
    contender: str
    round: int
    reading: Reading | None = None
    failure: str = ""
    """Why there is no reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a contender's rounds of a workload come to; medians."""

    rounds: int
    seconds: float
    ms_per_step: float
    cpu_ms_per_step: float
    peak_mb: float
    commits: float | None
    floors: float | None = None
    """Times the floor of the same database."""
    merged_floors: float | None = None
    slower_than_ours: float | None = None
    """A peer's time over that of Maestro on SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the table: figures, or the reason why there are none."""

    contender: Contender
    cell: Cell | None
    failure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One sentence of the bar and what was found."""

    statement: str
    found: str
    kept: bool


def lines_of(
    workload: Workload, contenders: Iterable[Contender], found: Sequence[Measurement]
) -> list[Line]:
    """The rows of one workload. A contender with any failed round has no figures."""
    own = [item for item in found if item.workload == workload.name]
    failures: dict[str, str] = {}
    readings: dict[str, list[Reading]] = {}
    for item in own:
        if item.reading is None:
            failures.setdefault(item.contender, item.failure)
        else:
            readings.setdefault(item.contender, []).append(item.reading)
    seconds = {
        key: median(reading.seconds for reading in taken)
        for key, taken in readings.items()
        if key not in failures
    }
    return [
        Line(
            contender=contender,
            cell=(
                _cell(workload, contender, readings[contender.key], seconds)
                if contender.key in seconds
                else None
            ),
            failure=failures.get(contender.key, ""),
        )
        for contender in contenders
        if contender.key in seconds or contender.key in failures
    ]


def _cell(
    workload: Workload,
    contender: Contender,
    readings: Sequence[Reading],
    seconds: Mapping[str, float],
) -> Cell:
    own = seconds[contender.key]
    commits = [reading.commits for reading in readings if reading.commits is not None]
    engine = contender.role is not Role.FLOOR
    peer = contender.role is Role.PEER
    return Cell(
        rounds=len(readings),
        seconds=own,
        ms_per_step=1000 * own / workload.steps,
        cpu_ms_per_step=1000 * median(r.cpu_seconds for r in readings) / workload.steps,
        peak_mb=median(reading.peak_mb for reading in readings),
        commits=median(commits) if commits else None,
        floors=_ratio(own, seconds.get(FLOOR_OF.get(contender.keeps, ""))) if engine else None,
        merged_floors=(
            _ratio(own, seconds.get(MERGED_FLOOR_OF.get(contender.keeps, ""))) if engine else None
        ),
        slower_than_ours=_ratio(own, seconds.get(OURS)) if peer else None,
    )


def _ratio(part: float, whole: float | None) -> float | None:
    return None if whole is None else part / whole


def bars(table: Mapping[str, Sequence[Line]]) -> list[Bar]:
    """The bar, as far as the workloads that were measured can tell."""
    found: list[Bar] = []
    for name, lines in table.items():
        ours = next((line for line in lines if line.contender.key == OURS), None)
        for line in lines:
            if line.contender.role is Role.OURS:
                found.append(_near_the_floor(name, line))
            elif line.contender.role is Role.PEER and ours is not None:
                found.append(_ahead(name, line, ours))
    smaller = {line.contender.key: line.cell for line in table.get(SMALLER, ())}
    for line in table.get(BIG, ()):
        if line.contender.role is Role.OURS:
            found.append(_big(line))
            before = smaller.get(line.contender.key)
            if before is not None and line.cell is not None:
                found.append(_growth(line, line.cell, before))
    return found


def _near_the_floor(workload: str, line: Line) -> Bar:
    floors = line.cell.floors if line.cell else None
    return Bar(
        statement=f"{workload}: {line.contender.title} at most {MOST_FLOORS:g} x its floor",
        found=line.failure or ("the floor was not measured" if floors is None else f"{floors:.2f}"),
        kept=floors is not None and floors <= MOST_FLOORS,
    )


def _ahead(workload: str, line: Line, ours: Line) -> Bar:
    """A peer that cannot do the workload is behind, if Maestro can."""
    statement = f"{workload}: Maestro on SQLite faster than {line.contender.title}"
    if ours.cell is None:
        return Bar(statement=statement, found="Maestro has no result", kept=False)
    if line.cell is None or line.cell.slower_than_ours is None:
        return Bar(statement=statement, found=f"it has no result: {line.failure}", kept=True)
    slower = line.cell.slower_than_ours
    return Bar(statement=statement, found=f"{slower:.1f} x faster", kept=slower > 1)


def _big(line: Line) -> Bar:
    cell = line.cell
    return Bar(
        statement=f"{BIG}: {line.contender.title} under {BIG_SECONDS:g} s and {BIG_MEGABYTES:g} MB",
        found=f"{cell.seconds:.2f} s, {cell.peak_mb:.0f} MB" if cell else line.failure,
        kept=cell is not None and cell.seconds < BIG_SECONDS and cell.peak_mb < BIG_MEGABYTES,
    )


def _growth(line: Line, big: Cell, smaller: Cell) -> Bar:
    growth = big.cpu_ms_per_step / smaller.cpu_ms_per_step
    return Bar(
        statement=f"{line.contender.title}: CPU time per step at 10,000 steps at most "
        f"{MOST_GROWTH:g} x that at 1,000",
        found=f"{growth:.2f} x",
        kept=growth <= MOST_GROWTH,
    )
