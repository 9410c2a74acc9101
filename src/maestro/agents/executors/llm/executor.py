"""The executor `llm`: a language model plays the persona; checks decide, not what it says."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from maestro.agents.executors.llm.by_file import FileByFile
from maestro.agents.executors.llm.by_tools import WithTools
from maestro.agents.executors.llm.checking import OwnChecks, failures, score
from maestro.agents.executors.llm.craft import craft_of
from maestro.agents.executors.llm.session import CallSession, caller_of
from maestro.agents.executors.llm.tree import WorkTree
from maestro.agents.models.names import model_name
from maestro.domain.contract import CheckResult
from maestro.domain.models import CallOwner, ModelProfile, ModelTable, WorkStyle
from maestro.domain.values import JsonObject
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import Blocked, NoAgentAvailable
from maestro.ports import CallJournal, LanguageModel, Report, Sandbox

_TRANSCRIPT = 40
"""Calls of a transcript that are kept with a refusal; all of them are in the journal."""
_NO_PROGRESS = 2
"""Tries in a row that change nothing, after which there are no more."""

OpenModel = Callable[[str, ModelProfile], LanguageModel]


@dataclass(slots=True)
class LlmExecutor:
    """A PersonaExecutor, and Consultants. The models are those of the assignment's table."""

    open_model: OpenModel
    journal: CallJournal
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _opened: dict[tuple[str, ModelProfile], LanguageModel] = field(default_factory=dict)

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Raises Blocked with every try and its evidence when no try passes its own checks,
        BudgetExceeded, ModelFailed, NoAgentAvailable.
        """
        table = assignment.table or ModelTable()
        names = table.names(assignment.persona.id)
        if not names:
            raise NoAgentAvailable(
                f"no model plays the persona {assignment.persona.id!r} in this run; name one with "
                "--model"
            )
        models = [await self._model(name, table.profile(name)) for name in names]
        craft = await asyncio.to_thread(craft_of, assignment)
        style = _style(names[0], table)
        if style is WorkStyle.FILES and not craft.tasks and not craft.is_scripted:
            style = WorkStyle.TOOLS  # without a worked example there is no list of files
        await report(f"{names[0]} plays {assignment.persona.id} ({style.value})")
        session = await CallSession.open(caller_of(assignment), table, models, self.journal, report)
        tree = WorkTree(sandbox.root, craft.writable)
        base = {**await asyncio.to_thread(tree.snapshot), **craft.given}
        await asyncio.to_thread(tree.restore, base)
        checks = OwnChecks(
            assignment=assignment, craft=craft, tree=tree, sandbox=sandbox, session=session
        )
        manner = FileByFile if style is WorkStyle.FILES else WithTools
        work = manner(
            assignment=assignment,
            craft=craft,
            tree=tree,
            session=session,
            checks=checks,
            base=base,
        )
        work.evidence = assignment.feedback
        return await _best(work, _Tries(table.samples))

    async def consult(
        self, caller: CallOwner, table: ModelTable, names: Sequence[str], report: Report
    ) -> CallSession:
        """The Consultants port."""
        models = [await self._model(name, table.profile(name)) for name in names]
        return await CallSession.open(caller, table, models, self.journal, report)

    async def _model(self, name: str, profile: ModelProfile) -> LanguageModel:
        """One object per model, so that all personas share its places."""
        async with self._opening:
            if (name, profile) not in self._opened:
                opened = await asyncio.to_thread(self.open_model, name, profile)
                self._opened[name, profile] = opened
            return self._opened[name, profile]


@dataclass(slots=True)
class _Tries:
    most: int
    told: list[JsonObject] = field(default_factory=list)
    best: tuple[CheckResult, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    """Of the last one."""
    unchanged: int = 0

    def note(self, sample: int, checks: Sequence[CheckResult], files: dict[str, bytes]) -> None:
        self.unchanged = self.unchanged + 1 if files == self.files else 0
        self.files = files
        if not self.best or score(checks) > score(self.best):
            self.best = tuple(checks)
        self.told.append(
            {
                "try": sample + 1,
                "passed": [check.id for check in checks if check.passed],
                "failed": list(failures(checks)),
            }
        )


async def _best(work: FileByFile | WithTools, tries: _Tries) -> WorkResult:
    session = work.session
    for sample in range(tries.most):
        checks = await work.draw(sample)
        tries.note(sample, checks, await asyncio.to_thread(work.tree.snapshot))
        passed = all(check.passed for check in checks)
        await session.report(
            f"try {sample + 1} of {tries.most}: {score(checks)} of {len(checks)} checks hold"
        )
        if passed:
            files = await asyncio.to_thread(work.tree.files)
            result = _result(work, tries, checks, files)
            await session.end()
            return result
        if tries.unchanged >= _NO_PROGRESS:
            break
    await session.end()
    raise _refusal(work, tries)


def _result(
    work: FileByFile | WithTools,
    tries: _Tries,
    checks: Sequence[CheckResult],
    files: tuple[str, ...],
) -> WorkResult:
    craft, usage = work.craft, work.session.usage
    names = [model.name for model in work.session.models]
    wrote = f"wrote {len(craft.tasks) or len(files)} files"
    if craft.is_scripted and not usage.model_calls:
        wrote = "had nothing to write: given programs made the files"
    return WorkResult(
        summary=f"{names[0]} {wrote} in {len(tries.told)} tries and {usage.model_calls} calls",
        changed_paths=files,
        checks=tuple(checks),
        usage=usage,
        launch=craft.launch,
        rechecks=craft.rechecks,
        details={
            "models": names,
            "tries": tries.told,
            "given": sorted(craft.given),
            "written": [path for path in files if path not in craft.given],
            "replayed_calls": work.session.replayed,
            "not_built_operations": [],
            **work.details(),
        },
    )


def _refusal(work: FileByFile | WithTools, tries: _Tries) -> Blocked:
    session, usage = work.session, work.session.usage
    tokens = usage.input_tokens + usage.output_tokens
    return Blocked(
        f"what {session.models[0].name!r} made as {work.assignment.persona.id!r} does not pass its "
        f"own checks after {len(tries.told)} tries ({usage.model_calls} calls, {tokens} tokens)",
        reasons=failures(tries.best),
        detail={
            "tries": tries.told,
            "usage": {
                "model_calls": usage.model_calls,
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cost": usage.cost,
            },
            "transcript": session.transcript[-_TRANSCRIPT:],
        },
    )


def _style(name: str, table: ModelTable) -> WorkStyle:
    return table.profile(name).style or model_name(name).style
