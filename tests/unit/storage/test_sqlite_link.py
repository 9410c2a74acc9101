"""A file that is locked, full or read-only: said as such, nothing half written, usable again."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from restricted import disk_is_full_beyond, modes_bind_root

from maestro.domain.run import Run, RunStatus
from maestro.domain.values import RunId
from maestro.domain.workflow import Workflow
from maestro.errors import StorageUnavailable
from maestro.ports import Transaction
from maestro.storage.sqlite import SqliteStore
from maestro.storage.sqlite_link import connect_writer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLOW = Workflow(name="w", steps=())


def insert(tx: Transaction, name: str) -> None:
    run = Run(
        id=RunId(name),
        workflow="w",
        status=RunStatus.PENDING,
        inputs={},
        max_parallel=1,
        created_at=NOW,
    )
    tx.runs.insert(run, FLOW)


async def names(store: SqliteStore) -> set[str]:
    return {run.id for run in await store.read(lambda tx: tx.runs.recent(9))}


def test_a_lock_that_ends_in_time_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"

    async def play() -> None:
        store = await SqliteStore.open(path, busy_seconds=60.0, seal_key=b"seal")
        with closing(connect_writer(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            release = threading.Timer(0.5, lambda: other.execute("COMMIT"))
            release.start()
            await store.write(lambda tx: insert(tx, "run-1"))
            release.join()
        assert await names(store) == {"run-1"}
        await store.close()

    asyncio.run(play())


def test_a_lock_that_does_not_end_is_an_error_and_no_end(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"

    async def play() -> None:
        store = await SqliteStore.open(path, busy_seconds=0.2, seal_key=b"seal")
        with closing(connect_writer(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageUnavailable, match=r"another process keeps .* locked"):
                await store.write(lambda tx: insert(tx, "run-1"))
            assert await names(store) == set()
            other.execute("ROLLBACK")
        await store.write(lambda tx: insert(tx, "run-2"))
        assert await names(store) == {"run-2"}
        await store.close()

    asyncio.run(play())


CHILD = """
import asyncio, os, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from maestro.domain.run import Run, RunStatus
from maestro.domain.workflow import Workflow
from maestro.errors import StorageUnavailable
from maestro.storage.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLOW = Workflow(name="w", steps=())

def run(name, size):
    return Run(id=name, workflow="w", status=RunStatus.PENDING, inputs={"x": "y" * size},
               max_parallel=1, created_at=NOW)

async def main(path, limit):
    store = await SqliteStore.open(path, seal_key=b"seal")
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    results = await asyncio.gather(
        store.write(lambda tx: tx.runs.insert(run("run-small", 10), FLOW)),
        store.write(lambda tx: tx.runs.insert(run("run-big", 9_000_000), FLOW)),
        return_exceptions=True,
    )
    print([type(result).__name__ for result in results])
    print(results[1])
    await store.write(lambda tx: tx.runs.insert(run("run-after", 10), FLOW))
    print(sorted(found.id for found in await store.read(lambda tx: tx.runs.recent(9)))[::-1])
    await store.close()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def run_child(
    path: Path, limit: int = 0, restriction: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, str(path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=restriction,
    )


def check_full(done: subprocess.CompletedProcess[str], advice: str) -> None:
    assert done.returncode == 0, done.stderr
    kinds, said, kept = done.stdout.splitlines()
    assert "StorageUnavailable" in kinds
    assert advice in said
    alone = kinds.count("StorageUnavailable") == 1  # the big one in a transaction of its own
    assert kept == str(["run-small", "run-after"] if alone else ["run-after"])


def test_a_full_disk_loses_nobody_and_invents_nothing(tmp_path: Path) -> None:
    done = run_child(tmp_path / "maestro.db", restriction=partial(disk_is_full_beyond, 2_000_000))
    check_full(done, "database or disk is full; free space on the disk")


def test_a_file_that_may_not_grow_loses_nobody_and_invents_nothing(tmp_path: Path) -> None:
    check_full(run_child(tmp_path / "maestro.db", limit=600_000), "check the disk")


def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    path = place / "maestro.db"

    async def create() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        await store.close()

    asyncio.run(create())
    before = path.read_bytes()
    path.chmod(0o444)
    place.chmod(0o555)
    try:
        done = run_child(path, restriction=modes_bind_root)
    finally:
        place.chmod(0o755)
    assert done.returncode == 1
    assert "StorageUnavailable: opening the database" in done.stderr
    assert "make the file and its folder writable" in done.stderr or "folder" in done.stderr
    assert path.read_bytes() == before
