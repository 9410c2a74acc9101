"""Migrations: up, down, all or nothing, and in step with the code."""

import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import maestro.storage
from maestro.domain.run import RunStatus, StepStatus
from maestro.storage.schema import REVISIONS
from maestro.storage.sqlite_schema import migrate, prepare

MIGRATIONS = Path(maestro.storage.__file__).with_name("migrations")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def test_the_known_revisions_are_the_ones_shipped() -> None:
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    shipped = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(shipped)) == REVISIONS


def schema(path: Path) -> set[tuple[str, str]]:
    """Every table and index with its statement, however that is laid out, and the revision."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        told = {(name, re.sub(r"\s*([(),]|\s)\s*", r"\1", sql)) for name, sql in made.fetchall()}
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return told | {("alembic_version", revision[0])}


def test_a_file_that_is_made_at_once_is_like_one_that_was_migrated(tmp_path: Path) -> None:
    prepare(tmp_path / "made.db")
    migrate(tmp_path / "migrated.db", "head")
    assert schema(tmp_path / "made.db") == schema(tmp_path / "migrated.db")


def test_making_a_file_needs_no_migrating(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from maestro.storage.sqlite_schema import prepare; "
        "prepare(Path(sys.argv[1])); "
        "sys.exit(any(name in sys.modules for name in ('alembic', 'sqlalchemy')))"
    )
    made = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.db")], check=False)
    assert made.returncode == 0


def test_a_file_that_cannot_be_made_is_left_empty(tmp_path: Path) -> None:
    """The view that is in its way is no table."""
    path = tmp_path / "maestro.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW counted AS SELECT 1")
    before = tables(path)
    with pytest.raises(sqlite3.OperationalError, match="counted"):
        prepare(path)
    assert tables(path) == before


def test_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"
    prepare(path)
    full = tables(path)
    assert {"runs", "steps", "attempts", "events", "requirements", "audit"} <= full
    migrate(path, "base")
    assert {name for name in tables(path) if not name.startswith("sqlite_")} == {"alembic_version"}
    prepare(path)
    assert tables(path) == full


def test_the_database_takes_exactly_the_statuses_of_the_domain(tmp_path: Path) -> None:
    path = tmp_path / "maestro.db"
    prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        made = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    for table, kind in (("runs", RunStatus), ("steps", StepStatus)):
        listed = made[table].split("CHECK (")[1].split(")")[0]
        assert set(re.findall(r"status = '(\w+)'", listed)) == set(kind)


def test_a_migration_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    """A table of that name is in the way of the last but one statement."""
    path = tmp_path / "maestro.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE requirements (x)")
    before = tables(path)
    with pytest.raises(sqlite3.OperationalError, match="requirements already exists"):
        migrate(path, "head")
    assert tables(path) == before


def test_processes_that_create_the_same_file_at_once_all_succeed(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from maestro.storage.sqlite_schema import prepare; "
        "prepare(Path(sys.argv[1]))"
    )
    path = tmp_path / "maestro.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, str(path)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    errors = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0] * 4, errors
    assert "runs" in tables(path)


def test_threads_that_create_the_same_file_at_once_all_succeed(tmp_path: Path) -> None:
    for name in ("a.db", "b.db", "c.db"):
        start = Barrier(6)

        def create(path: Path = tmp_path / name, start: Barrier = start) -> None:
            start.wait()
            prepare(path)

        with ThreadPoolExecutor(6) as threads:
            for done in [threads.submit(create) for _ in range(6)]:
                done.result()
        assert "runs" in tables(tmp_path / name)
