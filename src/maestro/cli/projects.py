"""`maestro projects`: list, show, budget, share, unshare."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, TypeVar

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.delivery.project_desk import (
    ProjectDesk,
    budget_document,
    project_document,
    share_document,
)
from maestro.domain.sharing import SharedKind
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

N = TypeVar("N", int, float)
Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
ProjectArgument = Annotated[str, Parameter(help="The project.")]


async def list_projects(*, json: Json = False, store: StoreOptions | None = None) -> int:
    """List the projects that have runs or waivers, and what they have spent."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        names = await maestro.store.read(lambda tx: tx.projects.names())
        desks = [ProjectDesk(maestro=replace(maestro, project=name)) for name in names]
        found = [project_document(desk.maestro.project, await desk.state()) for desk in desks]
    if json:
        render.document({"type": "projects", "projects": found})
    elif not found:
        render.line("no projects yet")
    else:
        for one in found:
            render.line(f"{one['id']}  {_spent(one)}")
    return 0


async def show(
    project: ProjectArgument, *, json: Json = False, store: StoreOptions | None = None
) -> int:
    """Show what a project may spend, has spent, shares and is given."""
    async with _desk(project, store) as desk:
        told = project_document(project, await desk.state())
    if json:
        render.document({"type": "project", **told})
        return 0
    render.line(f"{project}  {_spent(told)}")
    for share in told["shares"]:
        render.line(f"  {share['id']}  {share['kind']} {share['name']} with {share['with']}")
    for share in told["received"]:
        render.line(f"  given by {share['project']}: {share['kind']} {share['name']}")
    return 0


async def budget(
    project: ProjectArgument,
    *,
    max_cost: Annotated[str | None, Parameter(help="US dollars; 'none' removes it.")] = None,
    max_tokens: Annotated[str | None, Parameter(help="In and out; 'none' removes it.")] = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Set what all runs of a project may spend together; a limit not named stays as it is."""
    if max_cost is None and max_tokens is None:
        raise InvalidInput(
            "no limit is named: give --max-cost, --max-tokens or both; 'none' removes a limit"
        )
    cost = ... if max_cost is None else _limit("--max-cost", max_cost, float)
    tokens = ... if max_tokens is None else _limit("--max-tokens", max_tokens, int)
    async with _desk(project, store) as desk:
        caps = await desk.set_budget(cost=cost, tokens=tokens)
        told = project_document(project, await desk.state())
    if json:
        render.document({"type": "budget", "project": project, **budget_document(caps)})
    else:
        render.line(f"{project}  {_spent(told)}")
    return 0


async def share(
    project: ProjectArgument,
    kind: Annotated[str, Parameter(help="contract or workflow.")],
    name: Annotated[str, Parameter(help="Id of the contract, name of the workflow.")],
    *,
    with_project: Annotated[str, Parameter(name="--with", help="Who may use it.")],
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Let another project use a contract or a stored workflow of this one."""
    if kind not in {known.value for known in SharedKind}:
        raise InvalidInput(f"{kind!r} is not one of {', '.join(SharedKind)}")
    async with _desk(project, store) as desk:
        made = await desk.share(SharedKind(kind), name, with_project)
    if json:
        render.document({"type": "share", **share_document(made)})
    else:
        render.line(f"{made.id}  {kind} {name} of {project} may be used by {with_project}")
    return 0


async def unshare(
    project: ProjectArgument,
    share: Annotated[str, Parameter(help="Id of the share, as 'maestro projects show' says.")],
    *,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Take a share back at once."""
    async with _desk(project, store) as desk:
        ended = await desk.unshare(share)
    if json:
        render.document({"type": "share", **share_document(ended), "removed": True})
    else:
        render.line(f"{share}  taken back")
    return 0


@asynccontextmanager
async def _desk(project: str, store: StoreOptions | None) -> AsyncIterator[ProjectDesk]:
    async with connect((store or StoreOptions()).settings(), project=project) as maestro:
        yield ProjectDesk(maestro=maestro)


def _limit(option: str, text: str, number: Callable[[str], N]) -> N | None:
    if text == "none":
        return None
    try:
        return number(text)
    except ValueError:
        kind = "whole number" if number is int else "number"
        raise InvalidInput(
            f"{option} {text!r} is no {kind}; write one above 0, or 'none'"
        ) from None


def _spent(told: JsonObject) -> str:
    spent, limits = told["spent"], told["budget"]
    cost = "no limit" if limits["cost"] is None else f"of {limits['cost']:.15g} USD"
    tokens = "no limit" if limits["tokens"] is None else f"of {limits['tokens']}"
    return f"cost {spent['cost']:g} USD ({cost}), tokens {spent['tokens']} ({tokens})"
