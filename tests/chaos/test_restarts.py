"""PostgreSQL crashes and comes back, again and again, while workers are busy with its runs."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import worker_program
from engine_bench import step, work
from ledger_check import Stored, faults
from postgres import PostgresServer

from maestro.domain.run import ENDED_RUNS, RunStatus
from maestro.domain.values import RunId
from maestro.domain.workflow import RetryPolicy, Workflow
from maestro.errors import Conflict, LeaseLost
from maestro.ports import Store, Transaction
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

SECONDS = float(os.environ.get("CHAOS_SECONDS", "10"))
RUNS = 8
LEASE = 1.0
AGAIN = RetryPolicy(max_attempts=100, delay_seconds=0.05, max_delay_seconds=0.1)

pytestmark = [pytest.mark.timeout(SECONDS + 240), pytest.mark.xdist_group("chaos-restarts")]


def flow(number: int) -> Workflow:
    """Three layers of steps, half of them for workers."""
    steps = [
        step(
            f"s{layer}{place}",
            *(f"s{layer - 1}{before}" for before in range(4) if layer),
            action="note",
            capability="cpu" if place % 2 else "",
            retry=AGAIN,
        )
        for layer in range(6)
        for place in range(4)
    ]
    return Workflow(name=f"load-{number}", steps=tuple(steps))


def test_nothing_is_lost_or_invented_while_postgresql_restarts(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    logs = [tmp_path / f"{name}.log" for name in ("one", "two")]
    workers = []
    try:
        for log in logs:
            workers.append(started_worker(postgres_url, log))
        asyncio.run(under_load(postgres_url, postgres_server, workers))
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def started_worker(url: str, log: Path) -> subprocess.Popen[bytes]:
    """A worker that has opened the store: one that cannot at its start refuses to start."""
    with log.open("wb") as stream:
        worker = subprocess.Popen(
            [
                *(sys.executable, worker_program.__file__, url, log.stem, str(LEASE)),
                *(str(log.parent), "cpu"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    while b"ready" not in log.read_bytes():
        assert worker.poll() is None, log.read_text()
        time.sleep(0.05)
    return worker


async def watching(workers: list[subprocess.Popen[bytes]], deadline: float) -> None:
    while time.monotonic() < deadline:
        assert [worker.poll() for worker in workers] == [None, None], "a worker gave up"
        await asyncio.sleep(0.2)


async def under_load(
    url: str, server: PostgresServer, workers: list[subprocess.Popen[bytes]]
) -> None:
    """Starts runs and drives them for as long as the server is being restarted, and to the end."""
    lots = random.Random(7)
    store = await open_store(url, lease_seconds=LEASE, seal_key=b"seal")
    handlers = {"note": work}
    engine = EmbeddedEngine(store, SystemClock(), handlers, capabilities=(), poll_seconds=0.05)
    started: list[RunId] = []
    deadline = time.monotonic() + SECONDS
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(restarting(server, deadline, lots))
            group.create_task(watching(workers, deadline + LEASE))
            while time.monotonic() < deadline or not started:
                run_ids = [RunId(f"run-{len(started) + number}") for number in range(RUNS)]
                started += run_ids
                await asyncio.gather(*(one_run(engine, store, run_id) for run_id in run_ids))
        for run_id in started:
            stored = await store.read(lambda tx, r=run_id: everything(tx, r))  # type: ignore[misc]
            assert stored.run.status is RunStatus.SUCCEEDED
            assert faults(stored) == []
    finally:
        await store.close()


async def restarting(server: PostgresServer, deadline: float, lots: random.Random) -> None:
    while time.monotonic() < deadline:
        await asyncio.sleep(lots.uniform(0.5, 4.0))
        await asyncio.to_thread(server.restart, immediate=lots.random() < 0.5)


async def one_run(engine: EmbeddedEngine, store: Store, run_id: RunId) -> None:
    """Drives it until it has ended; while the database is away longer than the lease, a worker
    may take it over.
    """
    await engine.start(flow(0), inputs={}, max_parallel=8, run_id=run_id)
    while (await store.read(lambda tx: tx.runs.get(run_id))).status not in ENDED_RUNS:
        try:
            await engine.execute(run_id)
        except (LeaseLost, Conflict):
            await asyncio.sleep(0.1)


def everything(tx: Transaction, run_id: RunId) -> Stored:
    events = tx.events.after(run_id, 0, 100_000)
    return Stored(tx.runs.get(run_id), tx.runs.workflow(run_id), tx.runs.steps(run_id), events)
