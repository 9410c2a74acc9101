"""One attempt's calls: each is in the journal before its answer is acted on.

An attempt whose process died goes on from its last call: as long as it asks what the journal has an
answer to, that answer is used, and nothing is paid twice.
"""

import hashlib
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from maestro.domain.encoding import decode, encode
from maestro.domain.models import (
    CallEntry,
    CallOwner,
    JournaledCall,
    ModelAnswer,
    ModelQuestion,
    ModelTable,
)
from maestro.domain.values import Digest, JsonObject, JsonValue
from maestro.domain.work import Assignment, Usage
from maestro.errors import InvalidInput, ModelFailed
from maestro.ports import CallJournal, LanguageModel, Report

_SHOWN = 1500
_SLACK_SECONDS = 60.0


@dataclass(slots=True)
class CallSession:
    """The Consultation port."""

    caller: CallOwner
    table: ModelTable
    models: Sequence[LanguageModel]
    journal: CallJournal
    report: Report
    session: Digest
    earlier: deque[CallEntry]
    number: int
    """How many attempts came to a result before: each gets seeds of its own."""
    usage: Usage = field(default_factory=Usage)
    transcript: list[JsonObject] = field(default_factory=list)
    replayed: int = 0

    @staticmethod
    async def open(
        caller: CallOwner,
        table: ModelTable,
        models: Sequence[LanguageModel],
        journal: CallJournal,
        report: Report,
    ) -> "CallSession":
        names = [model.name for model in models]
        session = _digest({**caller.works_from, "persona": caller.persona, "models": names})
        earlier = await journal.open(caller.run_id, caller.step_id, session)
        if earlier:
            await report(f"going on after {len(earlier)} calls of the attempt that was cut short")
        return CallSession(
            caller=caller,
            table=table,
            models=models,
            journal=journal,
            report=report,
            session=session,
            earlier=deque(earlier),
            number=await journal.samples(caller.run_id, caller.step_id),
        )

    async def ask(self, question: ModelQuestion) -> ModelAnswer:
        """The first model's answer, or that of a fallback; every failure is told.

        Raises:
            ModelFailed: none of them answered.
            BudgetExceeded: nothing was asked.
        """
        failures: list[str] = []
        for model in self.models:
            try:
                answer = await self._ask_one(model, question)
            except ModelFailed as error:
                failures.append(str(error))
                await self.report(f"{error}; {self._next(model)}")
                continue
            self._count(answer, question)
            return answer
        raise ModelFailed("; ".join(failures))

    async def act(
        self,
        kind: JournaledCall,
        name: str,
        what: JsonValue,
        action: Callable[[], Awaitable[JsonValue]],
    ) -> JsonValue:
        """What an action gives, or gave before the process died. `action` gives plain JSON.

        Raises:
            InvalidInput: it is refused, or was then.
        """
        digest = _digest([kind.value, name, what])
        known = self._known(digest)
        if known is not None:
            return _gave(known.answer)
        entry = self._entry(kind, name, digest)
        position = await self.journal.begin(entry, self.table.budgets)
        started = time.monotonic()
        outcome: JsonObject
        try:
            outcome = {"gave": await action()}
        except InvalidInput as error:  # an outcome like others: without it no replay gets past it
            outcome = {"refused": str(error)}
        done = replace(entry, answer=outcome, seconds=round(time.monotonic() - started, 3))
        await self.journal.finish(position, done)
        return _gave(outcome)

    async def end(self) -> None:
        """The attempt came to a result, good or bad: the next one starts afresh."""
        await self.journal.end(self._entry(JournaledCall.END, "end", _digest("end")))

    def seed(self, sample: int, turn: int = 0) -> int:
        return self.number * 10_000 + sample * 100 + turn

    async def _ask_one(self, model: LanguageModel, question: ModelQuestion) -> ModelAnswer:
        digest = _digest([model.name, encode(question)])
        known = self._known(digest)
        if known is not None and "failed" in known.answer:
            if self.earlier:  # somebody else was asked then
                raise ModelFailed(str(known.answer["failed"]))
        elif known is not None:
            return decode(ModelAnswer, known.answer)
        tokens, cost = model.ceiling(question)
        if cost is None and self.table.budgets.of_money:
            raise InvalidInput(
                f"a cost limit cannot be kept with model {model.name!r}, whose price nobody knows; "
                "give its price in the models file, or limit tokens"
            )
        longest = self.table.profile(model.name).timeout_seconds * 3 + _SLACK_SECONDS
        entry = replace(
            self._entry(JournaledCall.MODEL, model.name, digest),
            reserved_tokens=tokens,
            reserved_cost=cost,
            longest_seconds=longest,
            cost=None,  # until its answer is there
        )
        position = await self.journal.begin(entry, self.table.budgets)
        try:
            answer = await model.ask(question)
        except ModelFailed as error:
            spent = 0.0 if error.unpaid else None
            failed = replace(entry, answer={"failed": str(error)}, cost=spent)
            await self.journal.finish(position, failed)
            raise
        done = replace(
            entry,
            answer=encode(answer),
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost=answer.cost,
            seconds=answer.seconds,
        )
        await self.journal.finish(position, done)
        return answer

    def _known(self, digest: Digest) -> CallEntry | None:
        """The journal's next entry, if it is about the same; else all later ones are void."""
        if not self.earlier:
            return None
        if self.earlier[0].digest != digest:
            self.earlier.clear()
            return None
        self.replayed += 1
        return self.earlier.popleft()

    def _entry(self, kind: JournaledCall, name: str, digest: Digest) -> CallEntry:
        return CallEntry(
            run_id=self.caller.run_id,
            step_id=self.caller.step_id,
            attempt=self.caller.attempt,
            phase=self.caller.phase,
            persona=self.caller.persona,
            session=self.session,
            kind=kind,
            digest=digest,
            name=name,
        )

    def _count(self, answer: ModelAnswer, question: ModelQuestion) -> None:
        used = self.usage
        known = used.cost is not None and answer.cost is not None
        self.usage = Usage(
            model_calls=used.model_calls + 1,
            input_tokens=used.input_tokens + answer.input_tokens,
            output_tokens=used.output_tokens + answer.output_tokens,
            cost=(used.cost or 0.0) + (answer.cost or 0.0) if known else None,
        )
        self.transcript.append(
            {
                "model": answer.model,
                "asked": question.turns[-1].text[-_SHOWN:],
                "answered": answer.text[:_SHOWN],
                "calls": [call.name for call in answer.calls],
                "end": answer.end.value,
                "input_tokens": answer.input_tokens,
                "output_tokens": answer.output_tokens,
                "seconds": answer.seconds,
            }
        )

    def _next(self, model: LanguageModel) -> str:
        position = self.models.index(model) + 1
        more = self.models[position:]
        return f"asking {more[0].name!r} instead" if more else "there is no other model to ask"


def caller_of(assignment: Assignment) -> CallOwner:
    """The persona at work, and what its work depends on."""
    return CallOwner(
        run_id=assignment.run_id,
        step_id=assignment.step_id,
        attempt=assignment.attempt,
        phase=assignment.persona.phase,
        persona=assignment.persona.id,
        works_from={
            "component": assignment.component,
            "requirement": assignment.requirement,
            "provides": [c.specification_digest() for c in assignment.provides],
            "consumes": [c.contract.specification_digest() for c in assignment.consumes],
            "feedback": list(assignment.feedback),
        },
    )


def _gave(outcome: JsonObject) -> JsonValue:
    if "refused" in outcome:
        raise InvalidInput(str(outcome["refused"]))
    return outcome["gave"]


def _digest(value: JsonValue) -> Digest:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Digest("sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())
