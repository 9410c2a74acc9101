"""The benchmark of the mock server against Prism: all servers up, every one in turn, in rounds.

Prints a table and writes bench/results/mock.json with every raw measurement. Ends with status 1
when a sentence of the bar is not kept.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import described, facts
from bench.mocks.documents import (
    FRESH_GET,
    FRESH_POST,
    GET,
    POST,
    QUERY,
    SDL,
    SMALL_GET,
    SMALL_POST,
    Task,
    large,
    orders,
    two_operations,
)
from bench.mocks.processes import Process, free_port, started
from bench.mocks.tallies import Leg, Row, Sentence, ratios, rows, sentences

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "mock.json"
OURS = "maestro"
QUIET = "prism-quiet"
FLOOR = "floor"
PRISM = "node_modules/@stoplight/prism-cli/dist/index.js"
APOLLO = ROOT / "bench" / "mocks" / "apollo.mjs"
_WARM_SECONDS = 1.0


def main() -> None:
    told = _told()
    machine = facts()
    _say(described(machine))
    legs: list[Leg] = []
    found: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-mock-")))
        servers = _servers(stack, folder, told, orders())
        found["idle_mb"] = servers[OURS].resident_mb()
        found["rival_idle_mb"] = servers["prism"].resident_mb()
        tasks = dict.fromkeys((GET, POST, FRESH_GET, FRESH_POST), tuple(servers))
        _measure(legs, servers, tasks, told)
        small = _servers(stack, folder, told, two_operations())
        _measure(legs, small, dict.fromkeys((SMALL_GET, SMALL_POST), tuple(small)), told)
        if told.graphql:
            _graphql(stack, folder, told, legs)
    found |= _first_reply(told)
    table, bar = rows(legs), sentences(legs, OURS, found, QUIET, FLOOR)
    found |= _further(legs)
    machine["load_after"] = os.getloadavg()[0]
    document = {
        "machine": machine, "facts": found, "rounds": told.rounds,
        "medians": [asdict(row) for row in table], "bar": [asdict(item) for item in bar],
        "measurements": [{**asdict(leg), "per_cpu_second": leg.per_cpu_second} for leg in legs],
    }  # fmt: skip
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write("\n" + _rendered(table, bar, found))
    sys.stdout.write(f"\nall measurements: {RESULTS.relative_to(ROOT)}\n")
    sys.exit(0 if all(item.kept for item in bar) else 1)


def _told() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.mocks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--seconds", type=float, default=0.5, help="of each round; a mock keeps 100,000 entries"
    )
    parser.add_argument("--node", default="node")
    parser.add_argument("--node-folder", type=Path, default=ROOT / ".bench-node")
    parser.add_argument("--graphql", action=argparse.BooleanOptionalAction, default=True)
    told = parser.parse_args()
    if not (told.node_folder / PRISM).is_file():
        parser.error(f"{told.node_folder / PRISM} is missing; run `make bench-mock`")
    return told


def _servers(
    stack: ExitStack, folder: Path, told: argparse.Namespace, contract: Mapping[str, Any]
) -> dict[str, Process]:
    document = folder / f"{len(contract['paths'])}-paths.json"
    document.write_text(json.dumps(contract), encoding="utf-8")
    ports = {name: free_port() for name in (OURS, "prism", QUIET, FLOOR)}
    made = {
        OURS: _maestro([document], ports[OURS]),
        "prism": _prism(told, document, ports["prism"]),
        QUIET: [*_prism(told, document, ports[QUIET]), "--verboseLevel", "error"],
        FLOOR: [sys.executable, "-m", "bench.mocks.floor", str(ports[FLOOR])],
    }
    return {
        name: stack.enter_context(started(name, argv, ports[name], folder, ROOT))
        for name, argv in made.items()
    }


def _prism(told: argparse.Namespace, document: Path, port: int) -> list[str]:
    """As its documentation starts it: it logs every request."""
    script = str(told.node_folder / PRISM)
    return [told.node, script, "mock", str(document), "--host", "127.0.0.1", "--port", str(port)]


def _maestro(documents: Sequence[Path], port: int) -> list[str]:
    return [sys.executable, "-m", "bench.mocks.serve", str(port), *map(str, documents)]


def _graphql(stack: ExitStack, folder: Path, told: argparse.Namespace, legs: list[Leg]) -> None:
    """The leg against Apollo, where its packages are installed."""
    if not (told.node_folder / "node_modules/@apollo/server").is_dir():
        _say("the GraphQL leg is left out: Apollo is not installed")
        return
    document = folder / "books.graphql"
    document.write_text(SDL, encoding="utf-8")
    ports = {"maestro": free_port(), "apollo": free_port()}
    script = told.node_folder / APOLLO.name  # packages are looked for beside the script
    script.write_bytes(APOLLO.read_bytes())
    made = {
        "maestro": _maestro([document], ports["maestro"]),
        "apollo": [told.node, str(script), str(document), str(ports["apollo"])],
    }
    servers = {
        name: stack.enter_context(started(f"{name}-graphql", argv, ports[name], folder, ROOT))
        for name, argv in made.items()
    }
    _measure(legs, servers, {QUERY: ("maestro", "apollo")}, told)


def _measure(
    legs: list[Leg],
    servers: dict[str, Process],
    tasks: Mapping[Task, Sequence[str]],
    told: argparse.Namespace,
) -> None:
    for task, names in tasks.items():  # nobody is measured cold
        for name in names:
            if name == OURS and task.method == "GET":
                _once(servers[name], POST)
            _load(servers[name], task, _WARM_SECONDS)
            _empty(servers[name], task)
    for number in range(1, told.rounds + 1):
        for task, names in tasks.items():
            for name in names:
                leg = _leg(servers[name], name, task, number, told.seconds)
                legs.append(leg)
                _say(
                    f"round {number} {task.name:<11}{name:<12}{leg.per_cpu_second:>9.0f} per CPU-s"
                    f"{leg.p99_ms:>9.1f} ms p99"
                )
                _empty(servers[name], task)


def _leg(server: Process, name: str, task: Task, number: int, seconds: float) -> Leg:
    before = server.cpu_seconds()
    value = _load(server, task, seconds)
    return Leg(
        server=name, task=task.name, round=number, requests=value["requests"],
        seconds=value["seconds"], cpu_seconds=server.cpu_seconds() - before,
        p50_ms=value["p50_ms"] or 0.0, p99_ms=value["p99_ms"] or 0.0,
        wrong=value["wrong"], lost=value["lost"],
    )  # fmt: skip


def _load(server: Process, task: Task, seconds: float) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable, "-m", "bench.mocks.load", "--port", str(server.port),
            "--request", base64.b64encode(task.wire(server.port)).decode(),
            "--status", str(task.status), "--seconds", str(seconds),
        ],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=seconds + 60,
    )  # fmt: skip
    value = json.loads(done.stdout)
    if value["wrong"]:
        _say(f"{server.name} answered {task.name} wrongly: {value['sample']!r}")
    return dict(value)


def _once(server: Process, task: Task) -> None:
    """Our mock has a memory: what is read has to be made first."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{task.path}",
        data=task.body or None,
        headers={"content-type": "application/json"},
        method=task.method,
    )
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310


