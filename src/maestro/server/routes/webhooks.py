"""Webhooks of a project: who is told of its events, and what became of that."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from maestro.delivery.webhook_desk import (
    LONGEST_GRACE_HOURS,
    WebhookDesk,
    delivery_document,
)
from maestro.domain.access import Permission
from maestro.domain.egress import LONGEST_URL
from maestro.domain.webhook import DeliveryStatus
from maestro.errors import InvalidInput, NotFound
from maestro.server.access import ApiCaller
from maestro.server.routes.reading import Cursor, Limit, NamePath, from_cursor, to_cursor
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import PROJECT, Document, ListPage, Shape
from maestro.storage.sealing import webhook_box

router = APIRouter(tags=["webhooks"])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
NO_STORE = {"Cache-Control": "no-store"}
"""On answers that hold a secret."""


class WebhookShape(Shape):
    url: str = Field(max_length=LONGEST_URL, description="https; told by POST.")
    kinds: list[Annotated[str, Field(max_length=60)]] = Field(
        default_factory=list, max_length=100, description="`run.failed`, or `run.*`; none = all."
    )
    run: str | None = Field(default=None, max_length=128, description="Only events of this run.")
    project: str | None = Field(default=None, pattern=PROJECT)


class RotationShape(Shape):
    grace_hours: float = Field(default=24.0, ge=0, le=LONGEST_GRACE_HOURS)


class NothingShape(Shape):
    """Nothing is asked for beyond the path."""


@router.get("/webhooks", response_model=ListPage[Document])
async def list_webhooks(
    use: Use, who: Who, project: Annotated[str | None, Query(max_length=128)] = None
) -> ListPage[Document]:
    own = who.own_project(project, Permission.RUN_READ)
    await use.demand(who, Permission.WEBHOOK_MANAGE, own, "webhooks")
    desk = _desk(use, who, own)
    return ListPage(items=[dict(await desk.document(one)) for one in await desk.find()])


@router.post("/webhooks", status_code=201, response_model=Document)
async def create_webhook(body: WebhookShape, use: Use, who: Who) -> JSONResponse:
    """Its `secret` is in this answer, and never again in any other."""
    own = who.own_project(body.project, Permission.RUN_READ)
    await use.demand(who, Permission.WEBHOOK_MANAGE, own, "webhooks")
    desk = _desk(use, who, own)
    made, secret = await desk.create(body.url, kinds=body.kinds, run=body.run or "")
    headers = {"Location": f"/api/v1/webhooks/{made.id}", **NO_STORE}
    told = {**await desk.document(made), "secret": secret}
    return JSONResponse(told, status_code=201, headers=headers)


@router.get("/webhooks/{name}", response_model=Document)
async def show_webhook(name: NamePath, use: Use, who: Who) -> Document:
    desk = await _of(use, who, name)
    return dict(await desk.document(await desk.get(name)))


@router.delete("/webhooks/{name}", status_code=204, response_class=Response)
async def remove_webhook(name: NamePath, use: Use, who: Who) -> Response:
    """With all that it was still to be told."""
    await (await _of(use, who, name)).remove(name)
    return Response(status_code=204)


@router.post("/webhooks/{name}/rotate", response_model=Document)
async def rotate_secret(name: NamePath, body: RotationShape, use: Use, who: Who) -> JSONResponse:
    """Makes another `secret`; deliveries are signed with both until the grace is over."""
    desk = await _of(use, who, name)
    webhook, secret = await desk.rotate(name, grace_hours=body.grace_hours)
    return JSONResponse({**await desk.document(webhook), "secret": secret}, headers=NO_STORE)


@router.get("/webhooks/{name}/deliveries", response_model=ListPage[Document])
async def list_deliveries(
    name: NamePath,
    use: Use,
    who: Who,
    status: DeliveryStatus | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ListPage[Document]:
    """Newest first."""
    desk = await _of(use, who, name)
    before = None if cursor is None else _number(cursor)
    found = await desk.deliveries(name, limit + 1, before=before, status=status)
    shown = found[:limit]
    return ListPage(
        items=[dict(delivery_document(one)) for one in shown],
        next=to_cursor(shown[-1].number) if len(found) > limit else None,
    )


@router.post(
    "/webhooks/{name}/deliveries/{number}/redeliver", status_code=202, response_model=Document
)
async def redeliver(
    name: NamePath, number: Number, body: NothingShape, use: Use, who: Who
) -> Document:
    """Sends it again under the same `webhook-id`, whatever became of it."""
    desk = await _of(use, who, name)
    return dict(delivery_document(await desk.redeliver(name, number)))


@router.post("/webhooks/{name}/redeliver", status_code=202, response_model=Document)
async def redeliver_dead(name: NamePath, body: NothingShape, use: Use, who: Who) -> Document:
    """Sends again whatever was given up."""
    return {"redelivered": await (await _of(use, who, name)).redeliver_dead(name)}


def _desk(use: Services, who: ApiCaller, project: str) -> WebhookDesk:
    return WebhookDesk(maestro=use.as_caller(who, project), box=webhook_box(use.audit.key))


async def _of(use: Services, who: ApiCaller, name: str) -> WebhookDesk:
    """For who may; of webhooks of other projects nobody is told.

    Raises:
        NotFound, PermissionDenied.
    """
    unknown = NotFound(f"there is no webhook {name!r}; GET /api/v1/webhooks lists those there are")
    try:
        project = (await use.maestro.store.read(lambda tx: tx.webhooks.get(name))).project
    except NotFound:
        raise unknown from None
    if not who.may(Permission.RUN_READ, project):
        raise unknown
    await use.demand(who, Permission.WEBHOOK_MANAGE, project, name)
    return _desk(use, who, project)


def _number(cursor: str) -> int:
    number = int(from_cursor(cursor, int)[0])
    if not 0 < number < 2**31:
        raise InvalidInput(f"cursor {cursor!r} is not the `next` of a page of this list")
    return number
