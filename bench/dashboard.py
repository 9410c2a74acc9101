"""python -m bench.dashboard [--rounds N]

How long the page of a run takes until every step can be seen, for runs of 10 and of 500 steps on
one really running server, in turns. Prints medians and writes bench/results/dashboard.json. Ends
with 1 when the long run takes more than four times as long as the short one.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from dashboard_host import browser, served
from playwright.sync_api import Browser

from bench.machine import facts
from maestro.bootstrap import connect
from maestro.domain.values import RunId, StepId, new_run_id
from maestro.domain.workflow import Step, StepKind, Workflow
from maestro.settings import Settings

SIZES = (10, 500)
PHASES = 10
MOST_RATIO = 4.0
RESULTS = Path(__file__).parent / "results" / "dashboard.json"
SHOWN = """() => document.querySelector('.node') !== null
  && Number(document.querySelector('.tab-count').textContent) === {size}"""


def workflow(size: int) -> Workflow:
    """Phases one after the other, the steps of each side by side."""
    width = max(1, size // PHASES)
    steps = [
        Step(
            id=StepId(f"step-{number}"),
            title=f"Step {number}",
            kind=StepKind.NOTIFICATION,
            action="notify",
            phase=f"phase_{number // width}",
            needs=(StepId(f"step-{number - width}"),) if number >= width else (),
            inputs={"message": f"step {number}"},
        )
        for number in range(size)
    ]
    return Workflow(name=f"bench-{size}", steps=tuple(steps))


async def make_runs(database: Path) -> dict[int, RunId]:
    async with connect(Settings.load({}, database=database, sandbox="off")) as maestro:
        runs = {}
        for size in SIZES:
            runs[size] = new_run_id()
            await maestro.engine.start(
                workflow(size), inputs={}, max_parallel=50, run_id=runs[size]
            )
            await maestro.engine.execute(runs[size])
        return runs


def seconds_until_shown(opened: Browser, address: str, run: RunId, size: int) -> float:
    context = opened.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(f"{address}/dashboard/#/runs/{run}")
    page.wait_for_function(SHOWN.format(size=size), polling=20)
    taken = time.perf_counter() - started
    context.close()
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "bench.db"
        runs = asyncio.run(make_runs(database))
        taken: dict[int, list[float]] = {size: [] for size in SIZES}
        with served(database) as address, browser() as opened:
            seconds_until_shown(opened, address, runs[SIZES[0]], SIZES[0])  # warm
            for _ in range(rounds):
                for size in SIZES:
                    taken[size].append(seconds_until_shown(opened, address, runs[size], size))
    medians = {size: statistics.median(taken[size]) for size in SIZES}
    ratio = medians[SIZES[1]] / medians[SIZES[0]]
    for size, median in medians.items():
        sys.stdout.write(f"{size:>5} steps  {median * 1000:7.0f} ms\n")
    sys.stdout.write(f"ratio {ratio:.2f} (at most {MOST_RATIO})\n")
    RESULTS.parent.mkdir(exist_ok=True)
    figures = {"machine": facts(), "seconds": taken, "ratio": ratio, "rounds": rounds}
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if ratio <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
