"""The crash matrix: kill -9 at a named place, recover, compare.

    python tests/chaos/runner.py --cases 100 --seed 1 --database sqlite --folder DIR
    python tests/chaos/runner.py --cases 100 --seed 1 --database URL --folder DIR

One case is a random workflow (by its seed), a failpoint and the visit at which it kills. The run
is driven in a forked process until it dies, then driven again (half of the times into another
failpoint) until it has ended; then rows, events and what the handlers really did are compared.
Prints one JSON line per case and ends with 1 when an invariant was broken. Single-threaded, so
that forking is safe.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows import CAPABILITY, Effects, expected, random_flow
from ledger_check import Stored, faults, repeated

from maestro import failpoints
from maestro.domain.run import ENDED_RUNS, StepStatus
from maestro.domain.values import RunId
from maestro.errors import Conflict, LeaseLost, NotFound
from maestro.ports import Store, Transaction
from maestro.storage.opening import open_store
from maestro.storage.places import PLACES
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine
from maestro.workflow.worker import Worker, WorkerSettings

RUN = RunId("run-chaos")
LEASE_SECONDS = 0.4
MOST_CRASHES = 4
SECONDS_PER_PROCESS = 60
Location = Path | str
_PLACES_OF_ONE_PROCESS = tuple(
    place for place in PLACES if not place.startswith(("lease.", "task."))
)


@dataclass(frozen=True)
class Kill:
    place: str
    visits: int


@dataclass(frozen=True)
class Case:
    seed: int
    location: Location
    folder: Path
    kills: tuple[Kill, ...]
    """One per process; the one after them drives to the end."""

    @property
    def shared(self) -> bool:
        return isinstance(self.location, str)


def cases(
    count: int, seed: int, make_location: Callable[[int], Location], folder: Path
) -> Iterator[Case]:
    """Every place that the database passes in turn, so that all of them are visited."""
    for number in range(count):
        lots = random.Random(seed * 1_000_003 + number)
        location = make_location(number)
        places = PLACES if isinstance(location, str) else _PLACES_OF_ONE_PROCESS
        further = [kill_at(lots.choice(places), lots) for _ in range(MOST_CRASHES)]
        yield Case(
            seed=seed * 1_000_003 + number,
            location=location,
            folder=folder / f"case-{number}",
            kills=(
                kill_at(places[number % len(places)], lots),
                *further[: lots.randint(0, MOST_CRASHES - 1)],
            ),
        )


def kill_at(place: str, lots: random.Random) -> Kill:
    """Leases and tasks are passed a few times in a run, transactions often."""
    kind = place.partition(".")[0]
    return Kill(place, lots.randint(1, {"lease": 2, "task": 3}.get(kind, 14)))


# --- in a forked process ------------------------------------------------------------------------


async def drive(case: Case) -> None:
    """Starts the run where there is none yet, and drives it to its end."""
    store = await open_store(case.location, lease_seconds=LEASE_SECONDS, seal_key=b"seal")
    clock = SystemClock()
    handlers = Effects(case.folder / "effects").handlers()
    capabilities = () if case.shared else None
    engine = EmbeddedEngine(store, clock, handlers, capabilities=capabilities, poll_seconds=0.02)
    await start_once(engine, store, case)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        if case.shared:
            settings = WorkerSettings(
                name=str(os.getpid()),
                capabilities=(CAPABILITY,),
                lease_seconds=LEASE_SECONDS,
                poll_seconds=0.02,
            )
            worker = Worker(
                store, clock, handlers, settings, drive=ignore, drain=engine.drain, tell=ignore_line
            )
            group.create_task(worker.run(stop))
        await execute(engine, store)
        stop.set()
    await store.close()


async def start_once(engine: EmbeddedEngine, store: Store, case: Case) -> None:
    try:
        await store.read(lambda tx: tx.runs.get(RUN))
    except NotFound:
        flow = random_flow(case.seed, workers=case.shared)
        await engine.start(flow, inputs={"seed": case.seed}, max_parallel=3, run_id=RUN)


async def execute(engine: EmbeddedEngine, store: Store) -> None:
    """Waits for the lease of the process that was killed."""
    while True:
        run = await store.read(lambda tx: tx.runs.get(RUN))
        if run.status in ENDED_RUNS:
            return
        try:
            await engine.execute(RUN)
        except (Conflict, LeaseLost):
            await asyncio.sleep(0.05)


async def ignore(_: RunId) -> None:
    """The worker of a case leaves the run to the engine beside it."""


def ignore_line(_: str) -> None:
    """Nobody watches."""


async def look(location: Location) -> Stored | None:
    store = await open_store(location, lease_seconds=LEASE_SECONDS, seal_key=b"seal")
    try:
        return await store.read(_everything)
    except NotFound:
        return None
    finally:
        await store.close()


def _everything(tx: Transaction) -> Stored:
    run = tx.runs.get(RUN)
    return Stored(run, tx.runs.workflow(RUN), tx.runs.steps(RUN), tx.events.after(RUN, 0, 100_000))


# --- in the runner ------------------------------------------------------------------------------


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """Exit status of `work` in a process of its own (-9: it was killed), and what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_in_child(work, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), json.loads(told) if told else None


