"""How the server is, and who asks."""

from functools import partial

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from maestro.delivery.agent_desk import AgentDesk, AgentsOverview
from maestro.domain.access import AccessRole, Permission
from maestro.ports.storage import Transaction
from maestro.server.health import FAIL, summary
from maestro.server.metrics import MEDIA_TYPE, Scrape
from maestro.server.release import VERSION
from maestro.server.services import Onlooker, Services, Use, Who
from maestro.server.shapes import Document, ListPage

CATCH_UP_SECONDS = 2.0
"""How long a scrape counts at most; what is left is told as `maestro_runs_uncounted`."""

health_router = APIRouter(tags=["health"], prefix="/health")
router = APIRouter(tags=["system"])
metrics_router = APIRouter(tags=["system"])


@health_router.get("/live", response_model=Document)
async def live() -> Document:
    """Whether the process answers; asks nobody else."""
    return {"status": "pass"}


@health_router.get("/startup", response_model=Document)
async def startup(use: Use) -> JSONResponse:
    """Whether the server has begun to take requests."""
    ok = use.health.started
    return JSONResponse({"status": "pass" if ok else FAIL}, status_code=200 if ok else 503)


@health_router.get("/ready", response_model=Document)
async def ready(use: Use, who: Onlooker) -> JSONResponse:
    """Whether it can do its work now; the checks for who may read runs."""
    return await _told(use, who)


@health_router.get("", response_model=Document)
async def health(use: Use, who: Onlooker) -> JSONResponse:
    """The same with the version."""
    return await _told(use, who, version=VERSION)


async def _told(use: Use, who: Onlooker, **more: str) -> JSONResponse:
    told = summary(await use.health.ready())
    shown = {"status": told["status"]} if who is None else {**told, **more}
    return JSONResponse(shown, status_code=503 if told["status"] == FAIL else 200)


@router.get("/me", response_model=Document)
async def me(who: Who) -> Document:
    """As whom the server knows you, and what you may do where."""
    return {
        "principal": who.id,
        "authentication": who.authentication,
        "projects": {project: role.value for project, role in who.roles.items()},
        "permissions": {
            project: sorted(permission.value for permission in who.principal(project).permissions)
            for project in who.roles
        },
        "roles": [role.value for role in AccessRole],
    }


@router.get("/system", response_model=Document)
async def system(use: Use, who: Who) -> Document:
    """What this server runs with."""
    settings = use.maestro.settings
    return {
        "version": VERSION,
        "store": settings.store_name,
        "sandbox": settings.sandbox,
        "max_parallel": settings.max_parallel,
        "started_at": use.started_at.isoformat(),
        "active_runs": use.keeper.active,
        "watchers": use.broadcast.watchers,
    }


@metrics_router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(use: Use, who: Who) -> Response:
    """For Prometheus; counts all projects."""
    who.require(Permission.RUN_READ)
    backlog = await use.counting.catch_up(CATCH_UP_SECONDS)
    team = await AgentDesk(maestro=use.maestro).overview()
    scrape = await use.maestro.store.read(partial(_scrape, use, backlog, team))
    return Response(use.figures.text(scrape), media_type=MEDIA_TYPE)


def _scrape(use: Services, backlog: int, team: AgentsOverview, tx: Transaction) -> Scrape:
    return Scrape(
        figures=tx.listing.figures(),
        totals=tx.listing.counting.totals(),
        backlog=backlog,
        team=team,
        oldest=tx.listing.counting.oldest_waiting(),
        written=use.maestro.store.write_times,
        watchers=use.broadcast.watchers,
        executed=use.keeper.active,
        lag_seconds=use.broadcast.lag_seconds,
    )


@router.get("/system/doctor", response_model=Document)
async def doctor(use: Use, who: Who) -> Document:
    """What this machine can run and measure, and how to get what is missing."""
    who.look_around()
    return dict(await use.doctor.report())


@router.get("/projects", response_model=ListPage[Document])
async def projects(use: Use, who: Who) -> ListPage[Document]:
    """Projects with runs, as far as you may look into them."""
    figures = await use.desk.figures()
    found: dict[str, dict[str, int]] = {name: {} for name in who.roles if name != "*"}
    for (project, status), number in figures.projects.items():
        if who.may(Permission.RUN_READ, project):
            found.setdefault(project, {})[status] = number
    return ListPage(items=[{"id": name, "runs": runs} for name, runs in sorted(found.items())])
