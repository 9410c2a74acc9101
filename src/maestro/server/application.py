"""The application: routes, errors, and the guard around all of it."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from maestro.errors import MaestroError
from maestro.server import dashboard
from maestro.server.problems import (
    PROBLEM_CONTENT,
    on_fault,
    on_framework_error,
    on_invalid_request,
    on_own_error,
)
from maestro.server.release import VERSION
from maestro.server.routes import (
    agents,
    aliases,
    audit,
    catalogue,
    contracts,
    events,
    history,
    projects,
    results,
    runs,
    steering,
    stream,
    system,
    waivers,
    webhooks,
    workflows,
)
from maestro.server.services import Services

API = "/api/v1"
ROUTERS: Sequence[APIRouter] = (
    runs.router,
    steering.router,
    events.router,
    results.router,
    history.router,
    catalogue.router,
    waivers.router,
    audit.router,
    contracts.router,
    workflows.router,
    webhooks.router,
    agents.router,
    projects.router,
    stream.router,
    system.router,
)
OTHERS: Sequence[APIRouter] = (system.health_router, system.metrics_router, aliases.router)
"""Those with paths of their own."""


def application(services: Services) -> FastAPI:
    """Without its guard; see `server.serving`."""
    app = FastAPI(
        title="Maestro",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{API}/openapi.json",
        responses={"default": {"description": "A problem.", "content": PROBLEM_CONTENT}},
    )
    app.state.services = services
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    for router in OTHERS:
        app.include_router(router)
    app.add_exception_handler(MaestroError, on_own_error)
    app.add_exception_handler(HTTPException, on_framework_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(Exception, on_fault)
    folder = Path(str(dashboard.__file__)).parent / "static"
    app.mount("/dashboard", StaticFiles(directory=folder, html=True), name="dashboard")
    app.add_route("/", _page, include_in_schema=False)
    return app


async def _page(_: object) -> RedirectResponse:
    return RedirectResponse("/dashboard/")


def routes() -> list[tuple[str, str]]:
    """Method and path of everything that answers; `WEBSOCKET` for sockets."""
    found = [("GET", "/"), ("GET", "/dashboard"), ("GET", f"{API}/openapi.json")]
    for router, prefix in (
        *((router, API) for router in ROUTERS),
        *((router, "") for router in OTHERS),
    ):
        for route in router.routes:
            if isinstance(route, APIRoute):
                found += [(method, prefix + route.path) for method in sorted(route.methods or ())]
            elif isinstance(route, APIWebSocketRoute):
                found.append(("WEBSOCKET", prefix + route.path))
    return found
