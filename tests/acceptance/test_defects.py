"""A built service that breaks its contract is caught, whatever the defect; a correct one is not."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from product import processes_naming

import maestro
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.bootstrap import step_handlers
from maestro.cli.render import exit_code
from maestro.delivery.record import WorkRecord
from maestro.delivery.result import BuildResult
from maestro.delivery.service import RunDetail
from maestro.delivery.shelf import Shelf
from maestro.delivery.workspace import Workspace
from maestro.domain.contract import Verification
from maestro.domain.encoding import decode, encode
from maestro.domain.run import EventKind
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.domain.work import Artifact, Assignment, WorkResult
from maestro.errors import Blocked
from maestro.ports import PersonaExecutor, Report, Sandbox, StepContext
from maestro.settings import Settings
from maestro.storage.artifacts import FolderArtifactStore
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("defects")]

REQUIREMENT = (
    "Build a REST API for projects and tasks: a project has a name; a task has a title, "
    "a status (todo, doing, done) and belongs to a project; tasks can be filtered by status"
)
APP = "backend/app/"
PROVIDER = StepId("work.backend_developer")
VERIFY = StepId("verify.backend-api")

Edit = tuple[str, str, str]
"""File below backend/app, text that must occur in it, and what takes its place."""


@dataclass(frozen=True)
class Defect:
    edits: tuple[Edit, ...]
    told: tuple[str, ...]
    """What one of the reasons must name."""


TOTAL_AS_TEXT = (
    ("schemas/tasks.py", "import BaseModel, Field", "import BaseModel, BeforeValidator, Field"),
    ("schemas/tasks.py", "    total: int\n", "    total: Annotated[str, BeforeValidator(str)]\n"),
)
REFERENCES_UNCHECKED = (
    ("records.py", "for key in column.foreign_keys:", "for key in ():"),
    ("database.py", "PRAGMA foreign_keys = ON", "PRAGMA foreign_keys = OFF"),
)
DEFECTS: Mapping[str, Defect] = {
    "wrong status": Defect(
        (("routers/tasks.py", "HTTP_201_CREATED", "HTTP_200_OK"),), ("POST /tasks", "201", "200")
    ),
    "missing field": Defect((("schemas/tasks.py", "    title: str\n", ""),), ("/tasks", "title")),
    "mistyped field": Defect(TOTAL_AS_TEXT, ("GET /tasks", "integer")),
    "ignored validation": Defect(
        (
            (
                "schemas/tasks.py",
                "TaskTitle = Annotated[Text, Field(min_length=1, max_length=255)]",
                "TaskTitle = Text",
            ),
        ),
        ("/tasks", "title"),
    ),
    "filter ignored": Defect(
        (("routers/tasks.py", "            Task.status: query.status,\n", ""),),
        ("GET /tasks", "status"),
    ),
    "limit ignored": Defect(
        (("records.py", "ordered.limit(query.limit).offset", "ordered.offset"),),
        ("GET /", "limit"),
    ),
    "delete that does not delete": Defect(
        (("records.py", "    session.delete(row)\n", ""),),
        ("a deleted entry cannot be read", "expected status 404"),
    ),
    "lost write": Defect(
        (("database.py", "as session, session.begin():", "as session:"),), ("POST /",)
    ),
    "lost change": Defect(
        (("records.py", "setattr(row, name, value)", "setattr(row, name, getattr(row, name))"),),
        ("PATCH /",),
    ),
    "unknown reference accepted": Defect(REFERENCES_UNCHECKED, ("/tasks", "project_id")),
    "internal error": Defect(
        (
            (
                "routers/tasks.py",
                "def get_task(task_id: Id, session: Reading) -> Task:\n",
                'def get_task(task_id: Id, session: Reading) -> Task:\n    raise ValueError("x")\n',
            ),
        ),
        ("GET /tasks/{task_id}", "500"),
    ),
}


@dataclass(frozen=True)
class Built:
    """A correct run, and where its artefacts lie."""

    home: Path
    result: BuildResult
    detail: RunDetail

    @property
    def settings(self) -> Settings:
        return settings(self.home)


def settings(home: Path) -> Settings:
    return Settings(database=home / "runs.db", data_folder=home / "data")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = tmp_path_factory.mktemp("tasks")

    async def go() -> tuple[BuildResult, RunDetail]:
        async with maestro.connect(settings(home)) as m:
            result = await m.build(
                REQUIREMENT, constraints={"quality_threshold": 0.7}, output=home / "out"
            )
            return result, await m.show(RunId(result.run_id))

    return Built(home, *asyncio.run(go()))


def test_the_python_api_gives_the_result(built: Built) -> None:
    run = built.result
    assert run.success, run.reasons
    assert (run.status, run.partial, run.reasons, run.not_built) == ("succeeded", False, (), ())
    assert run.execution.wall_seconds > 0
    assert 0 < run.execution.time_savings_percent < 100
    assert run.quality.overall_quality_score is not None
    assert 0.7 <= run.quality.overall_quality_score <= 1
    contracts = {contract.id: contract for contract in run.contracts}
    assert contracts["backend-api"].consumers == ("qa_engineer",)
    assert all(contract.verified for contract in run.contracts)
    assert "backend/app/main.py" in run.deliverables["backend_developer"]
    assert run.output == built.home / "out"
    assert (run.output / "app" / "backend" / "app" / "main.py").is_file()
    assert processes_naming(run.run_id) == []


def test_the_correct_service_has_no_finding(built: Built) -> None:
    verification = built.detail.record.verifications()["backend-api"]
    assert verification.conforms
    assert verification.findings == ()
    assert [check for check in verification.checks if not check.passed] == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(built: Built, name: str) -> None:
    defect = DEFECTS[name]
    with pytest.raises(Blocked) as refused:
        asyncio.run(verify(built, defect.edits))
    reasons = refused.value.reasons
    assert any(all(part in reason for part in defect.told) for reason in reasons), reasons
    verification = decode(Verification, refused.value.detail)
    assert not verification.conforms
    assert verification.operations_tested > 0


async def verify(built: Built, edits: tuple[Edit, ...]) -> None:
    """The step `verify.backend-api` once more, on the service with these edits."""
    store = FolderArtifactStore(built.settings.data_folder / "artifacts")
    workspace = Workspace(root=built.settings.data_folder / "work", artifacts=store)
    record = built.detail.record
    work = decode(WorkRecord, record.outputs[PROVIDER])
    broken = replace(work, artifacts=await edited(store, work.artifacts, edits))
    context = StepContext(
        run_id=built.detail.run.id,
        step=next(step for step in built.detail.workflow.steps if step.id == VERIFY),
        attempt=1,
        run_inputs=record.inputs,
        outputs={**record.outputs, PROVIDER: encode(broken)},
        emit=unheard,
    )
    shelf = await open_store(built.settings.database, seal_key=b"seal")
    try:
        told = Shelf(store=shelf, clock=SystemClock())
        await step_handlers(built.settings, workspace, told)["contract.verify"](context)
    finally:
        await shelf.close()


async def edited(
    store: FolderArtifactStore, artifacts: tuple[Artifact, ...], edits: tuple[Edit, ...]
) -> tuple[Artifact, ...]:
    by_path = {artifact.path: artifact for artifact in artifacts}
    for name, old, new in edits:
        path = APP + name
        content = (await store.get(by_path[path].digest)).decode()
        by_path[path] = await store.put(path, planted(content, old, new).encode())
    return tuple(by_path.values())


def planted(content: str, old: str, new: str) -> str:
    assert old in content, f"the template changed: {old!r} is gone"
    return content.replace(old, new)


async def unheard(kind: EventKind, data: JsonObject) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class SabotagedExecutor:
    """The offline team, whose backend developer spoils the work after having checked it."""

    team: PersonaExecutor
    edit: Edit

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        result = await self.team.execute(assignment, sandbox, report)
        if assignment.persona.id == "backend_developer":
            name, old, new = self.edit
            path = sandbox.root / APP / name
            path.write_text(planted(path.read_text(), old, new))
        return result


def test_a_run_with_a_defect_ends_blocked(tmp_path: Path) -> None:
    edit = ("routers/users.py", "HTTP_201_CREATED", "HTTP_200_OK")

    async def go() -> BuildResult:
        chosen = settings(tmp_path)
        team = SabotagedExecutor(OfflineExecutor(), edit)
        async with maestro.connect(chosen, executor=team) as m:
            return await m.build("Build a REST API for user management", output=tmp_path / "out")

    result = asyncio.run(go())
    assert (result.success, result.status) == (False, "blocked")
    assert exit_code(result.status) == 3
    (api,) = [contract for contract in result.contracts if contract.id == "backend-api"]
    assert (api.checked, api.verified) == (True, False)
    assert api.findings > 0
    told = [reason for reason in result.reasons if "POST /users" in reason]
    assert any("status" in reason and "200" in reason and "201" in reason for reason in told)
    assert result.quality.gates_passed < result.quality.gates_total
    assert any("BAC-1: " in reason for reason in result.reasons)
    assert not any("Traceback" in reason for reason in result.reasons)
