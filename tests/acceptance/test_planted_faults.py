"""One planted fault of each kind: every one blocks, for its own reason, and none as a traceback.

The inaccessible page goes through a whole run, and so does the contract breach in test_defects.
That page apart, what the run has built is right, so the others are planted in it and the steps that
must notice are done again as the engine does them. Where a fault is a file that nothing imports,
what the run measured by its test suites and its type checker is handed in once more.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import maestro
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.bootstrap import policy_of, sandbox_provider, step_handlers
from maestro.delivery.collecting import Collecting
from maestro.delivery.gate_steps import GateSteps
from maestro.delivery.judging import PhaseJudge
from maestro.delivery.record import GateRecord, WorkRecord
from maestro.delivery.result import BuildResult
from maestro.delivery.service import RunDetail
from maestro.delivery.shelf import Shelf
from maestro.delivery.workspace import Workspace
from maestro.domain.baseline import subject_of
from maestro.domain.encoding import decode, encode
from maestro.domain.quality import Evidence, GateSeverity, Verdict
from maestro.domain.run import EventKind
from maestro.domain.values import JsonObject, RunId, StepId
from maestro.domain.work import Artifact, Assignment, WorkResult
from maestro.ports import (
    EvidenceSubject,
    PersonaExecutor,
    Report,
    Sandbox,
    StepContext,
    StepHandler,
)
from maestro.quality.evidence import collectors
from maestro.settings import Settings
from maestro.storage.artifacts import FolderArtifactStore
from maestro.storage.opening import open_store
from maestro.workflow.attempt import AttemptEnd, run_attempt
from maestro.workflow.clock import SystemClock
from maestro.workflow.time_limits import TimeLimits

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("planted_faults")]

REQUIREMENT = "Build a web application with a page for notes. A note has a title."
BACKEND = StepId("work.backend_developer")
DATABASE = StepId("work.database_designer")
REFUSING = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.NOT_MEASURED})


@dataclass(frozen=True)
class Fault:
    """What is planted, and what has to notice it."""

    work: StepId
    path: str
    old: str
    """Occurs in the file; empty where the file is added."""
    new: str
    steps: Sequence[str]
    """Done again, in this order."""
    refused: frozenset[str]
    """Blocking gates of the last of them that fail; no other one does."""
    told: str
    """Stands in the reasons."""
    unchanged: frozenset[str] = frozenset()
    """Collectors whose evidence of the whole run holds for this one too."""


def added(path: str, text: str, *refused: str, told: str, gate: str) -> Fault:
    untouched = {"suites", "types"} if refused[-1] in ("BAC-4", "BAC-7", "BAC-8") else {"types"}
    return Fault(BACKEND, path, "", text, (gate,), frozenset(refused), told, frozenset(untouched))


BUILDING, TESTING = "gate.backend_implementation", "gate.testing"
UNTESTED = "def weight(number: int) -> int:\n" + "".join(
    f"    if number == {i}:\n        number += {i + 1}\n" for i in range(90)
)
FAULTS: Mapping[str, Fault] = {
    "stub": added(
        "backend/app/later.py",
        '"""Sums."""\n\n\ndef total(numbers: list[int]) -> int:\n    raise NotImplementedError\n',
        "BAC-4",
        told="backend/app/later.py",
        gate=BUILDING,
    ),
    "failing test": added(
        "backend/tests/test_sums.py",
        '"""Sums."""\n\n\ndef test_sums() -> None:\n    assert 1 + 1 == 3\n',
        "BAC-6",
        told="test_sums",
        gate=BUILDING,
    ),
    "coverage hole": added(
        "backend/app/weights.py",
        f'"""Weights."""\n\n\n{UNTESTED}    return number\n',
        "TST-4",
        told="coverage.line",
        gate=TESTING,
    ),
    "secret": added(
        "backend/app/keys.py",
        '"""Access."""\n\nAWS_SECRET_ACCESS_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ7pLmN3dK"\n',
        "BAC-7",
        told="backend/app/keys.py",
        gate=BUILDING,
    ),
    "SQL injection": added(
        "backend/app/finding.py",
        '"""Finding."""\n\nfrom typing import Any\n\nfrom sqlalchemy import text\n'
        "from sqlalchemy.orm import Session\n\n\n"
        "def named(session: Session, title: str) -> list[Any]:\n"
        "    query = text(f\"SELECT id FROM notes WHERE title = '{title}'\")\n"
        "    return list(session.execute(query))\n",
        "BAC-5",
        "BAC-8",
        told="sqlalchemy.text is given SQL put together from values",
        gate=BUILDING,
    ),
    "broken migration": Fault(
        DATABASE,
        "backend/migrations/versions/0001_initial.py",
        'op.drop_table("notes")',
        'op.drop_table("note")',
        ("verify.backend-schema", "gate.database_design"),
        frozenset({"DBD-1", "DBD-2", "DBD-5"}),
        told="note",
    ),
}


@dataclass(frozen=True)
class FakeCarelessTeam:
    """The offline team, whose frontend developer spoils the page until told what is wrong."""

    team: PersonaExecutor
    told: list[tuple[str, ...]] = field(default_factory=list)

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        result = await self.team.execute(assignment, sandbox, report)
        if assignment.feedback:
            self.told.append(assignment.feedback)
        elif assignment.persona.id == "frontend_developer":
            page = sandbox.root / "frontend" / "index.html"
            unnamed = (
                '<a href="#/" class="brand"><span class="brand-mark"></span></a>\n    </header>'
            )
            page.write_text(planted(page.read_text(), "</header>", unnamed))
        return result


@dataclass(frozen=True)
class FakeRecordedCollector:
    """Hands in what was measured before."""

    name: str
    recorded: Evidence

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        return self.recorded


def planted(content: str, old: str, new: str) -> str:
    assert old in content, f"the template changed: {old!r} is gone"
    return content.replace(old, new)


@dataclass(frozen=True)
class Built:
    home: Path
    result: BuildResult
    detail: RunDetail

    @property
    def settings(self) -> Settings:
        return settings(self.home)


def settings(home: Path) -> Settings:
    return Settings(database=home / "runs.db", data_folder=home / "data")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = tmp_path_factory.mktemp("notes")

    async def go() -> tuple[BuildResult, RunDetail]:
        chosen = settings(home)
        team = FakeCarelessTeam(OfflineExecutor())
        async with maestro.connect(chosen, executor=team) as m:
            result = await m.build(REQUIREMENT, output=home / "out")
            return result, await m.show(RunId(result.run_id))

    return Built(home, *asyncio.run(go()))


def test_a_run_with_an_inaccessible_page_ends_blocked(built: Built) -> None:
    assert (built.result.status, built.result.success) == ("blocked", False)
    assert refused_by(*built.detail.record.gates()) == {"FRO-4"}, built.result.reasons
    assert any("FRO-4" in r and "link-name" in r for r in built.result.reasons), (
        built.result.reasons
    )
    assert untraced(built.result.reasons)


def test_every_piece_of_evidence_in_the_report_names_the_sandbox(built: Built) -> None:
    report = json.loads((built.home / "out" / "quality_report.json").read_text())
    evidence: list[dict[str, Any]] = [
        item for gate in report["gates"] for item in gate["evidence"]
    ] + [item for gate in report["entry_gates"].values() for item in gate["evidence"]]
    strength = asyncio.run(maestro_strength(built))
    assert len(evidence) > 30
    assert {item["sandbox"].split(",")[0] for item in evidence} == {strength}
    terms = report["score"]["terms"]
    assert sum(term["weight"] for term in terms) == pytest.approx(1.0)
    assert all(term["sources"] and all(s["seen"] for s in term["sources"]) for term in terms)


async def maestro_strength(built: Built) -> str:
    strength = await sandbox_provider(built.settings).probe()
    return f"{strength.level} {strength.mechanism}"


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_blocks_for_its_own_reason(built: Built, name: str) -> None:
    fault = FAULTS[name]
    ends = asyncio.run(done_again(built, fault))
    assert [end.blocked for end in ends] == [True] * len(ends), [end.error for end in ends]
    errors = [end.error for end in ends if end.error is not None]
    assert {error.code for error in errors} == {"blocked"}
    reasons = [reason for error in errors for reason in error.reasons]
    assert untraced(reasons)
    judged = decode(GateRecord, errors[-1].detail)
    assert refused_by(judged) == fault.refused, reasons
    assert any(fault.told in reason for reason in reasons), reasons


def refused_by(*records: GateRecord) -> frozenset[str]:
    return frozenset(
        item.gate
        for record in records
        for item in record.verdict.results
        if item.verdict in REFUSING and item.severity is GateSeverity.BLOCKING
    )


def untraced(reasons: Sequence[str]) -> bool:
    return bool(reasons) and not any("Traceback" in reason for reason in reasons)


async def done_again(built: Built, fault: Fault) -> list[AttemptEnd]:
    """How the steps end that have to notice the fault, one after the other."""
    store = FolderArtifactStore(built.settings.data_folder / "artifacts")
    workspace = Workspace(root=built.settings.data_folder / "work", artifacts=store)
    record = built.detail.record
    work = decode(WorkRecord, record.outputs[fault.work])
    broken = replace(work, artifacts=await spoiled(store, work.artifacts, fault))
    outputs = {**record.outputs, fault.work: encode(broken)}
    errors = dict(record.errors)
    ends: list[AttemptEnd] = []
    async with handlers(built, workspace, fault) as known:
        for name in fault.steps:
            step = next(step for step in built.detail.workflow.steps if step.id == name)
            context = StepContext(
                run_id=built.detail.run.id,
                step=step,
                attempt=1,
                run_inputs=record.inputs,
                outputs=outputs,
                emit=unheard,
                errors=errors,
            )
            end = await run_attempt(known[step.action], context, TimeLimits())
            ends.append(end)
            outputs.pop(step.id, None)
            if end.error is not None:
                errors[step.id] = end.error
            else:
                outputs[step.id] = end.output
    return ends


@asynccontextmanager
async def handlers(
    built: Built, workspace: Workspace, fault: Fault
) -> AsyncIterator[Mapping[str, StepHandler]]:
    store = await open_store(built.settings.database, seal_key=b"seal")
    try:
        shelf = Shelf(store=store, clock=SystemClock())
        known = dict(step_handlers(built.settings, workspace, shelf))
        if fault.unchanged:
            known["quality.gate"] = GateSteps(judge(built, workspace, shelf, fault)).close
        yield known
    finally:
        await store.close()


def judge(built: Built, workspace: Workspace, shelf: Shelf, fault: Fault) -> PhaseJudge:
    seen = {item.collector: item for gate in built.detail.record.gates() for item in gate.evidence}
    told = {name: FakeRecordedCollector(name, seen[name]) for name in fault.unchanged}
    return PhaseJudge(
        policy=policy_of,
        collecting=Collecting(
            collectors={**collectors(), **told}, sandboxes=sandbox_provider(built.settings)
        ),
        workspace=workspace,
        store=shelf.store,
        clock=shelf.clock,
        browser=True,
    )


async def spoiled(
    store: FolderArtifactStore, artifacts: Sequence[Artifact], fault: Fault
) -> tuple[Artifact, ...]:
    by_path = {artifact.path: artifact for artifact in artifacts}
    assert (fault.path in by_path) is bool(fault.old), "the template changed"
    content = fault.new
    if fault.old:
        before = (await store.get(by_path[fault.path].digest)).decode()
        content = planted(before, fault.old, fault.new)
    by_path[fault.path] = await store.put(fault.path, content.encode())
    return tuple(by_path.values())


async def unheard(kind: EventKind, data: JsonObject) -> None:
    """Nobody watches."""


def test_rework_gives_the_refusal_back_and_judges_everything_behind_again(built: Built) -> None:
    run_id = built.detail.run.id
    team = FakeCarelessTeam(OfflineExecutor())

    async def go() -> tuple[Mapping[StepId, Sequence[str]], BuildResult, RunDetail, list[Any]]:
        async with maestro.connect(built.settings, executor=team) as m:
            given = await m.rework(run_id)
            result = await m.execute(run_id)
            subject = subject_of(built.detail.record.requirement)
            kept = await m.store.read(lambda tx: tx.baselines.get("default", subject, "testing"))
            return given, result, await m.show(run_id), [kept]

    given, result, detail, [baseline] = asyncio.run(go())
    assert set(given) == {"work.ui_designer", "work.frontend_developer"}, "no file is named"
    [reason] = given[StepId("work.frontend_developer")]
    for part in ("FRO-4", "accessibility.serious", "link-name"):
        assert part in reason
    assert team.told == [(reason,)] * 2
    assert result.success, result.reasons
    attempts = {str(step.step_id): step.attempt for step in detail.steps}
    page, first, last = "gate.frontend_implementation", "gate.requirements", "gate.review"
    assert (attempts["work.frontend_developer"], attempts["work.backend_developer"]) == (2, 1)
    assert (attempts[page], attempts["gate.testing"], attempts[last]) == (2, 2, 2)
    assert (attempts[first], attempts["gate.backend_implementation"]) == (1, 1)
    assert (built.home / "out" / "app" / "frontend" / "index.html").is_file()
    assert baseline is not None
    assert baseline.metrics["coverage.line"] >= 80
