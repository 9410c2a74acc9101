"""Filling the outbox reads what is new, however long the run is already."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from maestro.storage.outbox import FILL_OUTBOX
from maestro.storage.postgres_link import connect
from maestro.storage.postgres_location import Location
from maestro.storage.postgres_schema import prepare as prepare_postgres
from maestro.storage.sqlite_schema import prepare

EVENTS = 3000
_RUN = (
    "INSERT INTO runs (id, workflow, status, inputs, max_parallel, concurrency, created_at, "
    "project) VALUES ('r', 'w', 'running', '{}', 1, '{}', '2026', 'p')"
)
_HOOK = "INSERT INTO webhooks (id, project, run_id, document) VALUES ('h', 'p', '', '{}')"
_KIND = "INSERT INTO webhook_kinds (webhook_id, kind) VALUES ('h', '')"


def test_sqlite_looks_up_the_new_events(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {FILL_OUTBOX.each}", ("r", 0, 2)).fetchall()
    steps = [row[3] for row in plan]
    assert steps[0].startswith("SCAN w"), "no webhook, no work"
    assert "(run_id=? AND sequence>? AND sequence<?)" in steps[-1]


def test_postgresql_looks_up_the_new_events(postgres_url: str) -> None:
    location = Location.of(postgres_url)
    prepare_postgres(location)
    with psycopg.connect(**location.options, autocommit=True) as session:
        for statement in (_RUN, _HOOK, _KIND):
            session.execute(statement.encode())
        session.execute(
            "INSERT INTO events (run_id, sequence, kind, at, data) "
            "SELECT 'r', n, 'step.started', '2026', '{}' FROM generate_series(1, %s) n",
            (EVENTS,),
        )
    new = json.dumps([{"v0": "r", "v1": EVENTS - 2, "v2": EVENTS}])
    with closing(connect(location, writing=True, idle_seconds=60)) as writer:
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {FILL_OUTBOX.whole}"
        [[found]] = writer.execute(explained, (new,)).fetchall()
        [[told]] = writer.execute("SELECT count(*) FROM deliveries").fetchall()
    assert told == 2
    assert [_read(node) for node in _nodes(found[0]["Plan"]) if _is_of_events(node)] == [2]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in _nodes(inner))]


def _is_of_events(node: dict[str, Any]) -> bool:
    return node.get("Relation Name") == "events"


def _read(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    return int(rows * node["Actual Loops"])
