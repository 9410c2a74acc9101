"""Projects as such: what their runs may spend together, and what they share on purpose."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from maestro.delivery.project_desk import (
    ProjectDesk,
    budget_document,
    project_document,
    share_document,
)
from maestro.domain.access import EVERY_PROJECT, Permission
from maestro.domain.sharing import SharedKind
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import NamePath
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import PROJECT, Document, Shape

router = APIRouter(tags=["projects"])


class BudgetShape(Shape):
    cost: float | None = Field(gt=0, le=1e12, description="US dollars; null = no limit.")
    tokens: int | None = Field(
        gt=0, lt=2**53, description="Input and output together; null = no limit."
    )


class ShareShape(Shape):
    kind: SharedKind
    name: str = Field(pattern=PROJECT)
    with_project: str = Field(alias="with", pattern=PROJECT)


@router.get("/projects/{name}", response_model=Document)
async def show_project(name: NamePath, use: Use, who: Who) -> Document:
    """Its budget, what was spent, what it shares and what is shared with it."""
    who.enter(name)
    return dict(project_document(name, await _desk(use, who, name).state()))


@router.put("/projects/{name}/budget", response_model=Document)
async def set_budget(name: NamePath, body: BudgetShape, use: Use, who: Who) -> Document:
    """What all its runs may spend together. A right in every project is wanted: who works in a
    project does not raise its limits.
    """
    who.enter(name)
    await use.demand(who, Permission.BUDGET_MANAGE, EVERY_PROJECT, name)
    caps = await _desk(use, who, name).set_budget(cost=body.cost, tokens=body.tokens)
    return dict(budget_document(caps))


@router.post("/projects/{name}/shares", status_code=201, response_model=Document)
async def create_share(name: NamePath, body: ShareShape, use: Use, who: Who) -> JSONResponse:
    """Lets another project use a contract or a stored workflow of this one."""
    who.enter(name)
    await use.demand(who, Permission.SHARE_MANAGE, name, f"{body.kind.value} {body.name}")
    made = await _desk(use, who, name).share(body.kind, body.name, body.with_project)
    headers = {"Location": f"/api/v1/projects/{name}"}
    return JSONResponse(dict(share_document(made)), status_code=201, headers=headers)


@router.delete("/projects/{name}/shares/{share}", status_code=204, response_class=Response)
async def remove_share(name: NamePath, share: NamePath, use: Use, who: Who) -> Response:
    """Takes it back at once."""
    who.enter(name)
    await use.demand(who, Permission.SHARE_MANAGE, name, share)
    await _desk(use, who, name).unshare(share)
    return Response(status_code=204)


def _desk(use: Services, who: ApiCaller, project: str) -> ProjectDesk:
    return ProjectDesk(maestro=use.as_caller(who, project))
