"""What starts a run, once: asking again with the same key starts nothing more."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from fastapi.responses import JSONResponse

from maestro.domain.encoding import canonical
from maestro.domain.overview import StartRequest
from maestro.domain.values import JsonValue, RunId
from maestro.errors import Conflict
from maestro.ports.storage import Transaction
from maestro.server.access import ApiCaller
from maestro.server.problems import HttpProblem, RequestRefused
from maestro.server.services import Services
from maestro.server.shapes import summary_document

KEPT = timedelta(hours=24)
Also = Callable[[Transaction, RunId], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked:
    caller: ApiCaller
    key: str | None
    body: JsonValue

    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(canonical(self.body).encode()).hexdigest()


async def started(
    use: Services, asked: StartAsked, submit: Callable[[Also | None], Awaitable[RunId]], place: str
) -> JSONResponse:
    """Starts, or finds what the same key had started before, and answers with it.

    `place`: of what is made, with {} for its run.

    Raises:
        RequestRefused: the key was used for something else.
    """
    earlier = await _earlier(use, asked)
    replayed = earlier is not None
    if earlier is None:
        try:
            earlier = await submit(_marking(use, asked))
        except Conflict:  # somebody asked with the same key at the same moment
            found = await _earlier(use, asked)
            if found is None:
                raise
            earlier, replayed = found, True
    use.keeper.start(earlier)
    headers = {"Location": place.format(earlier)}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    overview = await use.desk.overview(earlier)
    return JSONResponse(summary_document(overview), status_code=202, headers=headers)


async def _earlier(use: Services, asked: StartAsked) -> RunId | None:
    key = asked.key
    if key is None:
        return None
    found = await use.maestro.store.read(lambda tx: tx.requests.find(asked.caller.id, key))
    if found is None or found.at < use.maestro.clock.now() - KEPT:
        return None
    if found.digest != asked.digest():
        raise RequestRefused(
            HttpProblem(
                status=422,
                code="invalid_input",
                detail=f"Idempotency-Key {asked.key!r} was used for another request",
                hint="make another key for another request",
            )
        )
    return RunId(found.run_id)


def _marking(use: Services, asked: StartAsked) -> Also | None:
    """Written with the run: both are there, or neither."""
    key = asked.key
    if key is None:
        return None
    now = use.maestro.clock.now()

    def mark(transaction: Transaction, run_id: RunId) -> None:
        request = StartRequest(
            principal=asked.caller.id, key=key, digest=asked.digest(), run_id=run_id, at=now
        )
        transaction.requests.insert(request, forget_before=now - KEPT)

    return mark
