"""Hands spans of what ended to a collector. The journal stays the source: a trace is an export."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from maestro.delivery.journal_reading import JournalReading
from maestro.delivery.tracing import spans_of
from maestro.domain.figures import ReadingPurpose, RunNews
from maestro.domain.tracing import SpanDraft
from maestro.errors import InvalidInput
from maestro.ports import Clock, Store
from maestro.server.problems import contained
from maestro.server.release import VERSION
from maestro.settings import without_password

log = logging.getLogger("maestro.server")
EVERY_SECONDS = 2.0
OLDEST_SECONDS = 3600.0
"""What ended longer ago, such as before traces were asked for, is passed over."""
TRIES = 5
TIMEOUT_SECONDS = 5.0
ENDING_SECONDS = 8.0
"""In which what ended last is handed over when the server ends."""
Export = Callable[[Sequence[SpanDraft]], bool]
"""Blocks; whether the collector took them."""


class TraceExport:
    """Reads the journals, each part by one server, and hands over what it says."""

    def __init__(self, store: Store, clock: Clock, export: Export) -> None:
        self._clock = clock
        self._export = export
        self._reading = JournalReading(
            store, ReadingPurpose.TRACES, self._drafts, lambda _tx, _spans: None
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, and once more after it for what ended meanwhile."""
        while not stop.is_set():
            await contained(self._advance(stop), "exporting traces")
            await _within(EVERY_SECONDS, stop)
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                await contained(self._advance(None), "exporting traces")
        except TimeoutError:
            log.warning("the collector is slow; what ended last is left out of its traces")

    async def _advance(self, stop: asyncio.Event | None) -> None:
        """Up to the end of the journals; not beyond `stop`, where it is given."""
        while stop is None or not stop.is_set():
            cursors, spans = await self._reading.part()
            if spans:
                await self._handed_over(spans, stop)
            if not cursors:
                return

    async def _handed_over(self, spans: Sequence[SpanDraft], stop: asyncio.Event | None) -> None:
        """Tried again as long as there is time for it."""
        for number in range(1 if stop is None else TRIES):
            if number and stop is not None:
                await _within(0.5 * 2**number, stop)
            if await asyncio.to_thread(self._export, spans):
                return
            if stop is not None and stop.is_set():
                break
        log.warning("the collector did not take %d spans; they are left out", len(spans))

    def _drafts(self, news: Sequence[RunNews]) -> Sequence[SpanDraft]:
        now = self._clock.now()
        found = [span for each in news for span in spans_of(each)]
        return [span for span in found if (now - span.ended).total_seconds() < OLDEST_SECONDS]


async def _within(seconds: float, stop: asyncio.Event) -> None:
    """Waits so long, or until `stop`."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def otlp_export(endpoint: str) -> Export:
    """Over OTLP/HTTP to the collector whose base address is `endpoint`.

    Raises:
        InvalidInput: it is no such address, or OpenTelemetry's SDK is not installed.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise InvalidInput(
            f"--otel-endpoint {without_password(endpoint)!r}: give a collector's base address, "
            "such as http://127.0.0.1:4318"
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 -- an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- an extra
        from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 -- an extra

        from maestro.server.otel_spans import readable_span  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise InvalidInput(
            f"traces need {error.name}, which is not installed; run: pip install "
            "'maestro-conductor[otel]'"
        ) from error
    # It would log each failure with a trace; whoever hands over says what is left out.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT_SECONDS
    )
    resource = Resource({"service.name": "maestro", "service.version": VERSION})

    def export(spans: Sequence[SpanDraft]) -> bool:
        found = exporter.export([readable_span(span, resource) for span in spans])
        return found is SpanExportResult.SUCCESS

    return export
