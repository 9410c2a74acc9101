"""One measurement: a fresh process that runs one workload on one engine and tells what it cost.

The process prints one line of JSON. A wrong result is told as a fault, never as a time.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench.workloads import WORKLOADS, Workload, faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an engine may keep its data: an empty folder, or an empty PostgreSQL database."""

    folder: Path
    url: str = ""


def peak_megabytes() -> float:
    """VmHWM, which starts anew with each program; ru_maxrss would count the parent's too."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM; the bench needs Linux")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """What an engine did with a workload; made at the moment the walk is over."""

    seconds: float
    """From the first run being handed over until the last one's end is durable."""
    ran: list[list[str]]
    """Per run, the steps in the order in which they were at work."""
    prepare_seconds: float = 0.0
    """Building what can be used for every run of the graph, such as a compiled graph."""
    commits: int | None = None
    peak_mb: float = field(default_factory=peak_megabytes)
    cpu_seconds: float = field(default_factory=time.process_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One raw measurement."""

    seconds: float
    prepare_seconds: float
    cpu_seconds: float
    """Of the process, all threads, for the whole workload; a database server's is not in it."""
    peak_mb: float
    """Greatest resident memory of the process; a database server's is not in it."""
    before_mb: float
    """The same with everything imported and nothing done."""
    commits: int | None = None
    versions: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


Engine = Callable[[Workload, Place], Awaitable[Walked]]


def main(engines: Mapping[str, Engine], packages: Sequence[str] = ()) -> None:
    """The entry of every leg; `packages` are those whose versions belong to the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", required=True, choices=engines)
    parser.add_argument("--workload", required=True, choices=WORKLOADS)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--url", default="")
    told = parser.parse_args()
    workload = WORKLOADS[told.workload]()
    before = peak_megabytes()
    gc.freeze()  # of every contender: what is loaded stays, as in Maestro's own commands
    cpu = time.process_time()
    walked = asyncio.run(
        _run(engines[told.engine], workload, Place(folder=told.folder, url=told.url))
    )
    reading = Reading(
        seconds=walked.seconds,
        prepare_seconds=walked.prepare_seconds,
        cpu_seconds=walked.cpu_seconds - cpu,
        peak_mb=walked.peak_mb,
        before_mb=before,
        commits=walked.commits,
        versions={name: version(name) for name in packages},
        faults=faults(workload, walked.ran),
    )
    sys.stdout.write(json.dumps(asdict(reading)) + "\n")


async def _run(engine: Engine, workload: Workload, place: Place) -> Walked:
    return await engine(workload, place)
