"""Who asked for what."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from maestro.delivery.audit_desk import entry_document
from maestro.delivery.compliance import compliance_report, report_document
from maestro.delivery.compliance_text import report_text
from maestro.domain.access import EVERY_PROJECT, Permission
from maestro.domain.encoding import encode
from maestro.domain.moments import moment
from maestro.errors import InvalidInput
from maestro.server.routes.reading import Cursor, Limit, from_cursor, to_cursor
from maestro.server.services import Use, Who
from maestro.server.shapes import Document, ListPage

router = APIRouter(tags=["audit"])


@router.get("/audit", response_model=ListPage[Document])
async def list_audit(
    use: Use,
    who: Who,
    project: Annotated[str | None, Query(max_length=128)] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ListPage[Document]:
    """Newest first; of one project, or of everything for who may see that."""
    before = None if cursor is None else _number(cursor)
    if project is None and not who.may(Permission.AUDIT_READ, EVERY_PROJECT):
        project = who.own_project(None, Permission.AUDIT_READ)
    if project is not None:
        who.enter(project, Permission.AUDIT_READ)
    found = await use.audit.page(limit + 1, before=before, project=project)
    shown = found[:limit]
    return ListPage(
        items=[entry_document(entry) for entry in shown],
        next=to_cursor(shown[-1].number) if len(found) > limit else None,
    )


def _number(cursor: str) -> int:
    number = int(from_cursor(cursor, int)[0])
    if not 0 < number < 2**63:
        raise InvalidInput(f"cursor {cursor!r} is not the `next` of a page of this list")
    return number


@router.get("/audit/verification", response_model=Document)
async def verification(use: Use, who: Who) -> Document:
    """Whether every record is there as it was written."""
    who.require(Permission.AUDIT_READ)
    document: Document = encode(await use.audit.verify())
    return document


@router.get(
    "/audit/report",
    response_model=Document,
    responses={200: {"content": {"text/markdown": {"schema": {"type": "string"}}}}},
)
async def report(
    use: Use,
    who: Who,
    project: Annotated[str | None, Query(max_length=128)] = None,
    since: Annotated[str | None, Query(max_length=40, description="A moment or a day.")] = None,
    format: Annotated[Literal["json", "md"], Query()] = "json",  # noqa: A002 -- its name outside
) -> object:
    """Who approved or waived what, when and on which evidence; says first whether the audit log
    is as it was written.
    """
    if project is None and not who.may(Permission.AUDIT_READ, EVERY_PROJECT):
        project = who.own_project(None, Permission.AUDIT_READ)
    if project is not None:
        who.enter(project, Permission.AUDIT_READ)
    begin = None if since is None else moment(since, "since")
    made = await compliance_report(use.audit, project=project, since=begin)
    if format == "md":
        return Response(report_text(made), media_type="text/markdown")
    return report_document(made)
