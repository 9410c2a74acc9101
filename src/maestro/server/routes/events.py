"""A run's events: pages, long polls, and a stream for programs without WebSockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from maestro.domain.encoding import encode
from maestro.domain.run import ENDED_RUNS
from maestro.domain.values import RunId
from maestro.errors import InvalidInput
from maestro.server.routes.reading import RunPath
from maestro.server.services import Services, Use, Who
from maestro.server.shapes import EventsView

router = APIRouter(tags=["events"])
STREAM = "text/event-stream"
PING_SECONDS = 15.0
_AfterQuery = Annotated[int, Query(ge=0, le=2**53, description="The last sequence that is known.")]


@router.get(
    "/runs/{run_id}/events",
    response_model=EventsView,
    responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}}},
)
async def events(
    run_id: RunPath,
    request: Request,
    use: Use,
    who: Who,
    after: _AfterQuery = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    wait: Annotated[int, Query(ge=0, le=30, description="Seconds to wait for the first one.")] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> object:
    """Pages by `after`; with `Accept: text/event-stream` a stream that ends with the run."""
    await use.run_of(who, run_id)
    if STREAM in request.headers.get("accept", ""):
        begin = after if last_event_id is None else _sequence(last_event_id)
        return streamed(use, RunId(run_id), begin)
    found, status, last = await use.desk.events(RunId(run_id), after, limit)
    if not found and wait and status not in ENDED_RUNS:
        await _until_more(use, RunId(run_id), after, wait)
        found, status, last = await use.desk.events(RunId(run_id), after, limit)
    seen = found[-1].sequence if found else after
    return EventsView(
        items=[encode(event) for event in found],
        after=seen,
        ended=status in ENDED_RUNS and seen >= last,
    )


def streamed(use: Services, run_id: RunId, after: int) -> Response:
    return StreamingResponse(
        _lines(use, run_id, after),
        media_type=STREAM,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _lines(use: Services, run_id: RunId, after: int) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    batches = aiter(use.broadcast.follow(run_id, after))
    coming = asyncio.ensure_future(anext(batches, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=PING_SECONDS)
            if not done:
                yield ": here\n\n"
                continue
            batch = coming.result()
            if batch is None:
                break
            yield "".join(f"id: {e.sequence}\nevent: {e.kind}\ndata: {e.text}\n\n" for e in batch)
            coming = asyncio.ensure_future(anext(batches, None))
    finally:
        coming.cancel()
        await asyncio.wait({coming})
        await batches.aclose()  # type: ignore[attr-defined]
    status, last = await use.desk.head(run_id)
    end = {"run_id": run_id, "status": status.value, "last_sequence": last}
    yield f"event: end\ndata: {json.dumps(end)}\n\n"


async def _until_more(use: Services, run_id: RunId, after: int, seconds: int) -> None:
    try:
        async with asyncio.timeout(seconds):
            async for _ in use.broadcast.follow(run_id, after):
                return
    except TimeoutError:
        return


def _sequence(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidInput(f"Last-Event-ID {text!r} is not a sequence number")
    return int(text)
