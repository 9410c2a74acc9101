"""Opening a database file: what is created, what is refused and how it is said."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from maestro.domain.run import Event, EventKind, Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import MaestroError, SchemaMismatch, StorageUnavailable
from maestro.ports import Transaction
from maestro.storage.schema import REVISIONS
from maestro.storage.sqlite import SqliteStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunId("run-1")


def opened(path: Path) -> None:
    async def play() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        await store.close()

    asyncio.run(play())


def tell(tx: Transaction) -> Event:
    return tx.events.append(
        RUN, EventKind.STEP_PROGRESS, NOW, step_id=StepId("s0"), attempt=1, data={}
    )


def refusal(path: Path, kind: type[MaestroError]) -> str:
    with pytest.raises(kind) as caught:
        opened(path)
    return str(caught.value)


async def fill(store: SqliteStore) -> None:
    run = Run(
        id=RUN,
        workflow="flow",
        status=RunStatus.PENDING,
        inputs={"text": "x" * 50_000},
        max_parallel=1,
        created_at=NOW,
    )
    steps = tuple(Step(id=StepId(f"s{n}"), action="work") for n in range(200))
    await store.write(lambda tx: tx.runs.insert(run, Workflow(name="flow", steps=steps)))


def filled(path: Path) -> None:
    async def play() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        await fill(store)
        await store.close()

    asyncio.run(play())


def test_the_file_and_its_folders_are_made_durable_and_strict(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there 100%" / "maestro #1?.db"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    opened(path)


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"
    path.touch()
    filled(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, StorageUnavailable)
    assert message == f"the database {str(tmp_path)!r} is a folder; name a file in it"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    message = refusal(tmp_path / "file" / "deep" / "maestro.db", StorageUnavailable)
    assert "cannot be made: Not a directory" in message
    assert "name a file in a folder that may be written" in message


def test_an_unwritable_folder_is_refused() -> None:
    path = Path("/proc/maestro.db")
    message = refusal(path, StorageUnavailable)
    assert repr("/proc/maestro.db") in message
    assert "name another file" in message


def test_what_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Shopping list: " + "eggs, " * 200)
    before = path.read_bytes()
    message = refusal(path, StorageUnavailable)
    assert f"opening the database {str(path)!r} failed: file is not a database" in message
    assert "name another file" in message
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["notes.txt"]


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (id INTEGER)")
    before = path.read_bytes()
    assert "something else (tables recipes)" in refusal(path, StorageUnavailable)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    message = refusal(path, SchemaMismatch)
    assert f"has schema '9999'; this Maestro knows up to {REVISIONS[-1]!r}" in message
    assert "newer Maestro" in message
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "header"])
def test_a_corrupt_file_is_unavailable_never_half_read(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "maestro.db"
    filled(path)
    content = path.read_bytes()
    half = len(content) // 2
    spoilt = {
        "truncated": content[:half],
        "overwritten": content[:4096] + b"\xa5" * (len(content) - 4096),
        "header": b"\0" * 100 + content[100:],
    }
    path.write_bytes(spoilt[damage])

    async def play() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        try:
            await store.read(lambda tx: (tx.runs.recent(9), tx.runs.workflow(RUN)))
        finally:
            await store.close()

    with pytest.raises(StorageUnavailable, match="database") as caught:
        asyncio.run(play())
    assert repr(str(path)) in str(caught.value)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE runs SET inputs = '{broken'",
        "UPDATE runs SET created_at = 'yesterday'",
        'UPDATE steps SET definition = \'{"id": "s0"}\'',
        'UPDATE steps SET definition = \'{"id": "s0", "action": 1}\'',
        "UPDATE runs SET concurrency = '{\"x\": 0}'",
        "UPDATE steps SET error = '[]'",
    ],
)
def test_a_row_that_cannot_be_read_back_is_an_error(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "maestro.db"
    filled(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(spoil)
        connection.commit()

    async def play() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        try:
            await store.read(
                lambda tx: (tx.runs.get(RUN), tx.runs.workflow(RUN), tx.runs.steps(RUN))
            )
        finally:
            await store.close()

    with pytest.raises(StorageUnavailable, match="cannot be read back from the database"):
        asyncio.run(play())


def test_opening_a_current_database_imports_no_migration_library(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"
    opened(path)
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from maestro.storage.sqlite import SqliteStore\n"
        "async def main():\n"
        "    store = await SqliteStore.open(Path(sys.argv[1]), seal_key=b'seal')\n"
        "    await store.read(lambda tx: tx.runs.recent(5))\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
        "print(sorted({'sqlalchemy', 'alembic', 'psycopg'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_concurrent_writes_share_commits(tmp_path: Path) -> None:
    async def play() -> tuple[int, list[int]]:
        store = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        await fill(store)
        before = store.commits
        events = await asyncio.gather(*(store.write(lambda tx: tell(tx)) for _ in range(200)))
        shared = store.commits - before
        await store.close()
        return shared, [event.sequence for event in events]

    commits, sequences = asyncio.run(play())
    assert sorted(sequences) == list(range(1, 201))
    assert commits < 50


def test_a_write_that_returned_is_in_the_file(tmp_path: Path) -> None:
    """Read by a second connection, while the first store still has everything open."""
    path = tmp_path / "maestro.db"

    async def play() -> None:
        store = await SqliteStore.open(path, seal_key=b"seal")
        await fill(store)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM steps").fetchone() == (200,)
        await store.close()

    asyncio.run(play())


def test_readers_cannot_write(tmp_path: Path) -> None:
    async def play() -> None:
        store = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        await fill(store)
        try:
            await store.read(lambda tx: tell(tx))
        finally:
            await store.close()

    with pytest.raises(StorageUnavailable, match="readonly database"):
        asyncio.run(play())


def test_a_cancelled_waiter_does_not_disturb_the_others(tmp_path: Path) -> None:
    async def play() -> list[int]:
        store = await SqliteStore.open(tmp_path / "maestro.db", seal_key=b"seal")
        await fill(store)
        tasks = [asyncio.create_task(store.write(lambda tx: tell(tx))) for _ in range(20)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[3], asyncio.CancelledError)
        events = await store.read(lambda tx: tx.events.after(RUN, 0))
        await store.close()
        return [event.sequence for event in events]

    assert asyncio.run(play()) == list(range(1, 21))
