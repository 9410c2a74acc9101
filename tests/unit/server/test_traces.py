"""Traces reach a real receiver of OTLP on loopback; the journal alone says what is in them."""

import asyncio
import gzip
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from maestro.delivery.tracing import spans_of
from maestro.domain.figures import RunNews, TimedCall
from maestro.domain.models import CallEntry, JournaledCall
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import Event, EventKind
from maestro.domain.tracing import SpanDraft, trace_id
from maestro.domain.values import Digest, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import InvalidInput, StepFailed
from maestro.ports import StepContext, StepResult
from maestro.server.traces import TraceExport, otlp_export
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock
from maestro.workflow.embedded import EmbeddedEngine

RUN, NOW = RunId("run-1"), datetime(2026, 5, 4, 12, tzinfo=UTC)
A, B = StepId("a"), StepId("b")


@dataclass
class Receiver:
    """A collector that keeps what it is sent, and may refuse at first."""

    refusals: int = 0
    spans: list[Any] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            kept.paths.add(self.path)
            kept.refusals -= 1
            if kept.refusals < 0:
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in group.scope_spans:
                        kept.spans += scope.spans
            self.send_response(400 if kept.refusals >= 0 else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join(10)


def _said(span: Any) -> dict[str, object]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


def test_a_run_arrives_as_one_trace_each_span_once(receiver: Receiver, tmp_path: Path) -> None:
    receiver.refusals = 1
    tries: list[int] = []

    async def flaky(context: StepContext) -> StepResult:
        tries.append(context.attempt)
        if len(tries) == 1:
            raise StepFailed("once")
        return StepResult(output=1)

    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        engine = EmbeddedEngine(store, SystemClock(), {"value.set": flaky})
        first = Step(id=A, action="value.set")
        again = {"max_attempts": 2, "delay_seconds": 0, "retry_on": ("step_failed",)}
        first = Step(id=A, action="value.set", retry=type(first.retry)(**again))  # type: ignore[arg-type]
        flow = Workflow(name="mine", steps=(first, Step(id=B, action="value.set", needs=(A,))))
        await engine.start(flow, inputs={}, max_parallel=1, run_id=RUN)
        await engine.execute(RUN)
        stop = asyncio.Event()
        export = TraceExport(store, SystemClock(), otlp_export(receiver.url))
        running = asyncio.create_task(export.run(stop))
        async with asyncio.timeout(30):
            while not receiver.spans:
                await asyncio.sleep(0.02)
        stop.set()
        await running
        stop = asyncio.Event()
        stop.set()  # another server, or this one after a restart: nothing is told twice
        await TraceExport(store, SystemClock(), otlp_export(receiver.url)).run(stop)
        await store.close()

    asyncio.run(play())
    assert receiver.paths == {"/v1/traces"}
    by_id = {span.span_id: span for span in receiver.spans}
    assert len(by_id) == len(receiver.spans) == 6  # run, two steps, three attempts
    assert {span.trace_id.hex() for span in receiver.spans} == {trace_id(RUN)}
    [root] = [span for span in receiver.spans if not span.parent_span_id]
    assert (root.name, _said(root)["maestro.run.id"]) == ("invoke_workflow mine", RUN)
    steps = [span for span in receiver.spans if span.parent_span_id == root.span_id]
    assert sorted(span.name for span in steps) == ["maestro.step a", "maestro.step b"]
    attempts = [span for span in receiver.spans if span not in (root, *steps)]
    assert {by_id[span.parent_span_id].name for span in attempts} == {s.name for s in steps}
    failed = [span for span in attempts if span.status.code == 2]
    assert [_said(span)["error.type"] for span in failed] == ["step_failed"]
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in receiver.spans)


