"""How the work of a persona is started and checked in this house, whoever does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.agents.executors.llm.craft import craft_of
from maestro.agents.executors.offline.executor import mock_ports
from maestro.agents.executors.offline.interpreters import resolve
from maestro.domain.addresses import joined_variables
from maestro.domain.contract import CheckResult
from maestro.domain.work import Assignment, CheckCommand, LaunchCommand
from maestro.errors import AgentFailed
from maestro.ports import CommandResult, Reach, Report, Sandbox

TAIL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    checks: tuple[CheckCommand, ...]
    """Run on the work before it is handed in."""
    rechecks: tuple[CheckCommand, ...]
    """Those of them that run again when the mocks are swapped for the real providers."""
    launch: LaunchCommand | None
    promised: tuple[str, ...]
    """Globs of the deliverables; each must match a file."""


def house_rules(assignment: Assignment) -> HouseRules:
    """Raises NoAgentAvailable when nothing says how such work is checked."""
    craft = craft_of(assignment)
    return HouseRules(
        checks=craft.checks, rechecks=craft.rechecks, launch=craft.launch, promised=craft.promised
    )


async def run_checks(
    rules: HouseRules, assignment: Assignment, sandbox: Sandbox, report: Report
) -> tuple[CheckResult, ...]:
    """Looks that every deliverable is there, then runs the checks against the mocks.

    Raises:
        AgentFailed: what is missing, or the first check that fails with the end of its output.
    """
    missing = [glob for glob in rules.promised if not _delivered(sandbox.root, glob)]
    if missing:
        raise AgentFailed(f"deliverables are missing or empty: {', '.join(missing[:20])}")
    reach = Reach(connect=mock_ports(consumed.url for consumed in assignment.consumes))
    variables = joined_variables(consumed.variables() for consumed in assignment.consumes)
    results: list[CheckResult] = []
    for check in rules.checks:
        await report(f"checking: {check.statement}")
        outcome = await sandbox.run(
            resolve(check.argv),
            cwd=check.cwd,
            timeout=check.timeout_seconds,
            env={**variables, "PYTHONDONTWRITEBYTECODE": "1"},
            reach=reach,
        )
        if outcome.timed_out or outcome.exit_code != 0:
            raise AgentFailed(_complaint(check, outcome))
        results.append(
            CheckResult(
                id=check.id,
                statement=check.statement,
                passed=True,
                detail=f"exit status 0 after {outcome.duration_seconds:.1f} s",
            )
        )
    return tuple(results)


def _delivered(root: Path, glob: str) -> bool:
    return any(path.is_file() and path.stat().st_size for path in root.glob(glob))


def _complaint(check: CheckCommand, outcome: CommandResult) -> str:
    ended = (
        f"was ended after its limit of {check.timeout_seconds:g} s"
        if outcome.timed_out
        else f"ended with status {outcome.exit_code}"
    )
    tail = f"{outcome.stdout}\n{outcome.stderr}".strip()[-TAIL:]
    return f"own check {check.id!r} ({check.statement}) {ended}:\n{tail}"


def commands(checks: Sequence[CheckCommand]) -> list[str]:
    """The checks as a person would type them, each in its folder."""
    return [f"(cd {check.cwd} && {' '.join(check.argv)})" for check in checks]
