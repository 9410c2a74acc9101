"""What a journal says as spans: run, step, attempt, call. OpenTelemetry's names stand only here.

They are those of the GenAI conventions, which are still in development. No span carries a prompt or
an answer.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from maestro.domain.figures import RunNews, TimedCall
from maestro.domain.models import JournaledCall
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import ENDED_RUNS, Event, EventKind
from maestro.domain.tracing import SpanDraft, span_id, trace_id
from maestro.domain.values import StepId
from maestro.domain.workflow import Step

_OPERATION = "gen_ai.operation.name"
_WORKFLOW = "gen_ai.workflow.name"
_AGENT, _AGENT_ID = "gen_ai.agent.name", "gen_ai.agent.id"
_MODEL, _TOOL = "gen_ai.request.model", "gen_ai.tool.name"
_TOKENS_IN, _TOKENS_OUT = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
_RUN, _PROJECT, _STEP = "maestro.run.id", "maestro.project.id", "maestro.step.id"
_ATTEMPT, _STATUS, _PHASE = "maestro.attempt", "maestro.status", "maestro.phase"
_GATE, _CONTRACT, _COST = "maestro.gate.id", "maestro.contract.id", "maestro.cost_usd"
_BLUEPRINT = "maestro.blueprint"
_RUN_ENDS = {f"run.{status.value}": status.value for status in ENDED_RUNS}
_STEP_ENDS = {
    EventKind.STEP_SUCCEEDED: "succeeded",
    EventKind.STEP_FAILED: "failed",
    EventKind.STEP_BLOCKED: "blocked",
    EventKind.STEP_CANCELLED: "cancelled",
}
_ATTEMPT_ENDS = {
    **_STEP_ENDS,
    EventKind.STEP_RETRYING: "failed",
    EventKind.STEP_INTERRUPTED: "interrupted",
}
_BAD = frozenset({"failed", "blocked", "interrupted"})


def spans_of(news: RunNews) -> Iterator[SpanDraft]:
    """What ended since the journal was read last."""
    for event in news.events:
        if event.step_id is None:
            if event.kind.value in _RUN_ENDS:
                yield _run(news, event)
        elif event.kind in _ATTEMPT_ENDS:
            yield from _attempt(news, event, event.step_id)
            if event.kind in _STEP_ENDS:
                yield from _step(news, event, event.step_id)


def _run(news: RunNews, event: Event) -> SpanDraft:
    status = _RUN_ENDS[event.kind.value]
    name = news.blueprint or news.workflow
    return SpanDraft(
        trace=trace_id(news.run_id),
        id=span_id(news.run_id),
        parent=None,
        name=f"invoke_workflow {name}",
        began=news.created_at,
        ended=max(event.at, news.created_at),
        attributes={
            _OPERATION: "invoke_workflow",
            _WORKFLOW: news.workflow,
            _RUN: news.run_id,
            _PROJECT: news.project,
            _STATUS: status,
            **({_BLUEPRINT: news.blueprint} if news.blueprint else {}),
        },
        error=status if status in _BAD else "",
    )


def _step(news: RunNews, event: Event, step_id: StepId) -> Iterator[SpanDraft]:
    """One round of it: asked for once more, it has another span."""
    step, number = news.steps[step_id], _round(news, step_id, event.at)
    since = _resets(news, step_id)[number - 1] if number else None
    began = [
        attempt.started_at
        for (name, _), attempt in news.attempts.items()
        if name == step_id
        and attempt.started_at is not None
        and (since is None or attempt.started_at >= since)
    ]
    if not began:
        return
    status = _STEP_ENDS[event.kind]
    yield SpanDraft(
        trace=trace_id(news.run_id),
        id=span_id(news.run_id, step_id, "round", number),
        parent=span_id(news.run_id),
        name=f"maestro.step {step_id}",
        began=min(began),
        ended=max(event.at, min(began)),
        attributes={**_about(news, step), _STATUS: status},
        error=_code(event, status),
    )


def _attempt(news: RunNews, event: Event, step_id: StepId) -> Iterator[SpanDraft]:
    number = event.attempt or 0
    record = news.attempts.get((step_id, number))
    if record is None or record.started_at is None:
        return
    step, status = news.steps[step_id], _ATTEMPT_ENDS[event.kind]
    own = span_id(news.run_id, step_id, "attempt", number)
    told: dict[str, str | int | float | bool] = {_ATTEMPT: number, _STATUS: status}
    if (step_id, number) in news.agents:
        told[_AGENT_ID] = news.agents[step_id, number]
    yield SpanDraft(
        trace=trace_id(news.run_id),
        id=own,
        parent=span_id(news.run_id, step_id, "round", _round(news, step_id, record.started_at)),
        name=_name(step),
        began=record.started_at,
        ended=max(record.ended_at or event.at, record.started_at),
        attributes={**_about(news, step), **told},
        error=_code(event, status),
        told=tuple(_verdicts(record, record.ended_at or event.at)),
    )
    for call in news.calls:
        if (call.entry.step_id, call.entry.attempt) == (step_id, number):
            yield _call(news, call, own)


def _call(news: RunNews, call: TimedCall, parent: str) -> SpanDraft:
    entry, asked = call.entry, call.entry.kind is JournaledCall.MODEL
    began = datetime.fromtimestamp(call.at, UTC)
    name = entry.name.rpartition("#")[2] if "://" in entry.name else entry.name
    told: dict[str, str | int | float | bool] = {
        _OPERATION: "chat" if asked else "execute_tool",
        _MODEL if asked else _TOOL: name,
    }
    if asked:
        told |= {_TOKENS_IN: entry.input_tokens, _TOKENS_OUT: entry.output_tokens}
        told |= {} if entry.cost is None else {_COST: entry.cost}
    return SpanDraft(
        trace=trace_id(news.run_id),
        id=span_id(news.run_id, "call", entry.step_id, entry.attempt, call.at, entry.digest),
        parent=parent,
        name=f"{told[_OPERATION]} {name}",
        began=began,
        ended=began + timedelta(seconds=max(0.0, entry.seconds)),
        attributes=told,
        client=asked,
    )


def _name(step: Step) -> str:
    if step.action == "persona.work":
        return f"invoke_agent {_persona(step)}"
    if step.action.startswith("plan."):
        return f"plan {step.action.removeprefix('plan.')}"
    if step.action == "quality.gate":
        return f"maestro.gate {step.inputs.get('phase', step.id)}"
    if step.action.startswith("contract."):
        return f"maestro.{step.action} {step.inputs.get('contract', '')}".rstrip()
    return f"maestro.{step.action or step.kind.value}"


def _about(news: RunNews, step: Step) -> dict[str, str | int | float | bool]:
    told: dict[str, str | int | float | bool] = {_RUN: news.run_id, _STEP: step.id}
    if step.action == "persona.work":
        told |= {_OPERATION: "invoke_agent", _AGENT: _persona(step)}
    elif step.action.startswith("plan."):
        told[_OPERATION] = "plan"
    if "contract" in step.inputs:
        told[_CONTRACT] = str(step.inputs["contract"])
    return told | ({_PHASE: step.phase} if step.phase else {})


def _persona(step: Step) -> str:
    return step.persona or str(step.inputs.get("persona", ""))


def _verdicts(
    record: AttemptRecord, at: datetime
) -> Iterator[tuple[str, datetime, Mapping[str, str]]]:
    """Of gates that were judged."""
    made = record.output if record.error is None else record.error.detail
    verdict = made.get("verdict") if isinstance(made, Mapping) else None
    results = verdict.get("results") if isinstance(verdict, Mapping) else None
    for result in results if isinstance(results, list) else ():
        if isinstance(result, Mapping):
            told = {_GATE: str(result.get("gate", "")), "verdict": str(result.get("verdict", ""))}
            yield "maestro.gate", at, told


def _code(event: Event, status: str) -> str:
    return str(event.data.get("code", "") or status) if status in _BAD else ""


def _resets(news: RunNews, step_id: StepId) -> list[datetime]:
    return [at for name, at in news.resets if name == step_id]


def _round(news: RunNews, step_id: StepId, at: datetime) -> int:
    """How often it had been asked for once more by then."""
    return sum(reset <= at for reset in _resets(news, step_id))
