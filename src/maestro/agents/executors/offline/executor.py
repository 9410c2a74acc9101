"""The offline executor: builds software from template packages, without any model."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from maestro.agents.executors.offline.interpreters import resolve
from maestro.agents.executors.offline.packages import (
    PackageCheck,
    TemplatePackage,
    built_in_packages,
    recommend,
)
from maestro.agents.executors.offline.render import (
    Context,
    RenderedFile,
    expand_component,
    render_package,
    write_files,
)
from maestro.agents.executors.offline.views import context_of
from maestro.domain.addresses import joined_variables
from maestro.domain.contract import CheckResult
from maestro.domain.work import (
    Assignment,
    CheckCommand,
    LaunchCommand,
    NotBuilt,
    TemplateChoice,
    WorkResult,
)
from maestro.errors import InvalidInput, NoAgentAvailable, StepFailed
from maestro.ports import CommandResult, Reach, Report, Sandbox

TAIL_LINES = 40
FORMAT_SECONDS = 60.0
_LAYOUT = ("--line-length", "100", "--target-version", "py311")


@dataclass(frozen=True, slots=True)
class OfflineExecutor:
    """A PersonaExecutor. It gives what the best package gives, and runs that package's checks."""

    packages: Sequence[TemplatePackage] = field(default_factory=built_in_packages)

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Raises NoAgentAvailable without a fitting package, StepFailed when a check fails."""
        choice, package = self._choose(assignment)
        await report(f"{package.manifest.name}: {'; '.join(choice.reasons)}")
        context = context_of(package.manifest.view, assignment)
        checks = [_command(check, context) for check in package.manifest.checks]
        for check in checks:
            resolve(check.argv)  # a missing interpreter shows before any work is done
        rendered = await asyncio.to_thread(render_package, package, context)
        await asyncio.to_thread(write_files, sandbox.root, rendered)
        await _format(rendered, sandbox)
        await report(f"wrote {len(rendered)} files")
        results = [await _run(check, assignment, sandbox, report) for check in checks]
        return _result(assignment, package, choice, context, rendered, tuple(results))

    def _choose(self, assignment: Assignment) -> tuple[TemplateChoice, TemplatePackage]:
        choices = recommend(assignment, self.packages)
        if not choices:
            known = sorted({package.manifest.persona for package in self.packages})
            raise NoAgentAvailable(
                f"no template package builds {assignment.component!r} for the persona "
                f"{assignment.persona.id!r}; packages exist for: {', '.join(known) or 'nobody'}"
            )
        best = choices[0]
        return best, next(p for p in self.packages if p.id == best.template)


def mock_ports(urls: Iterable[str]) -> tuple[int, ...]:
    """The loopback ports that these addresses need."""
    ports = (urlsplit(url).port for url in urls)
    return tuple(sorted({port for port in ports if port is not None}))


def _command(check: PackageCheck, context: Context) -> CheckCommand:
    return CheckCommand(
        id=check.id,
        statement=check.statement,
        argv=tuple(expand_component(word, context) for word in check.argv),
        cwd=expand_component(check.cwd, context),
        timeout_seconds=check.timeout_seconds,
    )


async def _format(rendered: tuple[RenderedFile, ...], sandbox: Sandbox) -> None:
    """Lays Python files out; names of any length make lines that no template can foresee.

    Raises:
        StepFailed: a file is not Python.
    """
    paths = [file.path for file in rendered if file.path.endswith(".py")]
    if not paths:
        return
    argv = ("{python}", "-m", "ruff", "format", "--isolated", "--no-cache", *_LAYOUT, *paths)
    outcome = await sandbox.run(resolve(argv), timeout=FORMAT_SECONDS)
    if outcome.timed_out or outcome.exit_code != 0:
        raise StepFailed(f"rendered code cannot be laid out:\n{_tail(outcome, TAIL_LINES)}")


async def _run(
    check: CheckCommand, assignment: Assignment, sandbox: Sandbox, report: Report
) -> CheckResult:
    environment = joined_variables(consumed.variables() for consumed in assignment.consumes)
    await report(f"checking: {check.statement}")
    outcome = await sandbox.run(
        resolve(check.argv),
        cwd=check.cwd,
        timeout=check.timeout_seconds,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        reach=Reach(connect=mock_ports(consumed.url for consumed in assignment.consumes)),
    )
    if outcome.timed_out or outcome.exit_code != 0:
        raise StepFailed(_complaint(check, outcome))
    last = _tail(outcome, 1)
    return CheckResult(
        id=check.id,
        statement=check.statement,
        passed=True,
        detail=f"exit status 0 after {outcome.duration_seconds:.1f} s; {last}",
    )


def _complaint(check: CheckCommand, outcome: CommandResult) -> str:
    ended = (
        f"was ended after its limit of {check.timeout_seconds:g} s"
        if outcome.timed_out
        else f"ended with status {outcome.exit_code}"
    )
    return f"own check {check.id!r} ({check.statement}) {ended}:\n{_tail(outcome, TAIL_LINES)}"


def _tail(outcome: CommandResult, lines: int) -> str:
    text = f"{outcome.stdout}\n{outcome.stderr}".strip()
    return "\n".join(text.splitlines()[-lines:])


def _result(
    assignment: Assignment,
    package: TemplatePackage,
    choice: TemplateChoice,
    context: Context,
    rendered: tuple[RenderedFile, ...],
    results: tuple[CheckResult, ...],
) -> WorkResult:
    manifest = package.manifest
    launch = manifest.launch
    return WorkResult(
        summary=f"{manifest.summary} ({len(rendered)} files)",
        changed_paths=tuple(file.path for file in rendered),
        checks=results,
        not_built=_not_built(context),
        template=choice,
        launch=None
        if launch is None
        else LaunchCommand(
            argv=launch.argv,
            cwd=expand_component(launch.cwd, context),
            ready_path=launch.ready_path,
            base_path=launch.base_path,
        ),
        rechecks=tuple(_command(check, context) for check in manifest.checks if check.recheck),
        details={
            "files": len(rendered),
            "component": assignment.component,
            "not_built_operations": list(_texts(context, "not_built_operations")),
        },
    )


def _not_built(context: Context) -> tuple[NotBuilt, ...]:
    """What the view says it left out, under the name `not_built`."""
    listed = context.get("not_built", ())
    if not isinstance(listed, tuple) or not all(isinstance(item, NotBuilt) for item in listed):
        raise InvalidInput(f"a view's 'not_built' must be a tuple of NotBuilt, got {listed!r}")
    return listed


def _texts(context: Context, key: str) -> tuple[str, ...]:
    listed = context.get(key, ())
    if not isinstance(listed, tuple) or not all(isinstance(item, str) for item in listed):
        raise InvalidInput(f"a view's {key!r} must be a tuple of text, got {listed!r}")
    return listed
