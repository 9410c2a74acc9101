"""A model that writes one file per answer: what small models can do."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.agents.executors.llm.checking import OwnChecks, failures
from maestro.agents.executors.llm.craft import Craft, FileTask, check_text
from maestro.agents.executors.llm.prompts import file_question, instructions_for_files
from maestro.agents.executors.llm.replies import file_text
from maestro.agents.executors.llm.session import CallSession
from maestro.agents.executors.llm.tree import WorkTree
from maestro.domain.contract import CheckResult
from maestro.domain.models import AnswerEnd, ModelQuestion, Turn
from maestro.domain.values import JsonObject
from maestro.domain.work import Assignment
from maestro.errors import InvalidInput

_DRAWS = 2
"""Most answers for one file within a try."""
_CHARACTERS_PER_TOKEN = 2.2
_SPARE_TOKENS = 300


@dataclass(slots=True, kw_only=True)
class FileByFile:
    assignment: Assignment
    craft: Craft
    tree: WorkTree
    session: CallSession
    checks: OwnChecks
    base: Mapping[str, bytes]
    """What the tree holds before the model does anything."""
    evidence: tuple[str, ...] = ()

    async def draw(self, sample: int) -> tuple[CheckResult, ...]:
        """One try: at first every file, later those that the failed checks are about."""
        for task in self._to_write(sample):
            await self._write(task, sample)
        await self.checks.lay_out()
        results = await self.checks.run()
        self.evidence = failures(results)
        return results

    def details(self) -> JsonObject:
        """Nothing more than all results say: its answers are files, it cannot negotiate."""
        return {}

    def _to_write(self, sample: int) -> Sequence[FileTask]:
        if sample == 0 or not self.evidence:
            return self.craft.tasks
        said = "\n".join(self.evidence)
        blamed = [task for task in self.craft.tasks if task.path in said]
        blamed = blamed or [task for task in self.craft.tasks if _base(task.path) in said]
        return blamed or self.craft.tasks

    def _about(self, task: FileTask) -> list[str]:
        """What failed in this file, and what names none of the files."""
        others = {_base(other.path) for other in self.craft.tasks} - {_base(task.path)}
        return [
            line
            for line in self.evidence
            if _base(task.path) in line or not any(other in line for other in others)
        ]

    async def _write(self, task: FileTask, sample: int) -> None:
        complaint = ""
        for draw in range(_DRAWS):
            about = [*self._about(task), *([complaint] if complaint else [])]
            await self.session.report(f"writing {task.path} (try {sample + 1}.{draw + 1})")
            answer = await self.session.ask(self._question(task, sample, draw, about))
            text = file_text(answer.text)
            complaint = await asyncio.to_thread(self._store, task, text, answer.end)
            if not complaint:
                return

    def _store(self, task: FileTask, text: str, end: AnswerEnd) -> str:
        """Writes what was given; what is wrong with it, if anything is."""
        if end is AnswerEnd.REFUSED:
            return "the model refused to answer"
        if end is AnswerEnd.CUT_OFF:
            return "the answer was cut off; it must be shorter"
        try:
            self.tree.write(task.path, text)
        except InvalidInput as error:
            return str(error)
        return check_text(task.path, text, self.craft.foreign)

    def _question(
        self, task: FileTask, sample: int, draw: int, about: Sequence[str]
    ) -> ModelQuestion:
        again = sample + draw
        most = min(p.output_tokens for p in map(self.session.table.profile, self._names()))
        wanted = int(len(task.example) / _CHARACTERS_PER_TOKEN) + _SPARE_TOKENS
        return ModelQuestion(
            instructions=instructions_for_files(self.assignment),
            turns=(Turn(text=file_question(self.assignment, self.craft, task, about)),),
            output_tokens=min(most, wanted),
            temperature=0.0 if again == 0 else min(0.9, 0.3 + 0.2 * again),
            seed=self.session.seed(sample, draw),
        )

    def _names(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.session.models)


def _base(path: str) -> str:
    return path.rsplit("/", 1)[-1]
