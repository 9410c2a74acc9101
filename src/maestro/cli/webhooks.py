"""`maestro webhooks`: list, add, remove, deliveries, redeliver, rotate."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions, most
from maestro.delivery.webhook_desk import WebhookDesk, delivery_document
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.values import JsonObject
from maestro.domain.webhook import DeliveryStatus
from maestro.errors import InvalidInput
from maestro.storage.sealing import webhook_box
from maestro.storage.secrets import audit_key

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
WebhookArgument = Annotated[
    str, Parameter(help="Id of the webhook, as 'maestro webhooks list' shows it.")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPlace(StoreOptions):
    project: Annotated[str, Parameter(help="Whose webhooks.")] = DEFAULT_PROJECT


async def list_webhooks(*, json: Json = False, place: WebhookPlace | None = None) -> int:
    """List the webhooks of a project, and what became of what they were to be told."""
    async with _desk(place) as desk:
        found = [await desk.document(webhook) for webhook in await desk.find()]
    if json:
        render.document({"type": "webhooks", "webhooks": found})
    elif not found:
        render.line("no webhooks; make one: maestro webhooks add URL")
    else:
        _webhooks(found)
    return 0


async def add(
    url: Annotated[str, Parameter(help="https://HOST/PATH; is told by POST.")],
    *,
    kind: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="Of events: run.failed, or run.*; repeat for several."),
    ] = (),
    run: Annotated[str, Parameter(help="Only events of this run.")] = "",
    json: Json = False,
    place: WebhookPlace | None = None,
) -> int:
    """Tell an address of events, signed with a secret that is shown once."""
    async with _desk(place) as desk:
        webhook, secret = await desk.create(url, kinds=kind, run=run)
        told = await desk.document(webhook)
    _shown_once(told, secret, json)
    return 0


async def rotate(
    webhook: WebhookArgument,
    *,
    grace_hours: Annotated[float, Parameter(help="How long both secrets sign.")] = 24.0,
    json: Json = False,
    place: WebhookPlace | None = None,
) -> int:
    """Make another secret; both sign until the grace is over."""
    async with _desk(place) as desk:
        made, secret = await desk.rotate(webhook, grace_hours=grace_hours)
        told = await desk.document(made)
    _shown_once(told, secret, json)
    return 0


async def remove(
    webhook: WebhookArgument, *, json: Json = False, place: WebhookPlace | None = None
) -> int:
    """Tell an address nothing more, also not what it was still to be told."""
    async with _desk(place) as desk:
        await desk.remove(webhook)
    if json:
        render.document({"type": "webhook", "id": webhook, "removed": True})
    else:
        render.line(f"{webhook}  removed")
    return 0


async def deliveries(
    webhook: WebhookArgument,
    *,
    status: Annotated[str | None, Parameter(help="waiting, delivered or dead.")] = None,
    limit: Annotated[int, Parameter(help="Most of them.")] = 50,
    json: Json = False,
    place: WebhookPlace | None = None,
) -> int:
    """List what a webhook was, or is to be, told; newest first."""
    wanted = None if status is None else _status(status)
    async with _desk(place) as desk:
        found = await desk.deliveries(webhook, most(limit), status=wanted)
    told = [delivery_document(delivery) for delivery in found]
    if json:
        render.document({"type": "deliveries", "deliveries": told})
    elif not told:
        render.line("no deliveries")
    else:
        _deliveries(told)
    return 0


async def redeliver(
    webhook: WebhookArgument,
    delivery: Annotated[
        int | None, Parameter(help="Number of the delivery; without, all dead ones.")
    ] = None,
    *,
    json: Json = False,
    place: WebhookPlace | None = None,
) -> int:
    """Send again, under the same id. A server that serves this store does it."""
    async with _desk(place) as desk:
        if delivery is None:
            number = await desk.redeliver_dead(webhook)
        else:
            await desk.redeliver(webhook, delivery)
            number = 1
    if json:
        render.document({"type": "redelivery", "webhook": webhook, "redelivered": number})
    else:
        render.line(f"{number} to be sent again")
    return 0


@asynccontextmanager
async def _desk(place: WebhookPlace | None) -> AsyncIterator[WebhookDesk]:
    where = place or WebhookPlace()
    settings = where.settings()
    async with connect(settings, project=where.project) as maestro:
        key = await asyncio.to_thread(audit_key, settings)
        yield WebhookDesk(maestro=maestro, box=webhook_box(key))


def _status(text: str) -> DeliveryStatus:
    try:
        return DeliveryStatus(text)
    except ValueError:
        raise InvalidInput(f"--status {text!r} is not one of {', '.join(DeliveryStatus)}") from None


def _shown_once(told: JsonObject, secret: str, as_json: bool) -> None:
    if as_json:
        render.document({"type": "webhook", **told, "secret": secret})
        return
    render.line(secret)
    render.line(f"webhook {told['id']}; its secret is not shown again: keep it now")


def _webhooks(found: list[JsonObject]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("webhook", "url", "kinds", "run", "waiting", "delivered", "dead"):
        table.add_column(column, overflow="fold")
    for one in found:
        counts = [str(one["deliveries"][status.value]) for status in DeliveryStatus]
        kinds = ", ".join(one["kinds"]) or "all"
        table.add_row(one["id"], escape(one["url"]), kinds, one["run"] or "-", *counts)
    Console(highlight=False).print(table)


def _deliveries(found: list[JsonObject]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("number", "event", "run", "status", "attempts", "answer", "error"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            str(one["number"]),
            one["kind"],
            f"{one['run_id']} {one['sequence']}",
            one["status"],
            str(one["attempts"]),
            "-" if one["answer"] is None else str(one["answer"]),
            escape(one["error"]),
        )
    Console(highlight=False).print(table)
