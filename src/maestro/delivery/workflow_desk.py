"""Workflow files that are kept, to be run by their names."""

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from maestro.delivery.authorize import authorized
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.encoding import decode
from maestro.domain.overview import StoredWorkflow
from maestro.domain.sharing import SharedKind
from maestro.domain.values import is_identifier
from maestro.domain.workflow import Step
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import Transaction
from maestro.workflow.definition import WorkflowDefinition, parse_definition
from maestro.workflow.definition.actions import COMMAND, EXPAND


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDesk:
    """Workflows of the project and in the name of the principal of `maestro`."""

    maestro: Maestro

    async def create(self, source: str, name: str | None = None) -> StoredWorkflow:
        """Keeps a workflow under its own name, or another one.

        Raises:
            InvalidInput: it could not be run. Conflict: the name is taken. PermissionDenied.
        """
        definition = await definition_of(source)
        command = next(_commands(definition.workflow.steps), None)
        if command is not None:
            raise InvalidInput(
                f"step {command.id!r} runs a command, which starts in the folder of the workflow's "
                "file; a stored workflow has none: run it with 'maestro workflows run FILE'"
            )
        chosen = definition.workflow.name if name is None else name
        if not is_identifier(chosen):
            raise InvalidInput(
                f"{chosen!r} cannot name a stored workflow: use a small letter, then small "
                "letters, digits, '.', '_', '-'"
            )
        now = self.maestro.clock.now()
        made = StoredWorkflow(
            name=chosen,
            project=self.maestro.project,
            source=source,
            digest="sha256:" + hashlib.sha256(source.encode()).hexdigest(),
            created_by=self.maestro.principal.id,
            created_at=now,
        )
        await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.WORKFLOW_WRITE,
            target=f"{made.project}/{made.name}",
            at=now,
            act=lambda tx: tx.workflows.insert(made),
            action="workflow:create",
            project=made.project,
        )
        return made

    async def get(self, name: str) -> StoredWorkflow:
        """The project's own, or else the one that another project shares with it.

        Raises:
            NotFound. Conflict: several projects share one of this name.
        """
        project = self.maestro.project
        return await self.maestro.store.read(lambda tx: _known(tx, project, name))

    async def find(self, projects: Collection[str] | None) -> Sequence[StoredWorkflow]:
        """Of all projects where None; with what is shared with them; by project and name."""
        return await self.maestro.store.read(lambda tx: _found(tx, projects))


def _known(tx: Transaction, project: str, name: str) -> StoredWorkflow:
    try:
        return tx.workflows.get(project, name)
    except NotFound:
        owners = tx.projects.owners(SharedKind.WORKFLOW, name, project)
        if not owners:
            raise
    if len(owners) > 1:
        raise Conflict(
            f"workflow {name!r} is shared with project {project!r} by {', '.join(owners)}; all "
            "but one of them have to take their shares back"
        )
    return tx.workflows.get(owners[0], name)


def _found(tx: Transaction, projects: Collection[str] | None) -> Sequence[StoredWorkflow]:
    found = {(each.project, each.name): each for each in tx.workflows.find(projects)}
    for project in projects or ():
        for share in tx.projects.shares(project):
            if share.with_project == project and share.kind is SharedKind.WORKFLOW:
                key = (share.project, share.name)
                found[key] = tx.workflows.get(*key)
    return [found[key] for key in sorted(found)]


def _commands(steps: Iterable[Step]) -> Iterator[Step]:
    """Those that run a command, in maps too."""
    for step in steps:
        if step.action == COMMAND:
            yield step
        elif step.action == EXPAND:
            yield from _commands(decode(Step, data) for data in step.inputs["steps"])


async def definition_of(source: str) -> WorkflowDefinition:
    """Raises InvalidInput naming the place and the rule."""
    return await asyncio.to_thread(_parsed, source)


@lru_cache(maxsize=64)
def _parsed(source: str) -> WorkflowDefinition:
    """Lists read every stored file, long ones among them; none of them changes."""
    return parse_definition(source)
