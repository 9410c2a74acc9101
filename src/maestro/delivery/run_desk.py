"""Runs as doors show them: lists, states, events, and what their steps have made."""

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maestro.delivery.flow_steps import VALUES
from maestro.delivery.record import WorkRecord
from maestro.delivery.service import Maestro
from maestro.domain.encoding import decode
from maestro.domain.overview import AttemptRecord, RunOverview, RunQuery, StoreFigures
from maestro.domain.run import ENDED_RUNS, Event, EventKind, Run, RunStatus, StepRun, StepStatus
from maestro.domain.steering import LEGAL, Verb
from maestro.domain.values import Digest, RunId, StepId
from maestro.domain.work import Artifact
from maestro.domain.workflow import Step, Workflow
from maestro.errors import InvalidInput, NotFound

MAX_DIFF_BYTES = 400_000
RECENT = 200
"""Events that are looked at for what a run is doing now."""
_RUN_VERBS = (Verb.PAUSE, Verb.RESUME, Verb.CANCEL, Verb.RETRY, Verb.REWORK)
_STEP_VERBS = (
    Verb.RETRY,
    Verb.RERUN,
    Verb.APPROVE,
    Verb.REJECT,
    Verb.SIGNAL,
    Verb.EDIT_OUTPUT,
)
_FOCUS = (
    StepStatus.FAILED,
    StepStatus.BLOCKED,
    StepStatus.AWAITING,
    StepStatus.RUNNING,
    StepStatus.WAITING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """A run and its steps at one moment."""

    overview: RunOverview
    workflow: Workflow
    steps: tuple[StepRun, ...]
    recent: tuple[Event, ...]
    driven: bool

    def doing(self) -> tuple[str, ...]:
        """What the steps that run are doing, one line each."""
        told: dict[str, str] = {}
        for event in self.recent:
            if event.kind is EventKind.STEP_PROGRESS and event.step_id is not None:
                told[event.step_id] = str(event.data.get("message", ""))
        titles = {step.id: step.label for step in self.workflow.steps}
        return tuple(
            f"{titles[step.step_id]}: {told[step.step_id]}"
            if step.step_id in told
            else titles[step.step_id]
            for step in self.steps
            if step.status is StepStatus.RUNNING
        )

    def focus(self) -> StepId | None:
        """The step to look at first: the first that failed, else was blocked, waits or runs."""
        for status in _FOCUS:
            for step in self.steps:
                if step.status is status:
                    return step.step_id
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFile:
    """A file that an attempt at a step delivered."""

    step_id: StepId
    attempt: int
    persona: str
    artifact: Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """How a file differs between two attempts."""

    path: str
    change: str
    """`added`, `removed` or `changed`."""
    before: Digest | None
    after: Digest | None
    diff: str | None
    """Unified; None where one of the two is no text, or too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDesk:
    """Looks only; whoever may ask is the door's to know."""

    maestro: Maestro

    async def page(self, query: RunQuery, limit: int) -> Sequence[RunOverview]:
        """Newest first."""
        return await self.maestro.store.read(lambda tx: tx.listing.page(query, limit))

    async def overview(self, run_id: RunId) -> RunOverview:
        """Raises NotFound."""
        return await self.maestro.store.read(lambda tx: tx.listing.overview(run_id))

    async def state(self, run_id: RunId) -> RunSnapshot:
        """Raises NotFound."""
        overview, workflow, steps, recent = await self.maestro.store.read(
            lambda tx: (
                seen := tx.listing.overview(run_id),
                tx.runs.workflow(run_id),
                tx.runs.steps(run_id),
                tx.events.after(run_id, max(0, seen.last_sequence - RECENT)),
            )
        )
        return RunSnapshot(
            overview=overview,
            workflow=workflow,
            steps=tuple(steps),
            recent=tuple(recent),
            driven=await self.maestro.store.driven(run_id),
        )

    async def step(self, run_id: RunId, step_id: StepId) -> tuple[Step, StepRun]:
        """Raises NotFound."""
        workflow, steps = await self.maestro.store.read(
            lambda tx: (tx.runs.workflow(run_id), tx.runs.steps(run_id))
        )
        for step, state in zip(workflow.steps, steps, strict=True):
            if step.id == step_id:
                return step, state
        raise NotFound(f"run {run_id!r} has no step {step_id!r}")

    async def attempts(self, run_id: RunId, step_id: StepId) -> Sequence[AttemptRecord]:
        """In order."""
        return await self.maestro.store.read(lambda tx: tx.listing.attempts(run_id, step_id))

    async def head(self, run_id: RunId) -> tuple[RunStatus, int]:
        """Status and last event's number, at the same moment. Raises NotFound."""
        return await self.maestro.store.read(lambda tx: tx.listing.last_sequence(run_id))

    async def events(
        self, run_id: RunId, after: int, limit: int
    ) -> tuple[Sequence[Event], RunStatus, int]:
        """Events behind a number, with the run's status and last number at that moment."""
        return await self.maestro.store.read(
            lambda tx: (
                tx.events.after(run_id, after, limit),
                *tx.listing.last_sequence(run_id),
            )
        )

    async def figures(self) -> StoreFigures:
        return await self.maestro.store.read(lambda tx: tx.listing.figures())

    async def unfinished(self, limit: int) -> Sequence[RunId]:
        """PENDING and RUNNING runs, oldest first."""
        return await self.maestro.store.read(lambda tx: tx.listing.unfinished(limit))

    async def files(self, run_id: RunId, step_id: StepId | None = None) -> tuple[MadeFile, ...]:
        """Everything that succeeded attempts at persona steps delivered, in the run's order."""
        workflow = await self.maestro.store.read(lambda tx: tx.runs.workflow(run_id))
        asked = [
            step.id
            for step in workflow.steps
            if step.action == "persona.work" and step_id in (None, step.id)
        ]
        tried = await self.maestro.store.read(
            lambda tx: {step: tx.listing.attempts(run_id, step) for step in asked}
        )
        return await asyncio.to_thread(_made, tried)

    async def content(self, run_id: RunId, digest: Digest) -> bytes:
        """Of a file that this run has made. Raises NotFound."""
        integrated = await self.maestro.store.read(lambda tx: _integrated(tx.runs.steps(run_id)))
        known = {made.artifact.digest for made in await self.files(run_id)}
        if digest not in known and digest not in integrated:
            raise NotFound(f"run {run_id!r} has made nothing with the digest {digest!r}")
        return await self.maestro.workspace.artifacts.get(digest)

    async def diff(
        self, run_id: RunId, step_id: StepId, before: int, after: int
    ) -> tuple[FileChange, ...]:
        """How what two attempts at a step delivered differs.

        Raises:
            NotFound: no such step, or one of the attempts delivered nothing.
        """
        await self.step(run_id, step_id)
        made = await self.files(run_id, step_id)
        sides = [
            {item.artifact.path: item.artifact for item in made if item.attempt == number}
            for number in (before, after)
        ]
        for number, side in zip((before, after), sides, strict=True):
            if not side:
                raise NotFound(f"attempt {number} at step {step_id!r} delivered no files")
        old, new = sides
        return tuple(
            [
                await self._change(path, old.get(path), new.get(path))
                for path in sorted(old.keys() | new.keys())
                if path not in old or path not in new or old[path].digest != new[path].digest
            ]
        )

    async def _change(self, path: str, old: Artifact | None, new: Artifact | None) -> FileChange:
        texts = [await self._text(artifact) for artifact in (old, new)]
        shown = None
        if None not in texts:
            shown = await asyncio.to_thread(_unified, path, str(texts[0]), str(texts[1]))
        change = "changed" if old and new else ("added" if new else "removed")
        return FileChange(
            path=path,
            change=change,
            before=old.digest if old else None,
            after=new.digest if new else None,
            diff=shown,
        )

    async def _text(self, artifact: Artifact | None) -> str | None:
        if artifact is None:
            return ""
        if artifact.size > MAX_DIFF_BYTES:
            return None
        content = await self.maestro.workspace.artifacts.get(artifact.digest)
        try:
            return content.decode()
        except UnicodeDecodeError:
            return None


def kind_of(run: Run) -> str:
    """`build`, `plan` (which only plans) or `workflow`."""
    if VALUES in run.inputs and "requirement" not in run.inputs:
        return "workflow"
    return "plan" if run.inputs.get("plan_only") else "build"


def run_verbs(status: RunStatus) -> tuple[Verb, ...]:
    """What may be asked of a run in this status; resuming means retrying where it ended badly."""
    found = [verb for verb in _RUN_VERBS if status in LEGAL[verb].runs]
    if status in (RunStatus.BLOCKED, RunStatus.FAILED):
        found.append(Verb.RESUME)
    idle = {RunStatus.PAUSED: Verb.PAUSE, RunStatus.RUNNING: Verb.RESUME}
    pointless = {idle.get(status)}
    if status in ENDED_RUNS - {RunStatus.FAILED, RunStatus.BLOCKED}:
        pointless |= {Verb.CANCEL, Verb.REWORK}
    if status in (RunStatus.RUNNING, RunStatus.PAUSED):
        pointless |= {Verb.RETRY, Verb.REWORK}
    return tuple(verb for verb in found if verb not in pointless)


def step_verbs(run: RunStatus, step: Step, state: StepRun) -> tuple[Verb, ...]:
    """What may be asked of a step."""
    wanted = {Verb.APPROVE: "approval", Verb.REJECT: "approval", Verb.SIGNAL: "signal"}
    return tuple(
        verb
        for verb in _STEP_VERBS
        if run in LEGAL[verb].runs
        and state.status in LEGAL[verb].steps
        and wanted.get(verb, step.kind.value) == step.kind.value
        and not (verb is Verb.RERUN and state.extended)
        and not (verb is Verb.EDIT_OUTPUT and step.kind.value in ("interface", "gate"))
    )


def _made(tried: Mapping[StepId, Sequence[AttemptRecord]]) -> tuple[MadeFile, ...]:
    found = []
    for step_id, attempts in tried.items():
        for record in attempts:
            if record.status != StepStatus.SUCCEEDED.value or record.output is None:
                continue
            work = decode(WorkRecord, record.output)
            found += [
                MadeFile(
                    step_id=step_id, attempt=record.attempt, persona=work.persona, artifact=made
                )
                for made in work.artifacts
            ]
    return tuple(found)


def _integrated(steps: Sequence[StepRun]) -> frozenset[str]:
    """Digests of what was put together from the contributions."""
    for step in steps:
        if step.step_id == "integrate" and isinstance(step.output, Mapping):
            return frozenset(str(item["digest"]) for item in step.output.get("artifacts", ()))
    return frozenset()


def _unified(path: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def checked_status(text: str) -> RunStatus:
    """Raises InvalidInput listing the known ones."""
    try:
        return RunStatus(text)
    except ValueError:
        raise InvalidInput(f"status {text!r} is not one of {', '.join(RunStatus)}") from None
