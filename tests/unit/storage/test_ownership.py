"""Who has a run in a SQLite file, and whether that process lives."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maestro.domain.run import EventKind, Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, NotFound, StorageUnavailable
from maestro.ports import Entry, Guard
from maestro.storage.ownership import LifeSign, pid_of
from maestro.storage.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunId("run-1")
CHILD = """
import asyncio, sys
from pathlib import Path
from maestro.storage.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), seal_key=b"seal")
    async with store.own("run-1"):
        print("owned", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


UNDER_WAY = Run(
    id=RUN,
    workflow="flow",
    status=RunStatus.RUNNING,
    inputs={},
    max_parallel=1,
    created_at=NOW,
)


async def opened(path: Path) -> SqliteStore:
    """With a run in it."""
    store = await SqliteStore.open(path, seal_key=b"seal")
    flow = Workflow(name="flow", steps=(Step(id=StepId("a"), action="work"),))
    await store.write(lambda tx: tx.runs.insert(UNDER_WAY, flow))
    return store


def signs(database: Path) -> list[str]:
    return [file.name for file in database.with_name(f"{database.name}.locks").iterdir()]


def owner_of(database: Path) -> str | None:
    with closing(sqlite3.connect(database)) as connection:
        owner: str | None = connection.execute("SELECT owner FROM runs").fetchone()[0]
        return owner


def test_a_sign_is_seen_by_others_and_gone_after_its_end(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"
    mine, theirs = LifeSign(database), LifeSign(database)
    name = mine.show()
    assert pid_of(name) == str(os.getpid())
    assert mine.show() == mine.name == name
    assert theirs.is_alive(name)
    assert theirs.show() != name  # making one's own does not take away what lives
    assert theirs.is_alive(name)
    mine.hide()
    assert not theirs.is_alive(name)
    assert signs(database) == [theirs.name]
    theirs.hide()


def test_what_the_dead_left_is_no_sign_of_life_and_is_removed(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"
    folder = tmp_path / "maestro.db.locks"
    folder.mkdir()
    (folder / "p4194305-00").touch()
    sign = LifeSign(database)
    assert not sign.is_alive("p4194305-00")
    sign.show()
    assert signs(database) == [sign.name]
    sign.hide()


@pytest.mark.parametrize("name", ["", "../maestro.db", "a/b", "x" * 200])
def test_a_damaged_name_is_nobody(tmp_path: Path, name: str) -> None:
    (tmp_path / "maestro.db").touch()
    assert not LifeSign(tmp_path / "maestro.db").is_alive(name)


def test_a_folder_that_cannot_be_written_is_a_storage_error() -> None:
    with pytest.raises(StorageUnavailable, match="lock file"):
        LifeSign(Path("/proc/maestro.db")).show()


def test_the_refusal_names_the_owner_and_what_to_do(tmp_path: Path) -> None:
    async def play() -> None:
        first = await opened(tmp_path / "maestro.db")
        second = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        async with first.own(RUN):
            for store in (first, second):
                with pytest.raises(
                    Conflict, match=f"executed by process {os.getpid()}; .* end that"
                ):
                    async with store.own(RUN):
                        pass
        async with second.own(RUN) as fence:
            assert fence == 2
        await first.close()
        await second.close()
        assert signs(tmp_path / "maestro.db") == []

    asyncio.run(play())


def test_who_leaves_with_the_last_entries_makes_the_run_free_with_them(tmp_path: Path) -> None:
    ended = [
        Entry(kind=EventKind.RUN_SUCCEEDED, run=replace(UNDER_WAY, status=RunStatus.SUCCEEDED))
    ]

    async def end(store: SqliteStore, guard: Guard) -> int | None:
        return await store.write(lambda tx: tx.runs.record(RUN, ended, NOW, guard=guard))

    async def play() -> None:
        first = await opened(tmp_path / "maestro.db")
        second = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        async with first.own(RUN, left=lambda: True) as fence:
            assert await end(first, Guard(fence=fence, steered=1, leaves=True)) is None
            with pytest.raises(Conflict, match="is being executed"):  # nothing was written
                async with second.own(RUN):
                    pass
            assert await end(first, Guard(fence=fence, steered=0, leaves=True)) == 1
            said = first.commits
            async with second.own(RUN) as later:
                assert later == fence + 1
        assert first.commits == said
        await first.close()
        await second.close()

    asyncio.run(play())


def test_a_run_is_free_after_its_owner_failed_and_unknown_ones_are_told(tmp_path: Path) -> None:
    async def play() -> None:
        store = await opened(tmp_path / "maestro.db")
        for _ in range(2):
            with pytest.raises(ValueError, match="no"):
                async with store.own(RUN):
                    raise ValueError("no")
        for _ in range(2):
            with pytest.raises(NotFound, match="no run 'run-9'"):
                async with store.own(RunId("run-9")):
                    pass
        await store.close()

    asyncio.run(play())
    assert owner_of(tmp_path / "maestro.db") is None


def test_the_runs_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"

    async def refused(pid: int) -> None:
        store = await SqliteStore.open(database, seal_key=b"seal")
        assert await store.driven(RUN)
        with pytest.raises(Conflict, match=f"executed by process {pid};"):
            async with store.own(RUN):
                pass
        await store.close()

    async def taken() -> None:
        store = await SqliteStore.open(database, seal_key=b"seal")
        assert not await store.driven(RUN)
        async with store.own(RUN) as fence:
            assert fence == 2
        await store.close()

    async def prepared() -> None:
        await (await opened(database)).close()

    asyncio.run(prepared())
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(database)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "owned\n"
        asyncio.run(refused(child.pid))
        child.send_signal(signal.SIGKILL)
    assert pid_of(owner_of(database) or "") == str(child.pid)
    asyncio.run(taken())
