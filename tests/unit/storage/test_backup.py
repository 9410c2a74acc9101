"""A copy taken while runs are written is whole, and goes on where the original stood."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from maestro.bootstrap import connect
from maestro.delivery.audit_desk import audit_desk
from maestro.domain.access import AuditRecord
from maestro.domain.run import RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, StepKind, Workflow
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import Transaction
from maestro.settings import Settings
from maestro.storage.backup import DATABASE, back_up
from maestro.storage.sqlite_link import connect_writer
from maestro.storage.sqlite_schema import prepare

RUN = RunId("run-1")


def _settings(folder: Path) -> Settings:
    environment = {"MAESTRO_DATA": str(folder / "maestro-data")}
    return Settings.load(environment, database=folder / "m.db", sandbox="off")


def test_a_copy_made_under_load_is_gone_on_with(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "here")

    async def play() -> None:
        ask = Step(id=StepId("ask"), kind=StepKind.APPROVAL)
        flow = Workflow(name="mine", steps=(ask,))
        async with connect(settings) as m:
            made = await m.workspace.artifacts.put("a.txt", b"content")
            await m.engine.start(flow, inputs={}, max_parallel=1, run_id=RUN)

            async def write() -> None:
                for number in range(60):
                    await m.engine.start(
                        flow, inputs={}, max_parallel=1, run_id=RunId(f"load-{number}")
                    )

            writing = asyncio.create_task(write())
            report = await asyncio.to_thread(back_up, settings, tmp_path / "copy")
            await writing
        assert report.runs >= 1
        assert report.artefacts == 1
        there = Settings.load({}, database=tmp_path / "copy" / DATABASE, sandbox="off")
        async with connect(there) as m:
            assert await m.workspace.artifacts.get(made.digest) == b"content"
            assert (await audit_desk(m).verify()).intact
            running = asyncio.create_task(m.engine.execute(RUN))
            async with asyncio.timeout(20):
                while (await m.run(RUN)).status is not RunStatus.RUNNING:
                    await asyncio.sleep(0.01)
                await m.steer(RUN, Verb.APPROVE, StepId("ask"))
                assert (await running).status is RunStatus.SUCCEEDED

    asyncio.run(play())


def test_anchors_of_a_copy_name_nothing_that_came_after_it(tmp_path: Path) -> None:
    settings = _settings(tmp_path / "here")
    long = "x" * 20_000

    def noted(target: str) -> AuditRecord:
        at = datetime(2026, 5, 4, tzinfo=UTC)
        return AuditRecord(at=at, principal="ann", action="a", target=target, allowed=True)

    def fill(tx: Transaction) -> None:
        for _ in range(400):
            tx.audit.append(noted(long))

    async def play() -> None:
        async with connect(settings) as m:
            desk, over = audit_desk(m), asyncio.Event()

            async def write() -> None:
                while not over.is_set():
                    await m.store.write(lambda tx: tx.audit.append(noted("b")))
                    await desk.anchor()

            await m.store.write(fill)
            writing = asyncio.create_task(write())
            await asyncio.to_thread(back_up, settings, tmp_path / "copy")
            over.set()
            await writing
        for file in (tmp_path / "copy").glob(f"{DATABASE}*"):
            assert file.stat().st_mode & 0o077 == 0, file
        there = Settings.load({}, database=tmp_path / "copy" / DATABASE, sandbox="off")
        async with connect(there) as m:
            found = await audit_desk(m).verify()
        assert found.intact, found.fault
        assert found.records >= 400

    asyncio.run(play())


def test_a_copy_ends_although_something_is_written_all_the_time(tmp_path: Path) -> None:
    settings, over = _settings(tmp_path / "here"), Event()
    settings.database.parent.mkdir()
    prepare(settings.database)
    row = "INSERT INTO pool_events (document) VALUES (?)"

    def write() -> bool:
        """Whether it was told to stop before it was through."""
        with closing(connect_writer(settings.database)) as connection:
            connection.execute("PRAGMA synchronous = OFF")  # as busy as can be
            for _ in range(100_000):
                connection.execute(row, ("",))
                if over.is_set():
                    return True
        return False

    with closing(connect_writer(settings.database)) as connection:
        connection.execute("BEGIN")
        connection.executemany(row, [("x" * 40_000,)] * 400)
        connection.execute("COMMIT")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            back_up(settings, tmp_path / "copy")
        finally:
            over.set()
        assert writing.result()


def test_what_cannot_be_copied_is_told_before_anything_is_written(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    with pytest.raises(NotFound, match="no database"):
        back_up(settings, tmp_path / "copy")
    shared = replace(settings, postgres_url="postgresql://u@h/n")
    with pytest.raises(InvalidInput, match="pg_dump"):
        back_up(shared, tmp_path / "copy")
    settings.database.touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(Conflict, match="not empty"):
        back_up(settings, tmp_path / "full")
