"""`maestro waivers`: request, approve, refuse, revoke, list.

On a store that one person's processes use, `--as` is what that person says: the audit log keeps
it, and nobody approves in the name in which they asked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.delivery.waiver_desk import WaiverDesk
from maestro.domain.access import Permission, Principal
from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus
from maestro.errors import InvalidInput

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
Who = Annotated[str, Parameter(name="--as", help="Who asks or decides.")]
Project = Annotated[str, Parameter(help="The project whose runs it is for.")]
WaiverArgument = Annotated[
    str, Parameter(help="Id of the waiver, as 'maestro waivers list' shows it.")
]
Comment = Annotated[str, Parameter(help="Why; kept with the decision.")]


async def request(
    gate: Annotated[str, Parameter(help="Id of the gate, as 'maestro policy show' shows it.")],
    *,
    ceiling: Annotated[
        str, Parameter(help="How bad it may get: '>= 60', or a condition over the gate's metrics.")
    ],
    reason: Annotated[str, Parameter(help="Why it is bearable.")],
    adr: Annotated[str, Parameter(help="The decision record, e.g. ADR-0012.")],
    expires: Annotated[str, Parameter(help="The last day on which it counts: YYYY-MM-DD.")],
    who: Who,
    project: Project,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Ask that a gate may be passed although it fails; somebody else has to approve it."""
    where = store or StoreOptions()
    async with _desk(where, who, project) as desk:
        record = await desk.request(
            gate, ceiling=ceiling, reason=reason, adr=adr, expires=_day(expires)
        )
    approve = where.command(
        "waivers", "approve", record.id, "--project", project, "--as", "SOMEBODY-ELSE"
    )
    _shown(record, json, f"requested: nothing passes before somebody else approves it: {approve}")
    return 0


async def approve(
    waiver: WaiverArgument,
    *,
    who: Who,
    project: Project,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Approve what somebody else asked for."""
    where = store or StoreOptions()
    async with _desk(where, who, project) as desk:
        record = await desk.approve(waiver, comment)
    resume = where.command("runs", "resume", "RUN")
    told = f"approved until {record.expires}: have a blocked gate judged again with {resume}"
    _shown(record, json, told)
    return 0


async def refuse(
    waiver: WaiverArgument,
    *,
    who: Who,
    project: Project,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Refuse what somebody asked for."""
    async with _desk(store or StoreOptions(), who, project) as desk:
        _shown(await desk.refuse(waiver, comment), json, "refused")
    return 0


async def revoke(
    waiver: WaiverArgument,
    *,
    who: Who,
    project: Project,
    comment: Comment = "",
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Take an approval back; gates judged from now on do not see it any more."""
    async with _desk(store or StoreOptions(), who, project) as desk:
        _shown(await desk.revoke(waiver, comment), json, "revoked")
    return 0


async def list_waivers(
    *, project: Project, json: Json = False, store: StoreOptions | None = None
) -> int:
    """List the waivers of a project, newest first."""
    async with connect((store or StoreOptions()).existing_store(), project=project) as maestro:
        found = await WaiverDesk(maestro=maestro).find()
    today = datetime.now(UTC).date()
    if json:
        render.document({"type": "waivers", "waivers": [_document(item, today) for item in found]})
        return 0
    if not found:
        render.line(f"project {project} has no waivers")
    for item in found:
        decided = f", {item.status.value} by {item.revoked_by or item.approver}"
        told = decided if item.approver else ""
        render.line(
            f"{item.id}  {item.gate}  {item.shown_status(today)}  until {item.expires}  "
            f"{item.adr}  as long as {item.ceiling}  asked by {item.author}{told}: {item.reason}"
        )
    return 0


@asynccontextmanager
async def _desk(store: StoreOptions, who: str, project: str) -> AsyncIterator[WaiverDesk]:
    name = who.strip()
    if not name:
        raise InvalidInput("--as is empty; say who asks or decides")
    principal = Principal(id=name, permissions=frozenset(Permission))
    async with connect(store.settings(), principal=principal, project=project) as maestro:
        yield WaiverDesk(maestro=maestro)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"--expires {text!r} is no day; write it as YYYY-MM-DD") from None


def _shown(record: WaiverRecord, as_json: bool, told: str) -> None:
    if as_json:
        render.document({"type": "waiver", **_document(record, datetime.now(UTC).date())})
    else:
        render.line(f"{record.id}  {record.gate}  {told}")


def _document(record: WaiverRecord, today: date) -> JsonObject:
    expired = record.shown_status(today) != record.status.value
    in_force = record.status is WaiverStatus.APPROVED and not expired
    return {**encode(record), "expired": expired, "in_force": in_force}
