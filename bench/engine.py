"""The benchmark of the workflow engine: every contender in turn, round after round.

Prints a table and writes bench/results/engine.json with every raw measurement. Ends with status 1
when Maestro or a floor has no result or a wrong one.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.contenders import CONTENDERS, Contender, Keeps, Role
from bench.figures import Line, Measurement, bars, lines_of
from bench.leg import Reading
from bench.machine import described, facts
from bench.postgres import Server, running
from bench.report import render
from bench.workloads import WORKLOADS, Workload

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "engine.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, how often, and with which interpreters."""

    workloads: tuple[Workload, ...]
    contenders: tuple[Contender, ...]
    rounds: int
    limit_seconds: float
    """A leg that takes longer is ended and reported as such."""
    peers_python: Path


def main() -> None:
    plan = _plan()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that PostgreSQL ends with it
    machine = facts()
    _say(described(machine))
    with ExitStack() as stack:
        server = None
        if any(contender.keeps is Keeps.POSTGRES for contender in plan.contenders):
            server = stack.enter_context(running())
            machine["postgresql"] = server.version()
        found = _measure(plan, server)
    machine["load_after"] = os.getloadavg()[0]
    table = {load.name: lines_of(load, plan.contenders, found) for load in plan.workloads}
    verdicts = bars(table)
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "machine": machine,
        "versions": _versions(found),
        "rounds": plan.rounds,
        "limit_seconds": plan.limit_seconds,
        "medians": {name: [_flat(line) for line in lines] for name, lines in table.items()},
        "bar": [asdict(item) for item in verdicts],
        "measurements": [asdict(item) for item in found],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write("\n" + render(plan.workloads, table, verdicts))
    sys.stdout.write(f"\nall measurements: {RESULTS.relative_to(ROOT)}\n")
    lost = [line for lines in table.values() for line in lines if _is_lost(line)]
    sys.exit(1 if lost else 0)


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    keys = [contender.key for contender in CONTENDERS]
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-bench/bin/python")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit-seconds", type=float, default=180.0)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--contenders", nargs="+", choices=keys, default=keys)
    parser.add_argument("--without-postgres", action="store_true")
    told = parser.parse_args()
    chosen = tuple(
        contender
        for contender in CONTENDERS
        if contender.key in told.contenders
        and not (told.without_postgres and contender.keeps is Keeps.POSTGRES)
    )
    if told.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {told.rounds!r}")
    return Plan(
        workloads=tuple(WORKLOADS[name]() for name in told.workloads),
        contenders=chosen,
        rounds=told.rounds,
        limit_seconds=told.limit_seconds,
        peers_python=told.peers_python,
    )


def _measure(plan: Plan, server: Server | None) -> list[Measurement]:
    found: list[Measurement] = []
    for workload in plan.workloads:
        given_up: set[str] = set()
        for number in range(1, plan.rounds + 1):
            for contender in plan.contenders:
                if contender.key in given_up:
                    continue
                measurement = _one(plan, workload, contender, number, server)
                found.append(measurement)
                _say(_told(measurement))
                if measurement.reading is None:
                    given_up.add(contender.key)
    return found


def _one(
    plan: Plan, workload: Workload, contender: Contender, number: int, server: Server | None
) -> Measurement:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        url = ""
        if contender.keeps is Keeps.POSTGRES and server is not None:
            url = stack.enter_context(server.database("bench_leg"))
        outcome = _leg(plan, workload, contender, Path(folder), url)
    return Measurement(
        workload=workload.name,
        contender=contender.key,
        round=number,
        reading=outcome if isinstance(outcome, Reading) else None,
        failure=outcome if isinstance(outcome, str) else "",
    )


def _leg(
    plan: Plan, workload: Workload, contender: Contender, folder: Path, url: str
) -> Reading | str:
    """The reading of a fresh process, or why there is none."""
    python = plan.peers_python if contender.role is Role.PEER else Path(sys.executable)
    argv: Sequence[str | Path] = [
        python, "-m", contender.module, "--engine", contender.engine,
        "--workload", workload.name, "--folder", folder, "--url", url,
    ]  # fmt: skip
    try:
        ended = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, timeout=plan.limit_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {plan.limit_seconds:g} s"
    if ended.returncode != 0:
        last = ended.stderr.strip().splitlines()[-1:] or ["nothing on stderr"]
        return f"ended with status {ended.returncode}: {last[0]}"
    reading = Reading(**json.loads(ended.stdout.splitlines()[-1]))
    return f"wrong result: {reading.faults[0]}" if reading.faults else reading


def _told(item: Measurement) -> str:
    what = f"{item.workload:<13}round {item.round}  {item.contender:<24}"
    if item.reading is None:
        return what + item.failure
    return f"{what}{item.reading.seconds:>8.3f} s {item.reading.peak_mb:>6.0f} MB"


def _versions(found: Sequence[Measurement]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for item in found:
        if item.reading is not None:
            versions.update(item.reading.versions)
    return versions


def _flat(line: Line) -> dict[str, object]:
    told: dict[str, object] = {"contender": line.contender.key, "title": line.contender.title}
    if line.cell is None:
        return {**told, "failure": line.failure}
    return {**told, **asdict(line.cell)}


def _is_lost(line: Line) -> bool:
    return line.cell is None and line.contender.role is not Role.PEER


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
