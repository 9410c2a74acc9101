"""Blueprints, personas, agents, policies."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from maestro.delivery import catalogue_desk
from maestro.delivery.agent_desk import AgentDesk
from maestro.domain.access import EVERY_PROJECT, Permission
from maestro.domain.encoding import encode
from maestro.domain.pool import PoolEventKind
from maestro.server.routes.reading import NamePath
from maestro.server.services import Use, Who
from maestro.server.shapes import Document, ListPage

router = APIRouter(tags=["catalogue"])
_TROUBLES = frozenset({PoolEventKind.AGENT_LOST, PoolEventKind.START_FAILED})
Words = Annotated[str, Query(max_length=200, description="Words that all must occur.")]


@router.get("/blueprints", response_model=ListPage[Document])
async def list_blueprints(who: Who, q: Words = "") -> ListPage[Document]:
    who.look_around()
    return ListPage(
        items=[encode(b) for b in await asyncio.to_thread(catalogue_desk.blueprints, q)]
    )


@router.get("/blueprints/{name}", response_model=Document)
async def show_blueprint(name: NamePath, who: Who) -> Document:
    who.look_around()
    document: Document = encode(await asyncio.to_thread(catalogue_desk.blueprint, name))
    return document


@router.get("/personas", response_model=ListPage[Document])
async def list_personas(who: Who, q: Words = "") -> ListPage[Document]:
    who.look_around()
    return ListPage(items=[encode(p) for p in await asyncio.to_thread(catalogue_desk.personas, q)])


@router.get("/personas/{name}", response_model=Document)
async def show_persona(name: NamePath, who: Who) -> Document:
    who.look_around()
    document: Document = encode(await asyncio.to_thread(catalogue_desk.persona, name))
    return document


@router.get("/templates", response_model=ListPage[Document])
async def list_templates(who: Who, q: Words = "") -> ListPage[Document]:
    """Packages from which the offline team works."""
    who.look_around()
    found = await asyncio.to_thread(catalogue_desk.templates, q)
    return ListPage(items=[encode(one) for one in found])


class AgentsPage(ListPage[Document]):
    """All of them, with what they are part of."""

    queues: list[Document] = Field(description="What waits for agents, by process and persona.")
    circuits: list[Document] = Field(description="Agents and providers that failed last.")
    capabilities: list[Document] = Field(description="Steps that wait for workers or are there.")
    pools: list[Document] = Field(description="Agents that are started and ended by demand.")
    pool_events: list[Document] = Field(description="What happened to pools, newest first.")
    totals: Document = Field(description="Of all assignments there ever were.")


@router.get("/agents", response_model=AgentsPage)
async def agents(use: Use, who: Who) -> AgentsPage:
    """The registry, with what was measured of each agent and what it has in hand, what waits, and
    the pools.
    """
    who.look_around()
    told = dict((await AgentDesk(maestro=use.maestro).overview()).document())
    if not who.may(Permission.AGENT_WRITE, EVERY_PROJECT):  # last words of processes of the machine
        told["pools"] = [_without(pool, "trouble") for pool in told["pools"]]
        told["pool_events"] = [
            {**event, "data": _without(event["data"], "reason")}
            if event["kind"] in _TROUBLES
            else event
            for event in told["pool_events"]
        ]
    return AgentsPage(items=told.pop("agents"), **told)


def _without(document: Document, name: str) -> Document:
    return {key: value for key, value in document.items() if key != name}


@router.get("/policies", response_model=ListPage[Document])
async def list_policies(who: Who) -> ListPage[Document]:
    who.look_around()
    return ListPage(items=[dict(p) for p in await asyncio.to_thread(catalogue_desk.policies)])


@router.get("/policies/{environment}", response_model=Document)
async def show_policy(environment: NamePath, who: Who) -> Document:
    """What an environment demands of every phase."""
    who.look_around()
    return dict(await asyncio.to_thread(catalogue_desk.policy, environment))
