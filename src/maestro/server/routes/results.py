"""What runs came to: outcome, gates, contracts, files, reports."""

import asyncio
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from maestro.delivery.call_desk import CallDesk
from maestro.delivery.report import render_report
from maestro.delivery.result import build_result
from maestro.delivery.service import RunDetail
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.run import Event, EventKind, StepStatus
from maestro.domain.values import Digest, RunId, StepId
from maestro.errors import Conflict
from maestro.server.routes.reading import Cursor, RunPath, from_cursor, to_cursor, unchanged
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import Document, ListPage

router = APIRouter(tags=["results"])
DigestPath = Annotated[str, PathParameter(pattern=r"^sha256:[0-9a-f]{64}$")]
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_AttemptQuery = Annotated[int | None, Query(ge=1, le=1_000_000)]
_StepQuery = Annotated[str | None, Query(max_length=128)]


@router.get("/runs/{run_id}/outcome", response_model=Document)
async def outcome(
    run_id: RunPath, request: Request, response: Response, use: Use, who: Who
) -> object:
    """Score, verdicts, times, traceability, cost."""
    overview = await use.run_of(who, run_id)
    etag = f'W/"{overview.last_sequence}"'
    same = unchanged(request, etag)
    if same is not None:
        return same
    detail = await _build(use, run_id)
    response.headers["ETag"] = etag
    result = await asyncio.to_thread(build_result, detail.outcome, detail.record, None)
    return {
        "run_id": run_id,
        "last_sequence": detail.events[-1].sequence,
        "result": asdict(result),
        "outcome": encode(detail.outcome),
    }


@router.get("/runs/{run_id}/outputs", response_model=Document)
async def outputs(run_id: RunPath, use: Use, who: Who) -> Document:
    """What every step put out that succeeded."""
    await use.run_of(who, run_id)
    detail = await use.details.of(RunId(run_id))
    return {"run_id": run_id, "outputs": dict(detail.record.outputs)}


@router.get("/runs/{run_id}/calls", response_model=ListPage[Document])
async def calls(
    run_id: RunPath,
    use: Use,
    who: Who,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    cursor: Cursor = None,
) -> ListPage[Document]:
    """What models and their tools were asked, in order, and what it came to; not what was said."""
    await use.run_of(who, run_id)
    begin = 0 if cursor is None else max(0, int(from_cursor(cursor, int)[0]))
    found = await CallDesk(use.maestro.store).calls(RunId(run_id))
    shown = found[begin : begin + limit]
    behind = begin + len(shown)
    return ListPage(
        items=[{k: v for k, v in encode(one).items() if k != "text"} for one in shown],
        next=to_cursor(behind) if behind < len(found) else None,
    )


@router.get("/runs/{run_id}/gates", response_model=ListPage[Document])
async def gates(run_id: RunPath, use: Use, who: Who) -> ListPage[Document]:
    """The ledger: every judged phase with its gates and the evidence."""
    await use.run_of(who, run_id)
    detail = await use.details.of(RunId(run_id))
    return ListPage(items=await asyncio.to_thread(_gates, detail))


@router.get("/runs/{run_id}/contracts", response_model=ListPage[Document])
async def contracts(run_id: RunPath, use: Use, who: Who) -> ListPage[Document]:
    """The run's contracts: mocks, verifications, and what consumers saw."""
    await use.run_of(who, run_id, Permission.CONTRACT_READ)
    detail = await use.details.of(RunId(run_id))
    found = await use.maestro.store.read(
        lambda tx: tx.contracts.find(limit=1000, run_id=RunId(run_id))
    )
    stored = {(str(r.contract.id), r.contract.version): (r.status.value, r.reason) for r in found}
    return ListPage(items=await asyncio.to_thread(_contracts, detail, stored))


@router.get("/runs/{run_id}/artefacts", response_model=ListPage[Document])
async def artefacts(
    run_id: RunPath,
    use: Use,
    who: Who,
    step: _StepQuery = None,
    attempt: _AttemptQuery = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    cursor: Cursor = None,
) -> ListPage[Document]:
    """Files that attempts delivered."""
    await use.run_of(who, run_id)
    begin = 0 if cursor is None else int(from_cursor(cursor, int)[0])
    made = await use.desk.files(RunId(run_id), None if step is None else StepId(step))
    wanted = [one for one in made if attempt in (None, one.attempt)]
    shown = wanted[max(0, begin) : max(0, begin) + limit]
    behind = max(0, begin) + len(shown)
    return ListPage(
        items=[
            {
                "step_id": one.step_id,
                "attempt": one.attempt,
                "persona": one.persona,
                **encode(one.artifact),
            }
            for one in shown
        ],
        next=to_cursor(behind) if behind < len(wanted) else None,
    )


@router.get(
    "/runs/{run_id}/artefacts/{digest}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}},
)
async def artefact(
    run_id: RunPath,
    digest: DigestPath,
    use: Use,
    who: Who,
    name: Annotated[str, Query(max_length=200, pattern=r"^[A-Za-z0-9._@-]+$")] = "artefact",
) -> Response:
    """A file's bytes."""
    await use.run_of(who, run_id)
    content = await use.desk.content(RunId(run_id), Digest(digest))
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/runs/{run_id}/diff", response_model=Document)
async def diff(
    run_id: RunPath,
    use: Use,
    who: Who,
    step: Annotated[str, Query(max_length=128)],
    before: Annotated[int, Query(alias="from", ge=1, le=1_000_000)],
    after: Annotated[int, Query(alias="to", ge=1, le=1_000_000)],
) -> Document:
    """How what two attempts at a step delivered differs."""
    await use.run_of(who, run_id)
    changes = await use.desk.diff(RunId(run_id), StepId(step), before, after)
    return {
        "step_id": step,
        "from": before,
        "to": after,
        "items": [
            {
                "path": change.path,
                "change": change.change,
                "from_digest": change.before,
                "to_digest": change.after,
                "diff": change.diff,
            }
            for change in changes
        ],
    }


