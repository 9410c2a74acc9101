"""A model that works with tools until it hands in, and repairs what its checks refuse."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from maestro.agents.executors.llm.checking import OwnChecks, failures
from maestro.agents.executors.llm.craft import Craft
from maestro.agents.executors.llm.prompts import data, instructions_for_tools, tools_question
from maestro.agents.executors.llm.proposing import Proposals
from maestro.agents.executors.llm.replies import call_in_text
from maestro.agents.executors.llm.session import CallSession
from maestro.agents.executors.llm.tools import FINISH, Toolbox, tool_specs
from maestro.agents.executors.llm.tree import WorkTree, shortened
from maestro.domain.contract import CheckResult
from maestro.domain.models import (
    AnswerEnd,
    ModelAnswer,
    ModelQuestion,
    ToolCall,
    ToolOutcome,
    Turn,
)
from maestro.domain.values import JsonObject, JsonValue
from maestro.domain.work import Assignment

_MOST_TURNS = 80
"""Calls of a try; a model that has not handed in by then does not."""
_MOST_IDLE = 3
"""Answers in a row without a tool call, or with the one before once more."""
_TOO_LATE = "not done: the work was handed in before it"
_NUDGE = "Go on with a tool call; when the work is done, call finish."


@dataclass(slots=True, kw_only=True)
class WithTools:
    assignment: Assignment
    craft: Craft
    tree: WorkTree
    session: CallSession
    checks: OwnChecks
    base: Mapping[str, bytes]
    """What the tree holds before the model does anything."""
    evidence: tuple[str, ...] = ()
    proposals: Proposals = field(init=False)
    """Of the last try."""
    _turns: list[Turn] = field(default_factory=list)

    async def draw(self, sample: int) -> tuple[CheckResult, ...]:
        """One try, from the given files alone and with a conversation of its own."""
        await asyncio.to_thread(self.tree.restore, self.base)
        self.proposals = Proposals(self.assignment)
        first = tools_question(self.assignment, self.craft, self.evidence)
        self._turns = [Turn(text=first)]
        repairs = idle = 0
        before: list[tuple[str, JsonValue]] = []
        for turn in range(_MOST_TURNS):
            answer = await self.session.ask(self._question(sample, turn))
            calls = self._calls(answer)
            self._turns.append(Turn(text=answer.text, calls=answer.calls, by_model=True))
            made = [(call.name, call.arguments) for call in calls]
            idle = 0 if calls and made != before else idle + 1
            before = made
            if idle >= _MOST_IDLE or answer.end is AnswerEnd.REFUSED:
                break
            if not calls:
                self._turns.append(Turn(text=_NUDGE))
                continue
            results = await self._act(calls)
            if results is None:
                continue
            if not failures(results) or repairs >= self.session.table.repairs:
                return self._told(results)
            repairs += 1
        return self._told(await self._judged())

    async def _act(self, calls: tuple[ToolCall, ...]) -> tuple[CheckResult, ...] | None:
        """Does what was called for; the checks' results where the work was handed in."""
        toolbox = Toolbox(
            assignment=self.assignment,
            craft=self.craft,
            tree=self.tree,
            session=self.session,
            checks=self.checks,
            sandbox=self.checks.sandbox,
            proposals=self.proposals,
        )
        outcomes: list[ToolOutcome] = []
        results: tuple[CheckResult, ...] | None = None
        for call in calls:
            if results is not None:  # what was judged is what is delivered
                outcomes.append(
                    ToolOutcome(call_id=call.id, name=call.name, text=_TOO_LATE, failed=True)
                )
            elif call.name == FINISH:
                results = await self._judged()
                wrong = shortened("\n".join(failures(results))) or "accepted"
                outcomes.append(
                    ToolOutcome(
                        call_id=call.id, name=call.name, text=wrong, failed=wrong != "accepted"
                    )
                )
            else:
                await self.session.report(f"tool {call.name[:40]}")
                outcomes.append(await toolbox.use(call))
        self._turns.append(self._reply(calls, outcomes))
        return results

    def _reply(self, calls: tuple[ToolCall, ...], outcomes: list[ToolOutcome]) -> Turn:
        """Tool outcomes, or a message where the call was written into the text."""
        if all(call.id == "written" for call in calls):
            told = "\n".join(f"{outcome.name}: {_quoted(outcome)}" for outcome in outcomes)
            return Turn(text=f"Result of the tool call:\n{told}")
        quoted = tuple(
            ToolOutcome(call_id=o.call_id, name=o.name, text=_quoted(o), failed=o.failed)
            for o in outcomes
        )
        return Turn(outcomes=quoted)

    def _calls(self, answer: ModelAnswer) -> tuple[ToolCall, ...]:
        if answer.calls or answer.end is AnswerEnd.CUT_OFF:
            return answer.calls
        written = call_in_text(answer.text, tuple(spec.name for spec in tool_specs()))
        return () if written is None else (written,)

    async def _judged(self) -> tuple[CheckResult, ...]:
        await self.checks.lay_out()
        return await self.checks.run()

    def details(self) -> JsonObject:
        """What the result says besides what all results do."""
        return self.proposals.details()

    def _told(self, results: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        self.evidence = failures(results)
        return results

    def _question(self, sample: int, turn: int) -> ModelQuestion:
        names = [model.name for model in self.session.models]
        return ModelQuestion(
            instructions=instructions_for_tools(self.assignment),
            turns=tuple(self._turns),
            tools=tool_specs(),
            output_tokens=min(self.session.table.profile(name).output_tokens for name in names),
            temperature=0.0 if sample == 0 else min(0.9, 0.3 + 0.2 * sample),
            seed=self.session.seed(sample, turn),
        )


def _quoted(outcome: ToolOutcome) -> str:
    """It is shortened already."""
    return data(outcome.text, len(outcome.text))
