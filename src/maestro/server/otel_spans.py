"""Our spans as those of OpenTelemetry's SDK; imported only where it is there."""

from datetime import datetime

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from maestro.domain.tracing import SpanDraft
from maestro.server.release import VERSION

_SCOPE = InstrumentationScope("maestro", VERSION)


def readable_span(span: SpanDraft, resource: Resource) -> ReadableSpan:
    attributes = dict(span.attributes)
    if span.error:
        attributes["error.type"] = span.error
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace, span.id),
        parent=None if span.parent is None else _context(span.trace, span.parent),
        resource=resource,
        attributes=attributes,
        events=[Event(name, dict(told), _nanoseconds(at)) for name, at, told in span.told],
        kind=SpanKind.CLIENT if span.client else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR if span.error else StatusCode.OK),
        start_time=_nanoseconds(span.began),
        end_time=_nanoseconds(span.ended),
        instrumentation_scope=_SCOPE,
    )


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(
        int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