@router.get(
    "/runs/{run_id}/report",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
)
async def report(run_id: RunPath, use: Use, who: Who) -> Response:
    """The report: one page that needs nothing else."""
    await use.run_of(who, run_id)
    detail = await _build(use, run_id)
    page = await asyncio.to_thread(
        render_report,
        detail.run,
        detail.workflow,
        detail.steps,
        detail.events,
        detail.outcome,
        detail.record,
    )
    headers = {"Content-Security-Policy": _REPORT_POLICY}
    return Response(page, media_type="text/html", headers=headers)


@router.get(
    "/runs/{run_id}/archive",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string"}}}}},
)
async def archive(run_id: RunPath, use: Use, who: Who) -> Response:
    """The whole result folder."""
    await use.run_of(who, run_id)
    await _build(use, run_id)
    parent = use.maestro.settings.data_folder / "downloads"
    folder = Path(await asyncio.to_thread(_fresh_folder, parent))
    try:
        await use.maestro.report(RunId(run_id), folder / "result")
        packed = await asyncio.to_thread(_packed, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        packed,
        media_type="application/zip",
        filename=f"{run_id}.zip",
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


async def _build(use: Services, run_id: str) -> RunDetail:
    """Raises Conflict for a run that builds no requirement."""
    detail = await use.details.of(RunId(run_id))
    if "requirement" not in detail.run.inputs:
        raise Conflict(f"run {run_id!r} runs a workflow file: it has outputs, and no outcome")
    return detail


def _gates(detail: RunDetail) -> list[Document]:
    titles = {step.id: step.label for step in detail.workflow.steps}
    statuses = {step.step_id: step.status for step in detail.steps}
    judged: list[Document] = []
    entries = dict(detail.record.entries())
    for step_id, record in entries.items():
        judged.append(_judged(step_id, titles, statuses, "entry", encode(record)))
    exits = {record.verdict.phase: record for record in detail.record.gates()}
    for step in detail.workflow.steps:
        if step.action == "quality.gate":
            found = exits.get(step.phase) or exits.get(str(step.inputs.get("phase", "")))
            told = encode(found) if found else {"verdict": None, "evidence": []}
            judged.append(_judged(step.id, titles, statuses, "exit", told))
    return judged


def _judged(
    step_id: StepId,
    titles: Mapping[StepId, str],
    statuses: Mapping[StepId, StepStatus],
    stage: str,
    record: Mapping[str, object],
) -> Document:
    return {
        "step_id": step_id,
        "title": titles[step_id],
        "stage": stage,
        "status": statuses[step_id].value,
        "verdict": record["verdict"],
        "evidence": record["evidence"],
    }


def _contracts(
    detail: RunDetail, stored: Mapping[tuple[str, str], tuple[str, str]]
) -> list[Document]:
    record = detail.record
    if "requirement" not in detail.run.inputs or record.plan is None:
        return []
    verifications, rechecks = record.verifications(), record.rechecks()
    running = {step.step_id for step in detail.steps if step.status is StepStatus.RUNNING}
    mocks = served_mocks(detail.events, running)
    told = []
    for contract in record.contracts():
        status, reason = stored.get((contract.id, contract.version), ("designed", ""))
        checked = verifications.get(contract.id)
        told.append(
            {
                "id": contract.id,
                "version": contract.version,
                "name": contract.name,
                "kind": contract.kind.value,
                "provider": contract.provider,
                "component": contract.component,
                "consumers": list(contract.consumers),
                "digest": contract.digest,
                "status": status,
                "reason": reason,
                "mocks": mocks.get(contract.id, []),
                "verification": encode(checked),
                "rechecks": [
                    {"consumer": name, "checks": encode(rechecks[name].checks)}
                    for name in contract.consumers
                    if name in rechecks
                ],
            }
        )
    return told


def served_mocks(events: Sequence[Event], running: Collection[StepId]) -> dict[str, list[Document]]:
    """Per contract every mock that was served, from the run's events. One whose process died is
    `lost`: nobody knows when it ended.
    """
    found: dict[str, list[Document]] = {}
    for event in events:
        if event.kind is EventKind.MOCK_STARTED:
            found.setdefault(str(event.data["contract"]), []).append(
                {
                    "consumer": event.data.get("consumer"),
                    "url": event.data.get("url"),
                    "step_id": event.step_id,
                    "started_at": encode(event.at),
                    "stopped_at": None,
                    "calls": None,
                    "lost": False,
                }
            )
        elif event.kind is EventKind.MOCK_STOPPED:
            _stop(found.get(str(event.data["contract"]), []), event)
    for mocks in found.values():
        live = set[object]()
        for mock in reversed(mocks):
            place = (mock["step_id"], mock["consumer"])
            if mock["stopped_at"] is None:  # of a step's only the latest one can still live
                mock["lost"] = mock["step_id"] not in running or place in live
            live.add(place)
    return found


def _stop(mocks: list[Document], event: Event) -> None:
    for mock in reversed(mocks):
        if mock["step_id"] == event.step_id and mock["stopped_at"] is None:
            mock |= {"stopped_at": encode(event.at), "calls": event.data.get("calls")}
            return


def _fresh_folder(parent: Path) -> str:
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.mkdtemp(dir=parent)


def _packed(folder: Path) -> Path:
    target = folder / "result.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted((folder / "result").rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder / "result"))
    return target
