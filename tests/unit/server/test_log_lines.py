"""Lines of the log say what they are about, and hold no secret wherever it stands."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from maestro.delivery.late_handlers import LateHandlers
from maestro.domain.tracing import trace_id
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step
from maestro.log_fields import log_fields, telling
from maestro.ports import StepContext, StepResult
from maestro.server.telling import JsonLines
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

KEY = "mst_0123456789ab_" + "x" * 43


def _line(message: str, *arguments: object, error: Exception | None = None) -> dict[str, object]:
    info = (type(error), error, None) if error is not None else None
    record = logging.LogRecord("maestro", logging.INFO, "", 0, message, arguments, info)
    told: dict[str, object] = json.loads(JsonLines().format(record))
    return told


def test_what_a_step_logs_says_of_which_attempt_it_is(tmp_path: Path) -> None:
    seen: list[dict[str, object]] = []

    async def handler(context: StepContext) -> StepResult:
        seen.append(_line("at work"))
        return StepResult(output=None)

    async def nothing(*_: object, **__: object) -> None:
        return None

    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        late = LateHandlers(lambda: {"persona.work": handler}, store, SystemClock())
        context = StepContext(
            run_id=RunId("run-1"),
            step=Step(id=StepId("work"), action="persona.work"),
            attempt=3,
            run_inputs={},
            outputs={},
            emit=nothing,
            errors={},
            feedback=(),
        )
        await late.of("persona.work")(context)
        assert log_fields() == {}
        await store.close()

    asyncio.run(play())
    [line] = seen
    assert (line["run_id"], line["step_id"], line["attempt"]) == ("run-1", "work", 3)
    assert line["trace_id"] == trace_id(RunId("run-1"))
    assert datetime.fromisoformat(str(line["at"])).tzinfo == UTC


def test_no_secret_in_message_trace_or_fields() -> None:
    with telling(path=f"/api/v1/runs?key={KEY}", number=7):
        line = _line("asked with Bearer abcdefghijkl and %s", KEY, error=ValueError(KEY))
    text = json.dumps(line)
    assert KEY not in text
    assert "abcdefghijkl" not in text
    assert line["number"] == 7