def _empty(server: Process, task: Task) -> None:
    """Makes room again in our mock, which keeps what is posted up to a limit."""
    if server.name != OURS or task.method != "POST":
        return
    url = f"http://127.0.0.1:{server.port}/__maestro/reset"
    request = urllib.request.Request(url, method="POST")
    urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
    _once(server, POST)


def _further(legs: Sequence[Leg]) -> dict[str, float]:
    """Ratios that the bar says nothing about, told all the same."""
    made = {}
    for task in ("get", "post", "get-fresh", "post-fresh", "small-get", "small-post"):
        for rival in ("prism", QUIET, FLOOR):
            speed, _ = ratios(legs, task, OURS, rival)
            if speed:
                made[f"{task}_over_{rival}"] = median(speed)
    return made


def _first_reply(told: argparse.Namespace) -> dict[str, float]:
    """CPU seconds of a fresh process until it has answered once."""
    with tempfile.TemporaryDirectory(prefix="bench-mock-") as name:
        document = Path(name) / "large.json"
        document.write_text(json.dumps(large()), encoding="utf-8")
        port = free_port()
        argv = _maestro([document], port)
        with started("maestro", argv, port, Path(name), ROOT) as server:
            url = f"http://127.0.0.1:{port}/areas/a/things17?limit=5"
            with urllib.request.urlopen(url, timeout=60) as reply:
                reply.read()
            return {"first_reply_cpu": server.cpu_seconds(), "large_mb": server.resident_mb()}


def _rendered(table: Sequence[Row], bar: Sequence[Sentence], found: dict[str, float]) -> str:
    head = f"{'':<11}{'':<12}{'req/CPU-s':>11}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'wrong':>7}"
    lines = [head]
    lines += [
        f"{row.task:<11}{row.server:<12}{row.per_cpu_second:>11,.0f}{row.per_second:>9,.0f}"
        f"{row.p50_ms:>9.2f}{row.p99_ms:>9.2f}{row.wrong:>7}"
        for row in table
    ]
    lines.append("")
    lines += [f"{name}: {value:.2f}" for name, value in found.items()]
    lines.append("")
    lines += [
        f"{'kept  ' if item.kept else 'MISSED'} {item.statement}: {item.found}" for item in bar
    ]
    return "\n".join(lines) + "\n"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
