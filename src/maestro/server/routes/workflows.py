"""Workflow files: kept under a name, and run by it. Looking never makes one."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from maestro.delivery.workflow_desk import WorkflowDesk, definition_of
from maestro.delivery.workflow_runs import start_workflow
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.overview import StoredWorkflow
from maestro.domain.values import RunId
from maestro.server.routes.reading import IdempotencyKey, NamePath
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import PROJECT, Document, ListPage, RunSummary, Shape
from maestro.server.starting import Also, StartAsked, started

router = APIRouter(tags=["workflows"])
_Project = Annotated[str | None, Query(max_length=128)]


class WorkflowShape(Shape):
    name: str | None = Field(default=None, max_length=128)
    source: str = Field(min_length=1, max_length=500_000, description="YAML, as in a file.")
    project: str | None = Field(default=None, pattern=PROJECT)


class InputsShape(Shape):
    inputs: dict[str, object] = Field(default_factory=dict)
    project: str | None = Field(default=None, pattern=PROJECT)


@router.get("/workflows", response_model=ListPage[Document])
async def list_workflows(use: Use, who: Who, project: _Project = None) -> ListPage[Document]:
    """By project and name."""
    projects = who.projects(Permission.RUN_READ)
    if project is not None:
        projects = frozenset({who.enter(project)})
    found = await WorkflowDesk(maestro=use.maestro).find(projects)
    return ListPage(items=[await _document(workflow) for workflow in found])


@router.post("/workflows", status_code=201, response_model=Document)
async def create_workflow(body: WorkflowShape, use: Use, who: Who) -> JSONResponse:
    """Keeps a workflow, for administrators. Its steps cannot run commands: it has no folder."""
    own = who.own_project(body.project, Permission.RUN_READ)
    await use.demand(who, Permission.WORKFLOW_WRITE, own, body.name or "a workflow")
    made = await WorkflowDesk(maestro=use.as_caller(who, own)).create(body.source, body.name)
    headers = {"Location": f"/api/v1/workflows/{made.name}"}
    return JSONResponse(await _document(made), status_code=201, headers=headers)


@router.get("/workflows/{name}", response_model=Document)
async def show_workflow(name: NamePath, use: Use, who: Who, project: _Project = None) -> Document:
    own = who.own_project(project, Permission.RUN_READ)
    found = await WorkflowDesk(maestro=use.as_caller(who, own)).get(name)
    definition = await definition_of(found.source)
    steps = [encode(step.summary()) for step in definition.workflow.steps]
    return {**await _document(found), "source": found.source, "step_list": steps}


@router.post("/workflows/{name}/execute", status_code=202, response_model=RunSummary)
async def execute(
    name: NamePath,
    body: InputsShape,
    use: Use,
    who: Who,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Starts a run of it."""
    own = who.own_project(body.project, Permission.RUN_READ)
    await use.demand(who, Permission.RUN_CREATE, own, name)
    asked = StartAsked(
        caller=who, key=idempotency_key, body={"workflow": name, **body.model_dump(mode="json")}
    )
    return await run_stored(use, asked, own, name, body.inputs)


async def run_stored(
    use: Services, asked: StartAsked, project: str, name: str, inputs: dict[str, object]
) -> JSONResponse:
    """Raises NotFound, InvalidInput for inputs that do not fit."""
    maestro = use.as_caller(asked.caller, project)
    definition = await definition_of((await WorkflowDesk(maestro=maestro).get(name)).source)

    async def submit(also: Also | None) -> RunId:
        return await start_workflow(maestro, definition, inputs, also=also)

    return await started(use, asked, submit, "/api/v1/runs/{}")


async def _document(workflow: StoredWorkflow) -> Document:
    definition = await definition_of(workflow.source)
    return {
        "name": workflow.name,
        "project": workflow.project,
        "digest": workflow.digest,
        "created_by": workflow.created_by,
        "created_at": encode(workflow.created_at),
        "description": definition.description,
        "inputs": encode(definition.inputs),
        "steps": len(definition.workflow.steps),
    }
