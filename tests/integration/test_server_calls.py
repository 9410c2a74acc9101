"""The journal of calls over REST: page by page, without what was said, and of one's own runs."""

import asyncio
from pathlib import Path

from api_server import RunningServer, built, seeded, settings_of

from maestro.bootstrap import connect
from maestro.domain.access import AccessRole
from maestro.domain.models import Budgets, CallEntry, JournaledCall
from maestro.domain.values import Digest, RunId, StepId


async def with_calls(database: Path, run_id: RunId, *names: str) -> None:
    async with connect(settings_of(database)) as maestro:
        for name in names:
            entry = CallEntry(
                run_id=run_id,
                step_id=StepId("work"),
                attempt=1,
                phase="design",
                persona="technical_writer",
                session=Digest("sha256:0"),
                kind=JournaledCall.MODEL,
                digest=Digest("sha256:1"),
                name=name,
                answer={"text": "the secret plan", "end": "complete"},
                input_tokens=7,
                cost=None,
            )
            await maestro.store.write(
                lambda tx, one=entry: tx.model_calls.begin(one, Budgets())  # type: ignore[misc]
            )


def test_calls_are_listed_for_who_may_read_the_run(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"
    run_id = asyncio.run(built(database, "shop"))
    asyncio.run(with_calls(database, run_id, "a:one", "a:two", "a:three"))
    viewer = AccessRole.VIEWER
    keys = seeded(database, {"own": {"shop": viewer}, "other": {"bank": viewer}})
    place = f"/api/v1/runs/{run_id}/calls"
    server = RunningServer(database)
    try:
        server.start()
        with server.client(keys["own"]) as own, server.client(keys["other"]) as other:
            first = own.get(place, params={"limit": 2})
            rest = own.get(place, params={"limit": 2, "cursor": first.json()["next"]}).json()
            assert other.get(place).status_code == 404
            assert own.get("/api/v1/runs/run-none/calls").status_code == 404
    finally:
        server.stop()
    items = [*first.json()["items"], *rest["items"]]
    assert [(one["name"], one["kind"], one["outcome"]) for one in items] == [
        ("a:one", "model", "answered"),
        ("a:two", "model", "answered"),
        ("a:three", "model", "answered"),
    ]
    assert (items[0]["input_tokens"], items[0]["cost"], rest["next"]) == (7, None, None)
    assert "secret" not in first.text
