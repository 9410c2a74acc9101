"""Changes to the registry of agents; it serves all projects, so a right in every one is wanted.

Agents that make this machine reach out to an address or start a program (remote ones, coding
agents, models on servers of one's own) are registered on the command line of the machine.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from maestro.agents.models.names import SERVER, model_name
from maestro.delivery.agent_desk import AgentDesk, agent_document
from maestro.delivery.authorize import permitted
from maestro.domain.access import EVERY_PROJECT, Permission
from maestro.domain.agent import LOCAL_REGION, Agent, check_agent
from maestro.errors import InvalidInput
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import NamePath
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import PROJECT, Document, Shape

router = APIRouter(tags=["agents"])
_Words = Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)]


class AgentShape(Shape):
    id: str = Field(pattern=PROJECT)
    executor: Literal["offline", "llm"] = Field(
        description="Others are registered with 'maestro agents add' on the server's machine."
    )
    personas: _Words
    model: str | None = Field(default=None, max_length=200, description="PROVIDER:NAME, of llm.")
    capacity: int = Field(default=1, ge=1, le=1000)
    skills: _Words = Field(default_factory=list)
    languages: _Words = Field(default_factory=list)
    cost: float | None = Field(
        default=None, ge=0, le=1e6, description="US dollars per assignment; null = unknown."
    )

    def agent(self) -> Agent:
        """Raises InvalidInput."""
        region = LOCAL_REGION
        if self.model is not None:
            region = model_name(self.model).provider
            if region == SERVER:
                raise InvalidInput(
                    f"model {self.model!r}: one on a server of your own is registered with "
                    "'maestro agents add' on the machine of this server"
                )
        return Agent(
            id=self.id,
            executor=self.executor,
            personas=tuple(self.personas),
            capacity=self.capacity,
            skills=tuple(self.skills),
            languages=tuple(self.languages),
            model=self.model,
            cost=0.0 if self.model is None and self.cost is None else self.cost,
            region=region,
        )


class DrainShape(Shape):
    undo: bool = False


@router.post("/agents", status_code=201, response_model=Document)
async def add_agent(body: AgentShape, use: Use, who: Who) -> JSONResponse:
    """Registers one; it is given work from then on."""
    desk = await _desk(use, who, body.id)
    agent = body.agent()
    check_agent(agent)
    made = await desk.add(agent)
    return JSONResponse(dict(agent_document(made)), status_code=201)


@router.post("/agents/{name}/drain", response_model=Document)
async def drain_agent(name: NamePath, body: DrainShape, use: Use, who: Who) -> Document:
    """Lets it end what it has and gives it nothing more; with `undo` it is given work again."""
    desk = await _desk(use, who, name)
    return dict(agent_document(await desk.drain(name, undo=body.undo)))


@router.delete("/agents/{name}", status_code=204, response_class=Response)
async def remove_agent(name: NamePath, use: Use, who: Who) -> Response:
    """Takes it out of the registry; what it has in hand it may still end."""
    await (await _desk(use, who, name)).remove(name)
    return Response(status_code=204)


async def _desk(use: Services, who: ApiCaller, agent_id: str) -> AgentDesk:
    """Raises PermissionDenied, audited, before anything is told."""
    maestro = use.as_caller(who, EVERY_PROJECT)
    await permitted(
        use.maestro.store,
        maestro.principal,
        Permission.AGENT_WRITE,
        target=agent_id,
        at=use.maestro.clock.now(),
    )
    return AgentDesk(maestro=maestro)
