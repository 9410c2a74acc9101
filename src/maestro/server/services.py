"""What the routes of one server work with, and who asks for it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, WebSocket
from starlette.requests import HTTPConnection

from maestro.delivery.audit_desk import AuditDesk
from maestro.delivery.authorize import permitted
from maestro.delivery.counting import FigureCounting
from maestro.delivery.run_desk import RunDesk
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.overview import RunOverview
from maestro.domain.values import RunId
from maestro.errors import NotFound
from maestro.server.access import ApiCaller
from maestro.server.broadcast import Broadcast
from maestro.server.details import Details
from maestro.server.doctor import Doctor
from maestro.server.errands import Errands
from maestro.server.health import Health, StoreWatch
from maestro.server.keeper import RunKeeper
from maestro.server.metrics import ServerFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    maestro: Maestro
    """In nobody's name; `as_caller` gives one in somebody's."""
    desk: RunDesk
    keeper: RunKeeper
    broadcast: Broadcast
    details: Details
    audit: AuditDesk
    errands: Errands
    figures: ServerFigures
    counting: FigureCounting
    doctor: Doctor
    health: Health
    watch: StoreWatch
    started_at: datetime

    def as_caller(self, caller: ApiCaller, project: str) -> Maestro:
        """The use cases in the caller's name, in one project."""
        return replace(self.maestro, principal=caller.principal(project), project=project)

    async def demand(
        self, caller: ApiCaller, permission: Permission, project: str, target: str
    ) -> None:
        """Before anything is looked at that the use case itself would look at first.

        Raises:
            PermissionDenied: after the refusal was written to the audit log.
        """
        await permitted(
            self.maestro.store,
            caller.principal(project),
            permission,
            target=target,
            at=self.maestro.clock.now(),
            project=project,
        )

    async def run_of(
        self, caller: ApiCaller, run_id: str, permission: Permission = Permission.RUN_READ
    ) -> RunOverview:
        """A run that the caller may look at. Of those of other projects nobody is told.

        Raises:
            NotFound, PermissionDenied.
        """
        try:
            overview = await self.desk.overview(RunId(run_id))
        except NotFound:
            raise _unknown(run_id) from None
        project = overview.run.project
        if not caller.may(Permission.RUN_READ, project):
            raise _unknown(run_id)
        caller.require(permission, project)
        return overview


def _unknown(run_id: str) -> NotFound:
    return NotFound(f"there is no run {run_id!r}; GET /api/v1/runs lists those there are")


def _services(connection: HTTPConnection) -> Services:
    found: Services = connection.app.state.services
    return found


def _caller(connection: HTTPConnection) -> ApiCaller:
    """The guard in front of every route has put it there."""
    found: ApiCaller = connection.state.caller
    return found


def _onlooker(connection: HTTPConnection) -> ApiCaller | None:
    """Where strangers are answered, too: who asks, if he was recognised and may read runs."""
    found: ApiCaller | None = connection.state.caller
    return found if found is not None and found.looks_around else None


Use = Annotated[Services, Depends(_services)]
Who = Annotated[ApiCaller, Depends(_caller)]
Onlooker = Annotated[ApiCaller | None, Depends(_onlooker)]


def of_socket(socket: WebSocket) -> tuple[Services, ApiCaller]:
    return _services(socket), _caller(socket)


def of_request(request: Request) -> Services:
    return _services(request)
