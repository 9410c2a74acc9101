"""The executable checks of a persona's own deliverables, run in the sandbox."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from maestro.agents.executors.llm.craft import Craft, check_text
from maestro.agents.executors.llm.programs import run_in_tree
from maestro.agents.executors.llm.session import CallSession
from maestro.agents.executors.llm.tree import WorkTree, shortened
from maestro.agents.executors.offline.executor import mock_ports
from maestro.agents.executors.offline.interpreters import resolve
from maestro.domain.addresses import joined_variables
from maestro.domain.contract import CheckResult
from maestro.domain.encoding import decode, encode
from maestro.domain.mentions import mentioning
from maestro.domain.models import JournaledCall
from maestro.domain.values import JsonValue
from maestro.domain.work import Assignment, CheckCommand
from maestro.domain.write_set import matches
from maestro.errors import InvalidInput
from maestro.ports import Reach, Sandbox

_TAIL_CHARACTERS = 3000
_FORMAT_SECONDS = 60.0
_LAYOUT = ("--line-length", "100", "--target-version", "py311")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChecks:
    assignment: Assignment
    craft: Craft
    tree: WorkTree
    sandbox: Sandbox
    session: CallSession

    async def run(self) -> tuple[CheckResult, ...]:
        """Everything that must hold before the work is handed in; the programs only once every
        file is there and can be read, unless it is they that make the files.
        """
        if self.craft.is_scripted:
            made = [await self._program(check) for check in self.craft.checks]
            return (*await asyncio.to_thread(self._first_look), *made)
        first = await asyncio.to_thread(self._first_look)
        if not all(check.passed for check in first):
            return first
        mentions = await asyncio.to_thread(self._mentions)
        return (*first, *mentions, *[await self._program(check) for check in self.craft.checks])

    def environment(self) -> dict[str, str]:
        """Where programs find the mocks."""
        found = joined_variables(one.variables() for one in self.assignment.consumes)
        return {**found, "PYTHONDONTWRITEBYTECODE": "1"}

    def reach(self) -> Reach:
        """The mocks of the consumed contracts, and nothing else."""
        return Reach(connect=mock_ports(one.url for one in self.assignment.consumes))

    async def lay_out(self) -> None:
        """Lays Python files out as the house does; what cannot be read shows in the checks."""
        paths = [task.path for task in self.craft.tasks if task.path.endswith(".py")]
        there = await asyncio.to_thread(self.tree.files)
        present = [path for path in paths if path in there]
        if present:
            tool = ("{python}", "-m", "ruff", "format", "--isolated", "--no-cache", *_LAYOUT)
            await self.sandbox.run(resolve((*tool, *present)), timeout=_FORMAT_SECONDS)
            order = ("{python}", "-m", "ruff", "check", "--isolated", "--no-cache", "--fix-only")
            sort = (*order, "--select", "I", "--line-length", "100", *present)
            await self.sandbox.run(resolve(sort), timeout=_FORMAT_SECONDS)

    def _first_look(self) -> tuple[CheckResult, ...]:
        missing = self.tree.missing(self.craft.promised)
        present = self.tree.files()
        lacking = [task.path for task in self.craft.tasks if task.path not in present]
        absent = [*missing, *lacking]
        unreadable = [
            f"{path}: {complaint}"
            for path in present
            if path not in self.craft.given
            and self.tree.may_write(path)
            and (complaint := check_text(path, self.tree.read(path), self.craft.foreign))
        ]
        return (
            CheckResult(
                id="deliverables.present",
                statement="Every file that was promised is there.",
                passed=not absent,
                detail="missing: " + ", ".join(absent[:20]) if absent else "",
            ),
            CheckResult(
                id="deliverables.readable",
                statement="Every file can be read and is about this software.",
                passed=not unreadable,
                detail="; ".join(unreadable[:10]),
            ),
        )

    def _mentions(self) -> list[CheckResult]:
        """What the contracts say that the documents mention."""
        made = []
        for criterion, demanded in mentioning(self.assignment.provides):
            paths = [path for path in self.tree.files() if matches(path, demanded.path)]
            missing = demanded.missing(self.tree.read(path) for path in paths)
            told = f"{demanded.path} does not mention {', '.join(map(repr, missing[:20]))}"
            made.append(
                CheckResult(
                    id=criterion.id,
                    statement=criterion.statement,
                    passed=not missing,
                    detail=told if missing else "",
                )
            )
        return made

    async def _program(self, check: CheckCommand) -> CheckResult:
        """Tests are the model's own programs: they change no more than a command of it may."""

        async def program() -> JsonValue:
            return encode(await self._really(check))

        kind, name = JournaledCall.CHECK, str(check.id)
        try:
            what = {"check": name, "files": await asyncio.to_thread(self._given)}
            told = await run_in_tree(self.tree, self.session, kind, name, what, program)
        except InvalidInput as error:
            return CheckResult(
                id=check.id, statement=check.statement, passed=False, detail=str(error)
            )
        return decode(CheckResult, told)

    def _given(self) -> dict[str, JsonValue]:
        return {path: _digest(content) for path, content in self.tree.snapshot().items()}

    async def _really(self, check: CheckCommand) -> CheckResult:
        await self.session.report(f"checking: {check.statement}")
        outcome = await self.sandbox.run(
            resolve(check.argv),
            cwd=check.cwd,
            timeout=check.timeout_seconds,
            env=self.environment(),
            reach=self.reach(),
        )
        passed = outcome.exit_code == 0 and not outcome.timed_out
        said = shortened(f"{outcome.stdout}\n{outcome.stderr}".strip(), _TAIL_CHARACTERS)
        ended = "timed out" if outcome.timed_out else f"exit status {outcome.exit_code}"
        return CheckResult(
            id=check.id,
            statement=check.statement,
            passed=passed,
            detail=f"{ended} after {outcome.duration_seconds:.1f} s"
            + ("" if passed else f":\n{said}"),
        )


def failures(checks: Sequence[CheckResult]) -> tuple[str, ...]:
    """What did not hold, with its evidence."""
    return tuple(f"{check.id}: {check.detail}" for check in checks if not check.passed)


def score(checks: Sequence[CheckResult]) -> int:
    """How many checks hold; the better of two tries has more."""
    return sum(check.passed for check in checks)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
