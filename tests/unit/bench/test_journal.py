"""The floor stays honest: it keeps the rows that the engine keeps, column by column."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.floors import one_wait, stored, two_waits
from bench.journal import TABLES, SqliteDatabase
from bench.leg import Place
from bench.maestro_engine import on_sqlite
from bench.workloads import Workload, faults, layered

LOAD = Workload(name="some", title="some", graph=layered(4, 5, 3), runs=2)


@pytest.fixture(scope="module")
def engine_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    walked = asyncio.run(on_sqlite(LOAD, Place(folder=folder)))
    assert faults(LOAD, walked.ran) == []
    return folder / "maestro.db"


@pytest.fixture(scope="module", params=[one_wait, two_waits])
def floor_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("floor") / "floor.db"

    async def run() -> None:
        walked = await stored(LOAD, SqliteDatabase(path), request.param)
        assert faults(LOAD, walked.ran) == []
        assert walked.commits is not None
        assert walked.commits > 1

    asyncio.run(run())
    return path


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def columns(path: Path, table: str) -> dict[str, tuple[object, ...]]:
    """Name -> type, NOT NULL, place in the primary key."""
    return {
        str(row[1]): (row[2], row[3], row[5]) for row in query(path, f"PRAGMA table_info({table})")
    }


@pytest.mark.parametrize("table", TABLES)
def test_same_columns(table: str, floor_file: Path, engine_file: Path) -> None:
    floor, engine = columns(floor_file, table), columns(engine_file, table)
    if table == "runs":  # who owns a run is the engine's own affair
        assert floor.items() <= engine.items()
    else:
        assert floor == engine


@pytest.mark.parametrize("table", TABLES)
def test_same_rows(table: str, floor_file: Path, engine_file: Path) -> None:
    """As many rows, filled in the same places, of about the same size."""
    names = sorted(columns(floor_file, table))
    size = " + ".join(f"coalesce(length({name}), 0)" for name in names)
    filled = ", ".join(f"count({name})" for name in names)
    sql = f"SELECT count(*), {filled}, sum({size}) FROM {table}"
    ((*floor, floor_size),) = query(floor_file, sql)
    ((*engine, engine_size),) = query(engine_file, sql)
    assert floor == engine
    assert isinstance(engine_size, int)
    assert floor_size == pytest.approx(engine_size, rel=0.05)


def test_last_states(floor_file: Path, engine_file: Path) -> None:
    steps = "SELECT run_id, step_id, status, attempt, output FROM steps ORDER BY run_id, step_id"
    assert query(floor_file, steps) == query(engine_file, steps)
    runs = "SELECT id, status, last_sequence FROM runs ORDER BY id"
    assert query(floor_file, runs) == query(engine_file, runs)
