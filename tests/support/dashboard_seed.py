"""Small runs of the real engine for the dashboard to show: written twice, refused by a gate."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from scripted_run import plan_of

from maestro.bootstrap import connect
from maestro.delivery.service import Maestro
from maestro.delivery.workflow_runs import execute_workflow, start_workflow
from maestro.domain.contract import Contract, ContractKind, Deliverable, SpecificationFormat
from maestro.domain.plan import Plan
from maestro.domain.steering import Verb
from maestro.domain.team import BlueprintMatch
from maestro.domain.values import ContractId, RunId, StepId
from maestro.domain.work import Assignment, WorkResult
from maestro.domain.workflow import Step, StepKind
from maestro.ports import Report, Sandbox
from maestro.settings import Settings
from maestro.workflow.definition import load_definition

WRITER = "technical_writer"
WORK, VERIFY = StepId(f"work.{WRITER}"), StepId("verify.handbook")
HANDBOOK = Contract(
    id=ContractId("handbook"),
    name="Handbook",
    kind=ContractKind.DOCUMENT,
    version="1.0.0",
    provider=WRITER,
    component="app",
    consumers=("qa_engineer",),
    format=SpecificationFormat.JSON_SCHEMA,
    specification={"type": "object"},
    deliverables=(Deliverable(name="handbook", description="text", paths=("docs/*.md",)),),
    acceptance=(),
)

_TEXT = """# Handbook

Edition {} of this handbook says in a few plain sentences how the product is to be used, by whom it
is used, what it keeps for them and whom to ask when it does not do what it says.
"""

RELEASE = """
name: release
version: "1"
steps:
  - id: fetch
    title: Fetch the sources
    action: command.run
    inputs:
      argv:
        - sh
        - -c
        - test -e seen || { touch seen; echo the mirror did not answer >&2; exit 1; }
  - id: sign-off
    title: Sign off the release
    kind: approval
    needs: [fetch]
  - id: publish
    title: Publish
    needs: [sign-off]
    action: command.run
    inputs: {argv: [echo, out]}
"""


@dataclass
class ScriptedWriter:
    """Writes another handbook with every attempt; angle brackets are to be shown as such."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await report(f"<b>writing</b> edition {assignment.attempt}")
        path = sandbox.root / "docs" / "handbook.md"
        await asyncio.to_thread(_write, path, _TEXT.format(assignment.attempt))
        return WorkResult(summary="a handbook", changed_paths=("docs/handbook.md",))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def plan(*, judged: bool) -> Plan:
    agree = StepId("contract.handbook")
    steps = [
        Step(
            id=agree,
            title="Agree on Handbook",
            action="contract.agree",
            kind=StepKind.INTERFACE,
            phase="design",
            inputs={"contract": HANDBOOK.id},
        ),
        Step(
            id=WORK,
            title="Technical writer",
            action="persona.work",
            needs=(agree,),
            phase="documentation",
            persona=WRITER,
            inputs={
                "persona": WRITER,
                "component": "app",
                "provides": [HANDBOOK.id],
                "consumes": [],
            },
        ),
        Step(
            id=VERIFY,
            title="Verify Handbook",
            action="contract.verify",
            kind=StepKind.GATE,
            needs=(WORK,),
            phase="documentation",
            inputs={"contract": HANDBOOK.id},
        ),
    ]
    if judged:
        steps.append(
            Step(
                id=StepId("gate.documentation"),
                title="Gate: documentation",
                action="quality.gate",
                kind=StepKind.GATE,
                needs=(VERIFY,),
                phase="documentation",
                inputs={"phase": "documentation"},
            )
        )
    match = BlueprintMatch(blueprint="full-stack", score=0.9, reasons=("it writes",))
    return replace(plan_of((HANDBOOK,), steps), matches=(match,))


@dataclass(frozen=True)
class Seeds:
    written: RunId
    """Succeeded; its handbook was written twice."""
    refused: RunId
    """Blocked by the gate of its documentation."""
    broken: RunId
    """Failed at its first step, which succeeds when it is tried again; then it asks."""


ANGLED = "Write a handbook <script>alert(1)</script>"
"""A requirement that is to be shown as text, and as nothing else."""


async def seed(database: Path, requirement: str = ANGLED) -> Seeds:
    settings = Settings.load({}, database=database, sandbox="off")
    async with connect(settings, executor=ScriptedWriter()) as m:
        written = await _run(m, requirement, judged=False)
        await m.steer(written, Verb.RERUN, WORK)
        await m.execute(written)
        refused = await _run(m, "Write a handbook that is judged", judged=True)
        return Seeds(written, refused, await _broken(m, database.parent))


async def refused_run(m: Maestro, project: str) -> RunId:
    """A run of a project of its own, blocked by the gate of its documentation."""
    return await _run(replace(m, project=project), "Write a handbook", judged=True)


async def _broken(m: Maestro, folder: Path) -> RunId:
    path = folder / "release.yaml"
    await asyncio.to_thread(_write, path, RELEASE)
    definition = await asyncio.to_thread(load_definition, path)
    run_id = await start_workflow(m, definition)
    await execute_workflow(m, run_id)
    return run_id


async def _run(m: Maestro, text: str, *, judged: bool) -> RunId:
    run_id = await m.submit(text, plan=plan(judged=judged))
    await m.execute(run_id)
    return run_id
