"""What models and their tools were asked in a run, for whoever looks at it: every door's view."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.models import AnswerEnd, CallEntry, JournaledCall
from maestro.domain.values import JsonValue, RunId
from maestro.ports import Store, Transaction


class CallOutcome(StrEnum):
    ANSWERED = "answered"
    CUT_OFF = "cut_off"
    REFUSED = "refused"  # by the model, or the tool call by us
    FAILED = "failed"
    UNANSWERED = "unanswered"
    """Sent, and no answer was recorded: under way, or its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call, without what was said in it unless that was asked for."""

    position: int
    step: str
    attempt: int
    persona: str
    phase: str
    kind: JournaledCall
    name: str
    """The model's, the tool's or the check's."""
    outcome: CallOutcome
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None = unknown."""
    seconds: float
    text: str | None = None
    """What came back; questions are not kept, only their digests."""


@dataclass(frozen=True, slots=True)
class CallDesk:
    store: Store

    async def calls(self, run_id: RunId, *, text: bool = False) -> Sequence[CallLine]:
        """In order. Raises NotFound for an unknown run."""

        def read(tx: Transaction) -> Sequence[CallEntry]:
            tx.runs.get(run_id)
            return tx.model_calls.of_run(run_id)

        return [_line(entry, text=text) for entry in await self.store.read(read)]


def _line(entry: CallEntry, *, text: bool) -> CallLine:
    return CallLine(
        position=entry.position,
        step=entry.step_id,
        attempt=entry.attempt,
        persona=entry.persona,
        phase=entry.phase,
        kind=entry.kind,
        name=entry.name,
        outcome=_outcome(entry),
        input_tokens=entry.input_tokens,
        output_tokens=entry.output_tokens,
        cost=entry.cost,
        seconds=entry.seconds,
        text=_text(entry.answer) if text else None,
    )


def _outcome(entry: CallEntry) -> CallOutcome:
    answer = entry.answer
    if answer is None:
        return CallOutcome.UNANSWERED
    if "failed" in answer:
        return CallOutcome.FAILED
    if "refused" in answer:
        return CallOutcome.REFUSED
    ends = {
        AnswerEnd.CUT_OFF.value: CallOutcome.CUT_OFF,
        AnswerEnd.REFUSED.value: CallOutcome.REFUSED,
    }
    return ends.get(answer.get("end", ""), CallOutcome.ANSWERED)


def _text(answer: JsonValue) -> str:
    """What a model wrote, or what a tool or a check gave."""
    if answer is None:
        return ""
    for key in ("failed", "refused", "gave"):
        if key in answer:
            return str(answer[key])
    calls = [f"{call['name']}({call['arguments']})" for call in answer.get("calls", ())]
    return "\n".join([answer.get("text", ""), *calls]).strip()
