"""How long loading a policy and judging a thousand gates take.

In seconds of processor time: neither waits for anything, and what else runs on the machine shall
not count.

Prints a table, writes bench/results/quality.json, and ends with status 1 when a limit is passed.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.machine import described, facts
from maestro.domain.quality import PHASES, Evidence, EvidenceStatus, GateCircumstances
from maestro.domain.values import JsonObject
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.policy import BUILT_IN, load_policies, load_policy

RESULTS = Path(__file__).parents[1] / "results" / "quality.json"
ROUNDS = 9
GATES = 1000
LOAD_LIMIT_SECONDS = 0.2
JUDGE_LIMIT_SECONDS = 0.1
_FIRST_LOAD = """
import time
from maestro.quality.policy import BUILT_IN, load_policies
begin = time.process_time()
load_policies(BUILT_IN)
print(time.process_time() - begin)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Median and worst of several rounds, in seconds."""

    name: str
    median: float
    worst: float
    limit: float

    @property
    def kept(self) -> bool:
        return self.median < self.limit


def main() -> None:
    found = (
        _timed("13 phases loaded, first time in a process", _first_load, LOAD_LIMIT_SECONDS),
        _timed("13 phases loaded again", _clocked(_load), LOAD_LIMIT_SECONDS),
        *_judged(),
    )
    machine = facts()
    sys.stdout.write(described(machine) + "\n")
    for item in found:
        sign = "kept" if item.kept else "MISSED"
        sys.stdout.write(
            f"{item.name:<45} median {item.median * 1000:7.1f} ms  worst "
            f"{item.worst * 1000:7.1f} ms  limit {item.limit * 1000:.0f} ms  {sign}\n"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    document = {"machine": machine, "measured": [asdict(item) for item in found]}
    RESULTS.write_text(json.dumps(document, indent=2, default=str) + "\n", encoding="utf-8")
    sys.exit(0 if all(item.kept for item in found) else 1)


def _load() -> None:
    load_policies(BUILT_IN)


def _first_load() -> float:
    done = subprocess.run(
        (sys.executable, "-c", _FIRST_LOAD), check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _judged() -> tuple[Timed, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "thousand.yaml"
        path.write_text(_thousand(), encoding="utf-8")
        policy = load_policy(path)
    reports: tuple[tuple[str, JsonObject], ...] = (
        ("suites", {"coverage.line": 95.5, "suites.tests": 400, "suites.failed": 0}),
        ("contracts", {"contracts.rest": 3}),
    )
    evidence = tuple(
        Evidence(
            collector=collector,
            status=EvidenceStatus.MEASURED,
            tool=collector,
            version="1",
            argv=(),
            exit_code=0,
            duration_seconds=1.0,
            files_examined=100,
            metrics=dict(metrics),
        )
        for collector, metrics in reports
    )
    around = GateCircumstances(project="shop", baseline={"coverage.line": 95.0})
    count = len(policy.gates_of("testing"))
    assert count == GATES

    def judge() -> None:
        verdict = evaluate_phase(policy, "testing", evidence, around)
        assert verdict.passed, verdict.reasons[:3]

    return (_timed(f"{count} gates judged", _clocked(judge), JUDGE_LIMIT_SECONDS),)


def _thousand() -> str:
    """No two conditions are the same; a third compares with the last run, a third has a scope."""
    gates = []
    for number in range(GATES):
        head = f"id: G-{number}, summary: Something holds"
        match number % 3:
            case 0:
                threshold = 1 + 90 * number / GATES
                gates.append(
                    f'{{{head}, metric: coverage.line, op: ">=", threshold: {threshold}, '
                    "baseline: {max_drop: 1}}"
                )
            case 1:
                gates.append(f'{{{head}, expr: "suites.tests > {number % 400} && {number} > -1"}}')
            case _:
                gates.append(
                    f'{{{head}, expr: "suites.failed <= {number}", '
                    f'when: "contracts.rest < {number + 4}"}}'
                )
    one = '{id: X-%d, summary: Something holds, metric: suites.tests, op: ">", threshold: 0}'
    lines = ["schema_version: 1", "policy: {id: thousand, version: 1}", "phases:"]
    for number, phase in enumerate(PHASES):
        lines += [f"  {phase}:", "    exit:"]
        lines += [f"      - {gate}" for gate in (gates if phase == "testing" else [one % number])]
    return "\n".join(lines) + "\n"


def _clocked(work: Callable[[], None]) -> Callable[[], float]:
    def measured() -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return measured


def _timed(name: str, measured: Callable[[], float], limit: float) -> Timed:
    seconds = [measured() for _ in range(ROUNDS)]
    return Timed(name=name, median=statistics.median(seconds), worst=max(seconds), limit=limit)


if __name__ == "__main__":
    main()
