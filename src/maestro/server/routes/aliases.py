"""Paths that programs for earlier systems of this kind know, on the same use cases."""

import asyncio
import json

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.websockets import WebSocketDisconnect

from maestro.domain.access import Permission
from maestro.domain.run import FINISHED_STEPS
from maestro.domain.values import RunId
from maestro.errors import MaestroError
from maestro.server.guard import SUBPROTOCOL
from maestro.server.routes.reading import NamePath, RunPath
from maestro.server.routes.stream import SEND_SECONDS, TOO_SLOW
from maestro.server.routes.workflows import run_stored
from maestro.server.services import Services, Use, Who, of_socket
from maestro.server.shapes import Document, Shape, run_summary
from maestro.server.starting import Also, StartAsked, started

router = APIRouter(tags=["aliases"])
BUILD = "build"
"""The workflow that every requirement is built by."""
_BAD_ID, _NO_MORE = 4000, 1000


class ExecuteShape(Shape):
    requirement: str | None = Field(default=None, min_length=1, max_length=10_000)
    initial_context: dict[str, object] = Field(default_factory=dict)


@router.post("/api/workflows/{name}/execute", status_code=202, response_model=Document)
async def execute_alias(name: NamePath, body: ExecuteShape, use: Use, who: Who) -> JSONResponse:
    """As POST /api/v1/runs for `build`, else as POST /api/v1/workflows/{name}/execute."""
    own = who.own_project(None, Permission.RUN_READ)
    await use.demand(who, Permission.RUN_CREATE, own, name)
    asked = StartAsked(caller=who, key=None, body=body.model_dump(mode="json"))
    if name == BUILD:

        async def submit(also: Also | None) -> RunId:
            return await use.as_caller(who, own).submit(body.requirement or "", also=also)

        answer = await started(use, asked, submit, "/api/executions/{}")
    else:
        answer = await run_stored(use, asked, own, name, body.initial_context)
    run_id = answer.headers["location"].rpartition("/")[2]
    overview = await use.desk.overview(RunId(run_id))
    told = {
        "execution_id": run_id,
        "workflow_id": name,
        "status": overview.run.status.value,
        "started_at": overview.run.created_at.isoformat(),
    }
    place = {"Location": f"/api/executions/{run_id}"}
    return JSONResponse(told, status_code=202, headers=place)


@router.get("/api/executions/{run_id}", response_model=Document)
async def execution_alias(run_id: RunPath, use: Use, who: Who) -> Document:
    """As GET /api/v1/runs/{id}, in the words of those programs."""
    await use.run_of(who, run_id)
    state = await use.desk.state(RunId(run_id))
    told = run_summary(state.overview).model_dump(mode="json")
    done = sum(step.status in FINISHED_STEPS for step in state.steps)
    return {
        "execution_id": told["id"],
        "workflow_id": told["workflow"],
        "status": told["status"],
        "completed_nodes": done,
        "total_nodes": len(state.steps),
        "progress_percent": round(100 * done / max(1, len(state.steps)), 1),
        "node_states": [
            {
                "node_id": step.step_id,
                "status": step.status.value,
                "attempt_count": step.attempt,
                "started_at": None if step.started_at is None else step.started_at.isoformat(),
                "completed_at": None if step.ended_at is None else step.ended_at.isoformat(),
                "error": None if step.error is None else step.error.message,
            }
            for step in state.steps
        ],
        "started_at": told["started_at"],
        "completed_at": told["ended_at"],
    }


@router.websocket("/ws/workflow/{run_id}")
async def watch_alias(socket: WebSocket, run_id: str) -> None:
    """The events of one run, from its first one on; ends with it."""
    use, who = of_socket(socket)
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    try:
        workflow = (await use.run_of(who, run_id)).run.workflow
        await _told_until_left(socket, use, RunId(run_id), workflow)
    except MaestroError as error:
        await socket.close(_BAD_ID, str(error)[:100])
    except (WebSocketDisconnect, RuntimeError):
        return


async def _told_until_left(socket: WebSocket, use: Services, run_id: RunId, workflow: str) -> None:
    """Tells and watches for the other side's leaving, side by side."""
    telling = asyncio.ensure_future(_tell(socket, use, run_id, workflow))
    leaving = asyncio.ensure_future(_left(socket))
    both = {telling, leaving}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            code, reason = telling.result()
            async with asyncio.timeout(1):
                await socket.close(code, reason)
    except TimeoutError:
        return
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _tell(
    socket: WebSocket, use: Services, run_id: RunId, workflow: str
) -> tuple[int, str | None]:
    """Every event; returns with what to close."""
    at = 0
    try:
        async for batch in use.broadcast.follow(run_id, 0):
            for told in batch:
                event = json.loads(told.text)
                message = {
                    "type": event["kind"],
                    "timestamp": event["at"],
                    "workflow_id": workflow,
                    "execution_id": run_id,
                    "node_id": event["step_id"],
                    "data": event["data"],
                }
                async with asyncio.timeout(SEND_SECONDS):
                    await socket.send_json(message)
                at = told.sequence
                await asyncio.sleep(0)  # as in `stream`: others get their turn
    except TimeoutError:
        return TOO_SLOW, f"reads too slowly; sent up to {at}"
    return _NO_MORE, None


async def _left(socket: WebSocket) -> None:
    """Returns when the other side has gone; what it says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
