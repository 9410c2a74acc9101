"""Migrations on PostgreSQL: up, down, and two processes at once."""

import subprocess
import sys

from postgres import PostgresServer

from maestro.domain.run import RunStatus, StepStatus
from maestro.storage.postgres_location import Location
from maestro.storage.postgres_schema import migrate, prepare


def tables(server: PostgresServer, url: str) -> set[str]:
    rows = server.run(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        database=url.rpartition("/")[2],
    )
    return {row[0] for row in rows}


def test_up_down_and_up_again(postgres_server: PostgresServer, postgres_url: str) -> None:
    location = Location.of(postgres_url)
    prepare(location)
    full = tables(postgres_server, postgres_url)
    assert {"runs", "steps", "attempts", "events", "tasks", "writers"} <= full
    migrate(location, "base")
    assert tables(postgres_server, postgres_url) == {"alembic_version"}
    prepare(location)
    assert tables(postgres_server, postgres_url) == full


def test_the_database_takes_exactly_the_statuses_of_the_domain(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    prepare(Location.of(postgres_url))
    rules = dict(
        postgres_server.run(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'",
            database=postgres_url.rpartition("/")[2],
        )
    )
    for name, kind in (("run_status", RunStatus), ("step_status", StepStatus)):
        assert set(rules[name].split("'")[1::2]) == set(kind)


def test_processes_that_create_the_same_schema_at_once_all_succeed(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    script = (
        "import sys; from maestro.storage.postgres_location import Location; "
        "from maestro.storage.postgres_schema import prepare; prepare(Location.of(sys.argv[1]))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, postgres_url],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    errors = [child.communicate()[1] for child in children]
    assert [child.returncode for child in children] == [0] * 4, errors
    assert "runs" in tables(postgres_server, postgres_url)
