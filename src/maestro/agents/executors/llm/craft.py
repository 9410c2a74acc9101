"""What a persona has to deliver, how it is checked, and the worked example for it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.agents.executors.offline.packages import (
    PackageCheck,
    TemplatePackage,
    built_in_packages,
    recommend,
)
from maestro.agents.executors.offline.render import Context, expand_component, render_package
from maestro.agents.executors.offline.views import context_of
from maestro.domain.contract import Contract
from maestro.domain.work import Assignment, CheckCommand, LaunchCommand
from maestro.domain.write_set import promised
from maestro.errors import NoAgentAvailable


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTask:
    """One file to be written, and how it looks in the worked example."""

    path: str
    example_path: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft:
    checks: tuple[CheckCommand, ...]
    rechecks: tuple[CheckCommand, ...]
    launch: LaunchCommand | None
    given: Mapping[str, bytes]
    """Files that are the same in whatever software of this kind, and agreed documents."""
    tasks: tuple[FileTask, ...]
    """What depends on the software: the model's work. Empty without a worked example."""
    writable: tuple[str, ...]
    promised: tuple[str, ...]
    """Globs of the deliverables; each must match a file."""
    example: Assignment | None
    foreign: tuple[str, ...]
    """Names of the worked example that must not be left in a file."""

    @property
    def is_scripted(self) -> bool:
        """Whether given programs make all that is delivered, and nothing is left to be written."""
        return bool(self.given) and bool(self.checks) and not self.tasks


def craft_of(assignment: Assignment) -> Craft:
    """Raises NoAgentAvailable when nothing says how such work is checked."""
    choices = recommend(assignment)
    own_globs = promised(assignment.provides)
    if not choices:
        raise NoAgentAvailable(
            f"nothing says how the work of {assignment.persona.id!r} is checked, so that no model "
            "may be given it"
        )
    package = next(p for p in built_in_packages() if p.id == choices[0].template)
    context = context_of(package.manifest.view, assignment)
    given, tasks = _example_files(package, assignment)
    manifest = package.manifest
    own = dict.fromkeys((*own_globs, *given, *(task.path for task in tasks)))
    return Craft(
        checks=tuple(_command(check, context) for check in manifest.checks),
        rechecks=tuple(_command(check, context) for check in manifest.checks if check.recheck),
        launch=_launch(package, context),
        given=given,
        tasks=tasks,
        writable=tuple(own),
        promised=own_globs,
        example=assignment.examples[0] if assignment.examples else None,
        foreign=_names(assignment),
    )


def _command(check: PackageCheck, context: Context) -> CheckCommand:
    return CheckCommand(
        id=check.id,
        statement=check.statement,
        argv=tuple(expand_component(word, context) for word in check.argv),
        cwd=expand_component(check.cwd, context),
        timeout_seconds=check.timeout_seconds,
    )


def _launch(package: TemplatePackage, context: Context) -> LaunchCommand | None:
    launch = package.manifest.launch
    if launch is None:
        return None
    return LaunchCommand(
        argv=launch.argv,
        cwd=expand_component(launch.cwd, context),
        ready_path=launch.ready_path,
        base_path=launch.base_path,
    )


def _example_files(
    package: TemplatePackage, assignment: Assignment
) -> tuple[dict[str, bytes], tuple[FileTask, ...]]:
    """What two pieces of software share is given; what differs is the model's to write."""
    if len(assignment.examples) < 2:
        return {}, ()
    first, second = (
        {
            file.path: file.content
            for file in render_package(package, context_of(package.manifest.view, example))
        }
        for example in assignment.examples[:2]
    )
    given: dict[str, bytes] = {}
    tasks: list[FileTask] = []
    for path, content in first.items():
        if second.get(path) == content:
            given[path] = content
            continue
        document = _document(content, assignment.examples[0].contracts, assignment.contracts)
        if document is not None:
            given[path] = document
            continue
        tasks.append(
            FileTask(
                path=_renamed(path, assignment),
                example_path=path,
                example=content.decode("utf-8", "replace"),
            )
        )
    return given, tuple(tasks)


def _document(
    content: bytes, contracts: Sequence[Contract], own: Sequence[Contract]
) -> bytes | None:
    """A file that is an agreed contract, word for word, is handed over and not written anew."""
    try:
        value = json.loads(content)
    except ValueError:
        return None
    named = {contract.id: contract for contract in own}
    for contract in contracts:
        if value == contract.specification and contract.id in named:
            return json.dumps(named[contract.id].specification, indent=2).encode() + b"\n"
    return None


def _renamed(path: str, assignment: Assignment) -> str:
    """The example's path with this software's names in it."""
    example = assignment.examples[0]
    for theirs, ours in zip(example.domain.entities, assignment.domain.entities, strict=True):
        for word, own in ((theirs.plural, ours.plural), (theirs.name, ours.name)):
            path = re.sub(rf"(?<![a-z]){re.escape(word)}(?![a-z])", own, path)
    return path


def _names(assignment: Assignment) -> tuple[str, ...]:
    """Names of entities and fields of the example that this software does not have."""
    if not assignment.examples:
        return ()
    own = set(_domain_names(assignment))
    return tuple(name for name in _domain_names(assignment.examples[0]) if name not in own)


def _domain_names(assignment: Assignment) -> tuple[str, ...]:
    names: list[str] = []
    for entity in assignment.domain.entities:
        names += [entity.name, entity.plural, *(field.name for field in entity.fields)]
    return tuple(dict.fromkeys(names))


def left_over(text: str, foreign: Sequence[str]) -> tuple[str, ...]:
    """Names of the example that are still in a text."""
    low = text.lower()
    return tuple(name for name in foreign if re.search(rf"(?<![a-z]){re.escape(name)}", low))


def check_text(path: str, text: str, foreign: Sequence[str]) -> str:
    """What is wrong with a file at first sight; empty where nothing is."""
    if not text.strip():
        return "it is empty"
    left = left_over(text, foreign)
    if left:
        return f"names of the worked example are left in it: {', '.join(left[:6])}"
    try:
        if path.endswith(".py"):
            compile(text, path, "exec", dont_inherit=True)
        elif path.endswith(".json"):
            json.loads(text)
    except SyntaxError as error:
        return f"line {error.lineno} is not Python: {error.msg}"
    except ValueError as error:
        return f"it cannot be read: {error}"
    except (RecursionError, MemoryError) as error:
        return f"it cannot be read: {type(error).__name__}, it is nested too deeply"
    return ""