def _in_child(work: Callable[[], Any], writing: int) -> int:
    signal.alarm(SECONDS_PER_PROCESS)
    try:
        told = json.dumps(work())
        os.write(writing, told.encode())
    except BaseException:  # noqa: BLE001 -- the end of the process
        traceback.print_exc()
        return 1
    return 0


def play(case: Case) -> dict[str, Any]:
    """Plays a case; what was broken stands under `faults`."""
    begin = time.monotonic()
    case.folder.mkdir(parents=True)
    effects = Effects(case.folder / "effects")
    broken: list[str] = []
    killed = 0
    for kill in (*case.kills, None):
        done_before = len(effects.started())
        committed = committed_steps(case.location)
        status, _ = forked(lambda kill=kill: asyncio.run(armed(case, kill)))  # type: ignore[misc]
        broken += repeated(committed, effects.started()[done_before:])
        killed += status == -signal.SIGKILL
        if status not in (0, -signal.SIGKILL):
            broken.append(f"the process ended with {status} instead of being killed or done")
        if status == 0:
            break
    _, told = forked(lambda: compared(case, effects))
    broken += told if told is not None else ["the stored run could not be read"]
    first = case.kills[0]
    return {
        "seed": case.seed,
        "place": first.place,
        "visits": first.visits,
        "killed": killed,
        "seconds": round(time.monotonic() - begin, 2),
        "faults": broken,
    }


async def armed(case: Case, kill: Kill | None) -> None:
    if kill is not None:
        failpoints.arm(kill.place, kill.visits)
    await drive(case)


def committed_steps(location: Location) -> dict[str, int]:
    """Steps whose result was durable, with the attempt."""
    _, told = forked(lambda: _committed(location))
    return dict(told or {})


def _committed(location: Location) -> dict[str, int]:
    stored = asyncio.run(look(location))
    rows = stored.rows if stored is not None else ()
    return {row.step_id: row.attempt for row in rows if row.status is StepStatus.SUCCEEDED}


def compared(case: Case, effects: Effects) -> list[str]:
    stored = asyncio.run(look(case.location))
    if stored is None:
        return ["the run was lost"]
    found = faults(stored)
    ends, status = expected(random_flow(case.seed, workers=case.shared))
    actual = {str(row.step_id): row.status for row in stored.rows}
    if actual != ends:
        found.append(f"the steps ended {actual}, expected {ends}")
    if stored.run.status is not status:
        found.append(f"the run ended {stored.run.status}, expected {status}")
    told = {(e.step_id, e.attempt) for e in stored.events if e.kind.value == "step.started"}
    started = effects.started()
    found += [
        f"{s} attempt {n} ran before it was durable" for s, n in started if (s, n) not in told
    ]
    return found


def locations(database: str, folder: Path) -> Callable[[int], Location]:
    """A prepared database for each case."""
    if database == "sqlite":
        template = folder / "template.db"
        forked(lambda: asyncio.run(prepared(template)))

        def copy(number: int) -> Location:
            target = folder / f"case-{number}.db"
            shutil.copy(template, target)
            return target

        return copy
    import psycopg

    base, _, template_name = database.rpartition("/")
    forked(lambda: asyncio.run(prepared(database)))

    def clone(number: int) -> Location:
        name = f"{template_name}_case_{number}"
        with closing(psycopg.connect(f"{base}/postgres", autocommit=True)) as connection:
            if number:
                old = f"{template_name}_case_{number - 1}"
                connection.execute(f'DROP DATABASE IF EXISTS "{old}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_name}"')
        return f"{base}/{name}"

    return clone


async def prepared(location: Location) -> None:
    store = await open_store(location, seal_key=b"seal")
    await store.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="sqlite", help="'sqlite' or a PostgreSQL URL")
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args()
    make_location = locations(given.database, given.folder)
    broken = killed = 0
    for case in cases(given.cases, given.seed, make_location, given.folder):
        result = play(case)
        broken += bool(result["faults"])
        killed += result["killed"]
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps({"cases": given.cases, "killed": killed, "broken": broken}) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
