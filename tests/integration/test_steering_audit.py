"""What is asked of a run stands in the audit log exactly where it was done."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.bootstrap import connect
from maestro.delivery.service import Maestro
from maestro.domain.access import Principal
from maestro.domain.run import RunStatus
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict, NotFound, PermissionDenied
from maestro.settings import Settings


def play(home: Path, scenario: Callable[[Maestro], Awaitable[None]]) -> None:
    async def go() -> None:
        async with connect(Settings.load({}, database=home / "m.db", sandbox="off")) as m:
            await scenario(m)

    asyncio.run(go())


async def asked(m: Maestro) -> list[tuple[str, str, bool]]:
    """Without the making of runs."""
    records = await m.store.read(lambda tx: tx.audit.recent(99))
    found = [(record.action, record.target, record.allowed) for record in reversed(records)]
    return [item for item in found if item[0].startswith("run:") and item[0] != "run:create"]


def test_what_was_refused_leaves_no_record_of_a_thing_done(tmp_path: Path) -> None:
    async def scenario(m: Maestro) -> None:
        run_id = await m.submit("Build a REST API for users")
        with pytest.raises(Conflict, match="the run is pending"):
            await m.steer(run_id, Verb.PAUSE)
        with pytest.raises(NotFound):
            await m.steer(RunId("run-x"), Verb.CANCEL)
        assert await asked(m) == []
        assert await m.steer(run_id, Verb.CANCEL)
        assert not await m.steer(run_id, Verb.CANCEL), "asked twice, done once"
        assert await asked(m) == [("run:cancel", run_id, True)] * 2
        assert (await m.run(run_id)).status is RunStatus.CANCELLED

    play(tmp_path, scenario)


def test_who_may_not_ask_is_refused_and_audited(tmp_path: Path) -> None:
    async def scenario(m: Maestro) -> None:
        run_id = await m.submit("Build a REST API for users")
        stranger = replace(m, principal=Principal(id="mallory", permissions=frozenset()))
        with pytest.raises(PermissionDenied):
            await stranger.steer(run_id, Verb.CANCEL)
        assert await asked(m) == [("run:cancel", run_id, False)]
        assert (await m.run(run_id)).status is RunStatus.PENDING

    play(tmp_path, scenario)


def test_a_step_that_is_done_again_is_no_reason_any_more(tmp_path: Path) -> None:
    async def scenario(m: Maestro) -> None:
        run_id, step_id = RunId("run-1"), StepId("fails")
        step = Step(id=step_id, action="command.run", inputs={"argv": ["false"]})
        workflow = Workflow(name="w", steps=(step,))
        await m.engine.start(
            workflow, inputs={"folder": str(tmp_path)}, max_parallel=1, run_id=run_id
        )
        await m.engine.execute(run_id)
        failed = await m.show(run_id)
        assert list(failed.record.errors) == [step_id]
        assert failed.outcome.reasons
        await m.steer(run_id, Verb.RETRY)
        again = await m.show(run_id)
        assert [row.error for row in again.steps] != [None], "the next attempt is told why"
        assert again.record.errors == {}
        assert again.outcome.reasons == ()

    play(tmp_path, scenario)
