"""What runs of the real engine leave behind for looking back, on SQLite and on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from dashboard_seed import RELEASE, WORK, ScriptedWriter, plan

from maestro.bootstrap import connect
from maestro.delivery.history_desk import HistoryDesk, PastQuery
from maestro.delivery.service import Maestro
from maestro.delivery.workflow_runs import execute_workflow, start_workflow
from maestro.domain.history import LessonKind
from maestro.domain.overview import RunQuery
from maestro.domain.run import EventKind
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.work import Assignment, WorkResult
from maestro.domain.workflow import Step, Workflow
from maestro.ports import Report, Sandbox, StepContext, StepResult, Transaction
from maestro.settings import Settings
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.definition import load_definition
from maestro.workflow.embedded import EmbeddedEngine

Scenario = Callable[[Maestro, HistoryDesk], Awaitable[None]]


@pytest.fixture
def using(location: str | Path, tmp_path: Path) -> Callable[[Scenario], None]:
    variables = {"MAESTRO_DATA": str(tmp_path / "data")}
    settings = Settings.load(variables, database=location, sandbox="off")

    async def play(scenario: Scenario) -> None:
        async with connect(settings, executor=ScriptedWriter()) as m:
            await scenario(m, HistoryDesk(maestro=m))

    return lambda scenario: asyncio.run(play(scenario))


def test_what_broke_and_what_mended_it_is_counted(
    using: Callable[[Scenario], None], tmp_path: Path
) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(RELEASE.replace("kind: approval", "action: value.set\n    inputs: {value: 1}"))
    definition = load_definition(path)

    async def scenario(m: Maestro, desk: HistoryDesk) -> None:
        run = await start_workflow(m, definition)
        await execute_workflow(m, run)
        [lesson] = await desk.lessons(PastQuery())
        assert (lesson.mended, lesson.unmended) == (0, 1)
        await m.steer(run, Verb.RETRY, StepId("fetch"))
        await execute_workflow(m, run)
        [lesson] = await desk.lessons(PastQuery())
        assert (lesson.kind, lesson.name) == (LessonKind.ERROR, "command_failed")
        assert (lesson.mended, lesson.mended_by, lesson.mended_in) == (1, {"request": 1}, {"2": 1})
        [case] = lesson.cases
        assert (case.run_id, case.step_id, case.attempt) == (run, "fetch", 1)
        [ended] = await desk.page(RunQuery(), 10)
        assert (ended.attempts, ended.unsuccessful, ended.mended, ended.unmended) == (4, 1, 1, 0)
        assert await desk.lessons(PastQuery(projects=frozenset({"other"}))) == ()

    using(scenario)


def test_builds_are_counted_by_blueprint_and_persona(using: Callable[[Scenario], None]) -> None:
    async def scenario(m: Maestro, desk: HistoryDesk) -> None:
        good, bad = plan(judged=False), plan(judged=True)
        written = await m.submit("Write a handbook", plan=good)
        await m.execute(written)
        refused = await m.submit("Write a handbook that is judged", plan=bad)
        await m.execute(refused)
        figures = await desk.figures(PastQuery())
        assert figures.ends == {"succeeded": 1, "blocked": 1}
        [blueprint] = figures.blueprints
        assert (blueprint.blueprint, blueprint.runs, blueprint.score) == ("full-stack", 2, None)
        [work, *_] = [one for one in figures.work if one.action == "persona.work"]
        assert (work.persona, work.runs, work.first_try) == ("technical_writer", 2, 2)
        [lesson] = await desk.lessons(PastQuery())
        assert (lesson.kind, lesson.name, lesson.phase) == (
            LessonKind.GATE,
            "DOC-1",
            "documentation",
        )
        assert (lesson.runs, lesson.runs_tried) == (1, 1)
        told = await desk.forecast(await m.run(written), good, PastQuery())
        assert told.unmeasured == ()
        assert told.seconds is not None
        told = await desk.forecast(await m.run(refused), bad, PastQuery())
        assert told.unmeasured == ("gate.documentation",)
        assert (await desk.figures(PastQuery(last=1))).more
        [newest] = await desk.page(RunQuery(blueprint="full-stack"), 1)
        assert newest.overview.run.id == refused
        assert await desk.page(RunQuery(blueprint="full"), 1) == []

    using(scenario)


def test_work_in_hand_is_named_with_its_agent(tmp_path: Path) -> None:
    looked = asyncio.Event()

    class HeldWriter(ScriptedWriter):
        """Ends when somebody has looked."""

        async def execute(
            self, assignment: Assignment, sandbox: Sandbox, report: Report
        ) -> WorkResult:
            await report("writing")
            await looked.wait()
            return await super().execute(assignment, sandbox, report)

    async def scenario() -> None:
        settings = Settings.load({}, database=tmp_path / "m.db", sandbox="off")
        async with connect(settings, executor=HeldWriter()) as m, asyncio.TaskGroup() as group:
            desk = HistoryDesk(maestro=m)
            run = await m.submit("Write a handbook", plan=plan(judged=False))
            group.create_task(m.execute(run))
            async for event in m.events(run):
                if event.step_id == WORK and event.kind is EventKind.STEP_PROGRESS:
                    break
            [work] = await desk.in_hand(None)
            assert (work.run_id, work.step_id, work.status) == (run, WORK, "running")
            assert (work.persona, work.attempt, work.agent) == ("technical_writer", 1, None)
            await m.store.write(
                lambda tx: tx.events.append(
                    run,
                    EventKind.AGENT_CHOSEN,
                    m.clock.now(),
                    step_id=WORK,
                    attempt=1,
                    data={"agent": "ada"},
                )
            )
            [work] = await desk.in_hand(frozenset({"default"}))
            assert work.agent == "ada"
            assert await desk.in_hand(frozenset({"other"})) == []
            assert await desk.in_hand(frozenset()) == []
            looked.set()

    asyncio.run(scenario())


def test_what_only_speaks_of_a_personas_work_is_none(location: str | Path) -> None:
    planted = {"note": {"action": "persona.work"}}
    steps = (
        Step(id=StepId("work"), action="persona.work", persona="technical_writer"),
        Step(id=StepId("other"), action="hold", inputs=planted),
    )
    looked = asyncio.Event()

    async def hold(context: StepContext) -> StepResult:
        await looked.wait()
        return StepResult(output=None)

    def look(tx: Transaction) -> tuple[list[str], dict[str, int]]:
        in_hand = tx.history.in_hand(None, 10)
        return [one.step_id for one in in_hand], dict(tx.listing.figures().work)

    async def scenario() -> None:
        store = await open_store(location, seal_key=b"seal")
        try:
            engine = EmbeddedEngine(store, SystemClock(), {"persona.work": hold, "hold": hold})
            run = RunId("run-1")
            flow = Workflow(name="flow", steps=steps)
            await engine.start(flow, inputs={}, max_parallel=2, run_id=run)
            driving = asyncio.create_task(engine.execute(run))
            begun = 0
            async for event in engine.events(run):
                begun += event.kind is EventKind.STEP_STARTED
                if begun == len(steps):
                    break
            seen = await store.read(look)
            looked.set()
            await driving
        finally:
            await store.close()
        assert seen == (["work"], {"running": 1})

    asyncio.run(scenario())
