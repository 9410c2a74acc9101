"""`maestro agents scale` with real processes: on demand, idle, killed, and when the keeper dies."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from maestro.domain.pool import PoolEventKind, PoolRecord
from maestro.storage.opening import open_store

MAESTRO = (sys.executable, "-m", "maestro")
PATIENCE = 60.0
LEASE = "1.5"
TASKS = """
name: documents
max_parallel: 3
tasks:
  - {id: a, role: technical_writer, capability: docs, text: "A REST API for books with a title."}
  - {id: b, role: technical_writer, capability: docs, text: "A REST API for rooms with a name."}
  - {id: c, role: technical_writer, capability: docs, text: "A REST API for cups with a size."}
"""

pytestmark = pytest.mark.xdist_group("postgres")


def environment(folder: Path, url: str) -> dict[str, str]:
    own = {name: str(folder / name.lower()) for name in ("MAESTRO_DATA", "MAESTRO_CONFIG")}
    chosen = {"MAESTRO_DB": url, "MAESTRO_LEASE_SECONDS": LEASE}
    return {"PATH": os.environ["PATH"], "HOME": str(folder), **own, **chosen}


class Keeper:
    """A `maestro agents scale` and the lines that it has printed."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()

    def waits_for(self, what: str, times: int = 1) -> None:
        with self._news:
            found = self._news.wait_for(
                lambda: sum(what in line for line in self.lines) >= times, PATIENCE
            )
        assert found, f"no {what!r} in {self.lines}"

    def over(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def keeping(folder: Path, url: str, *words: str) -> Iterator[Keeper]:
    process = subprocess.Popen(
        [*MAESTRO, "agents", "scale", "docs", "--persona", "technical_writer", *words],
        env=environment(folder, url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    keeper = Keeper(process)
    try:
        yield keeper
    finally:
        keeper.over()


def run_tasks(folder: Path, url: str) -> Any:
    file = folder / "tasks.yaml"
    file.write_text(TASKS)
    done = subprocess.run(
        [*MAESTRO, "tasks", "run", str(file), "--json"],
        env=environment(folder, url),
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def registered(url: str) -> tuple[dict[str, int], PoolRecord, list[PoolEventKind]]:
    """Process id by agent that is alive, the pool, and what happened, first one first."""

    async def look() -> tuple[dict[str, int], PoolRecord, list[PoolEventKind]]:
        store = await open_store(url, seal_key=b"seal")
        try:
            agents = await store.read(lambda tx: tx.agents.all())
            (pool,) = await store.read(lambda tx: tx.agents.pools.all())
            events = await store.read(lambda tx: tx.agents.pools.events(100))
        finally:
            await store.close()
        alive = [one.agent for one in agents if one.alive and one.agent.home]
        processes = {agent.id: int(agent.home.rpartition(":")[2]) for agent in alive}
        return processes, pool, [event.kind for event in reversed(events)]

    return asyncio.run(look())


def family(process: int) -> list[int]:
    """The process and its descendants."""
    found = [process]
    for one in found:
        children = Path(f"/proc/{one}/task/{one}/children")
        found += map(int, children.read_text().split())
    return found


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"  # dead; buried by whoever inherited it


@pytest.mark.timeout(300)
def test_agents_come_with_the_work_and_go_without_it(postgres_url: str, tmp_path: Path) -> None:
    with keeping(tmp_path, postgres_url, "--min", "0", "--max", "2", "--idle", "0.5") as keeper:
        keeper.waits_for("pool.taken")
        assert not any("agent.started" in line for line in keeper.lines)
        outcome = run_tasks(tmp_path, postgres_url)
        assert (outcome["status"], outcome["success_rate"]) == ("succeeded", 1.0)
        assert {agent["agent"] for agent in outcome["agents"]} <= {"docs-1", "docs-2"}
        keeper.waits_for("agent.ended", times=2)
        keeper.process.send_signal(signal.SIGTERM)
        assert keeper.process.wait(PATIENCE) == 0
        _, pool, happened = registered(postgres_url)
        assert (pool.started, pool.ended, pool.lost, pool.start_failed) == (2, 2, 0, 0)
        assert (pool.agents, pool.kept, pool.demand.waiting) == (0, False, 0)
        assert (happened.count(PoolEventKind.AGENT_READY), happened[-1]) == (2, PoolEventKind.LEFT)


@pytest.mark.timeout(300)
def test_a_killed_agent_is_replaced_and_a_killed_keeper_leaves_nobody(
    postgres_url: str, tmp_path: Path
) -> None:
    with keeping(tmp_path, postgres_url, "--min", "1", "--max", "2") as keeper:
        keeper.waits_for("agent.ready")
        processes, _, _ = registered(postgres_url)
        os.kill(processes["docs-1"], signal.SIGKILL)
        keeper.waits_for("agent.lost  docs-1: its process ended with status 137")
        keeper.waits_for("agent.ready", times=2)
        processes, pool, _ = registered(postgres_url)
        assert (pool.agents, pool.lost) == (1, 1)
        children = family(keeper.process.pid)
        assert set(processes.values()) < set(children)
        keeper.process.kill()
        keeper.process.wait()
        deadline = time.monotonic() + PATIENCE
        while not all(gone(process) for process in children):
            assert time.monotonic() < deadline, "somebody is left"
            time.sleep(0.02)
