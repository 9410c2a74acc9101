"""Waivers: one asks, another one decides."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from maestro.delivery.waiver_desk import WaiverDesk
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.errors import NotFound
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import IfMatch, NamePath, demand_match
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import PROJECT, CommentShape, Document, ListPage, Shape

router = APIRouter(tags=["waivers"])


class WaiverShape(Shape):
    project: str = Field(pattern=PROJECT)
    gate: str = Field(max_length=200)
    ceiling: str = Field(max_length=2000, description="`>= 60`, or a condition over the metrics.")
    reason: str = Field(max_length=2000)
    adr: str = Field(max_length=200)
    expires: date


@router.get("/waivers", response_model=ListPage[Document])
async def list_waivers(
    use: Use, who: Who, project: Annotated[str | None, Query(max_length=128)] = None
) -> ListPage[Document]:
    """All of a project, newest first."""
    own = who.own_project(project, Permission.RUN_READ)
    found = await _desk(use, who, own).find()
    return ListPage(items=[_document(use, record) for record in found])


@router.post("/waivers", status_code=201, response_model=Document)
async def request_waiver(body: WaiverShape, use: Use, who: Who) -> Document:
    """Asks that a failing gate may be passed; nothing passes before somebody else approves."""
    who.enter(body.project)
    await use.demand(who, Permission.WAIVER_REQUEST, body.project, body.gate)
    record = await _desk(use, who, body.project).request(
        body.gate, ceiling=body.ceiling, reason=body.reason, adr=body.adr, expires=body.expires
    )
    return _document(use, record)


@router.post("/waivers/{name}/approve", response_model=Document)
async def approve_waiver(
    name: NamePath, body: CommentShape, use: Use, who: Who, if_match: IfMatch = None
) -> Document:
    """Approves what somebody else asked for."""
    return await _decided(use, who, name, WaiverStatus.APPROVED, body.comment, if_match)


@router.post("/waivers/{name}/refuse", response_model=Document)
async def refuse_waiver(
    name: NamePath, body: CommentShape, use: Use, who: Who, if_match: IfMatch = None
) -> Document:
    return await _decided(use, who, name, WaiverStatus.REFUSED, body.comment, if_match)


@router.post("/waivers/{name}/revoke", response_model=Document)
async def revoke_waiver(
    name: NamePath, body: CommentShape, use: Use, who: Who, if_match: IfMatch = None
) -> Document:
    """Takes an approval back."""
    return await _decided(use, who, name, WaiverStatus.REVOKED, body.comment, if_match)


async def _decided(
    use: Services, who: ApiCaller, name: str, status: WaiverStatus, comment: str, match: str | None
) -> Document:
    unknown = NotFound(f"there is no waiver {name!r}")
    try:
        before = await use.maestro.store.read(lambda tx: tx.waivers.get(name))
    except NotFound:
        raise unknown from None
    if not who.may(Permission.RUN_READ, before.project):
        raise unknown
    await use.demand(who, Permission.WAIVER_DECIDE, before.project, name)
    demand_match(match, _etag(before), f"waiver {name!r}")
    desk = _desk(use, who, before.project)
    decide = {
        WaiverStatus.APPROVED: desk.approve,
        WaiverStatus.REFUSED: desk.refuse,
        WaiverStatus.REVOKED: desk.revoke,
    }
    return _document(use, await decide[status](name, comment))


def _desk(use: Services, who: ApiCaller, project: str) -> WaiverDesk:
    return WaiverDesk(maestro=use.as_caller(who, project))


def _document(use: Services, record: WaiverRecord) -> Document:
    status = record.shown_status(use.maestro.clock.now().date())
    return {**encode(record), "status": status, "etag": _etag(record)}


def _etag(record: WaiverRecord) -> str:
    return f'"{record.status.value}"'