def test_a_collector_that_is_away_holds_up_no_end(tmp_path: Path) -> None:
    """Nothing more is tried than once, when there is no time for it."""
    tried: list[int] = []

    async def play() -> None:
        store = await open_store(tmp_path / "m.db", seal_key=b"seal")
        engine = EmbeddedEngine(store, SystemClock(), {"value.set": _said_one})
        flow = Workflow(name="mine", steps=(Step(id=A, action="value.set"),))
        await engine.start(flow, inputs={}, max_parallel=1, run_id=RUN)
        await engine.execute(RUN)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def away(spans: Sequence[SpanDraft]) -> bool:
            tried.append(len(spans))
            asyncio.run_coroutine_threadsafe(_set(stop), loop).result(10)
            return False

        await TraceExport(store, SystemClock(), away).run(stop)
        await store.close()

    asyncio.run(play())
    assert tried == [3]


async def _said_one(_: StepContext) -> StepResult:
    return StepResult(output=1)


async def _set(stop: asyncio.Event) -> None:
    stop.set()


def _news(**more: Any) -> RunNews:
    attempt = AttemptRecord(
        attempt=1,
        status="succeeded",
        started_at=NOW,
        ended_at=NOW + timedelta(seconds=9),
        output={"secret": "prompt text"},
        error=None,
    )
    given: dict[str, Any] = {
        "run_id": RUN,
        "project": "shop",
        "workflow": "build",
        "created_at": NOW,
        "before": 0,
        "events": [
            Event(
                run_id=RUN, sequence=9, kind=EventKind.STEP_SUCCEEDED, at=NOW, step_id=A, attempt=1
            )
        ],
        "steps": {A: Step(id=A, action="persona.work", inputs={"persona": "tester"})},
        "attempts": {(A, 1): attempt},
        "waited": {},
        "agents": {(A, 1): "agent-7"},
    }
    return RunNews(**{**given, **more})


def _entry(kind: JournaledCall, name: str) -> TimedCall:
    entry = CallEntry(
        run_id=RUN,
        step_id=A,
        attempt=1,
        phase="",
        persona="tester",
        session=Digest(""),
        kind=kind,
        digest=Digest(name),
        name=name,
        answer={"text": "prompt text"},
        input_tokens=3,
        output_tokens=4,
        cost=0.5,
        seconds=2.0,
    )
    return TimedCall(entry=entry, at=NOW.timestamp() + 1)


def test_calls_of_models_and_tools_hang_below_their_attempt_without_a_word_of_text() -> None:
    calls = [
        _entry(JournaledCall.MODEL, "http://u:pw@10.0.0.1/v1#small"),
        _entry(JournaledCall.TOOL, "write_file"),
    ]
    spans = {span.name: span for span in spans_of(_news(calls=calls))}
    assert set(spans) == {
        *("invoke_agent tester", "chat small", "execute_tool write_file", "maestro.step a")
    }
    agent = spans["invoke_agent tester"]
    assert agent.attributes["gen_ai.agent.id"] == "agent-7"
    assert spans["chat small"].parent == spans["execute_tool write_file"].parent == agent.id
    assert spans["chat small"].attributes["gen_ai.usage.output_tokens"] == 4
    assert spans["chat small"].ended - spans["chat small"].began == timedelta(seconds=2)
    assert "prompt text" not in repr(spans)
    assert "10.0.0.1" not in repr(spans)


def test_a_step_that_was_asked_for_once_more_has_a_span_of_its_own() -> None:
    [_, first] = spans_of(_news())
    [_, second] = spans_of(_news(resets=[(A, NOW)]))
    assert first.name == second.name == "maestro.step a"
    assert first.id != second.id


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://x", "http://", "http://x/?a=1"])
def test_an_address_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="--otel-endpoint"):
        otlp_export(endpoint)


def test_without_the_extra_the_command_that_installs_it_is_told() -> None:
    script = (
        "import sys\nsys.modules['opentelemetry.sdk'] = None\n"
        "sys.modules['opentelemetry.exporter'] = None\n"
        "from maestro.errors import InvalidInput\nfrom maestro.server.traces import otlp_export\n"
        "try:\n    otlp_export('http://127.0.0.1:1')\nexcept InvalidInput as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert "pip install 'maestro-conductor[otel]'" in done.stdout
