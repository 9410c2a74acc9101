"""Which work of earlier runs is taken for an example: of the same project, green, and before."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from llm_runs import DATABASE, assignment_of
from small_run import BACKEND, NOW, PLAN, asked, work

from maestro.delivery.accepted_work import accepted_work
from maestro.delivery.record import GateRecord
from maestro.domain.encoding import encode
from maestro.domain.overview import RunOverview, RunQuery
from maestro.domain.quality import GateResult, GateSeverity, PhaseVerdict, Verdict
from maestro.domain.run import Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.work import AcceptedWork
from maestro.storage.artifacts import FolderArtifactStore

OWN = RunId("run-test")


def run(name: str, *, project: str = "shop", ended: int | None = -10) -> Run:
    """`ended`: minutes after the asking run was made."""
    return Run(
        id=RunId(name),
        workflow="build",
        status=RunStatus.SUCCEEDED if ended is not None else RunStatus.RUNNING,
        inputs=asked(project=project),
        max_parallel=1,
        created_at=NOW + timedelta(minutes=-60 if name != OWN else 0),
        ended_at=None if ended is None else NOW + timedelta(minutes=ended),
        project=project,
    )


def gate(verdict: Verdict = Verdict.PASS, *, passed: bool = True) -> GateRecord:
    result = GateResult(
        gate="coverage",
        phase="review",
        severity=GateSeverity.BLOCKING,
        verdict=verdict,
        condition="true",
        observed={},
        reason="",
    )
    judged = PhaseVerdict(
        phase="review", passed=passed, results=(result,), reasons=(), policy="sha256:0"
    )
    return GateRecord(verdict=judged, evidence=())


@dataclass
class FakeStore:
    """The Store port, as far as it is read here: a store of these runs."""

    runs_kept: Sequence[Run]
    steps_kept: Callable[[RunId], Sequence[StepRun]]

    async def read(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    @property
    def runs(self) -> "FakeStore":
        return self

    @property
    def listing(self) -> "FakeStore":
        return self

    def get(self, run_id: RunId) -> Run:
        return next(run for run in self.runs_kept if run.id == run_id)

    def steps(self, run_id: RunId) -> Sequence[StepRun]:
        return self.steps_kept(run_id)

    def page(self, query: RunQuery, limit: int) -> Sequence[RunOverview]:
        wanted = [
            one
            for one in self.runs_kept
            if one.project in (query.projects or ())
            and one.status is query.status
            and query.before is not None
            and (one.created_at, one.id) < query.before
        ]
        return [RunOverview(run=one, last_sequence=1, steps={}) for one in wanted[:limit]]


def found(tmp_path: Path, other: Run, judged: GateRecord | None) -> tuple[AcceptedWork, ...]:
    async def scenario() -> tuple[AcceptedWork, ...]:
        artifacts = FolderArtifactStore(tmp_path)
        made = [
            await artifacts.put("backend/app/main.py", b"VALUE = 1\n"),
            await artifacts.put("backend/logo.png", b"\xff\xfe\x00"),
            await artifacts.put("backend/long.py", b"x = 1\n" * 5000),
        ]
        steps = tuple(
            replace(step, inputs={**step.inputs, "provides": ["api"]})
            if step.id == BACKEND
            else step
            for step in PLAN.steps
        )
        outputs: dict[StepId, Any] = {
            StepId("plan.assemble"): encode(replace(PLAN, steps=steps)),
            BACKEND: encode(replace(work(BACKEND), artifacts=tuple(made))),
        }
        if judged is not None:
            outputs[StepId("gate.review")] = encode(judged)
        rows = [
            StepRun(step_id=name, status=StepStatus.SUCCEEDED, output=output)
            for name, output in outputs.items()
        ]
        store = FakeStore((other, run(OWN, ended=None)), lambda _: rows)
        assignment = await assignment_of(DATABASE)
        persona = replace(assignment.persona, id="backend_developer")
        return await accepted_work(
            store,  # type: ignore[arg-type]
            artifacts,
            replace(assignment, run_id=OWN, persona=persona),
        )

    return asyncio.run(scenario())


def test_texts_of_a_green_run_of_the_project_are_found(tmp_path: Path) -> None:
    (one,) = found(tmp_path, run("run-earlier"), gate())
    assert one.run_id == "run-earlier"
    assert one.kinds == ("rest",)
    assert [(file.path, file.text) for file in one.files] == [
        ("backend/app/main.py", "VALUE = 1\n")
    ]


@pytest.mark.parametrize(
    ("other", "judged"),
    [
        (run("run-of-others", project="bank"), gate()),
        (run("run-later", ended=5), gate()),
        (run("run-unjudged"), None),
        (run("run-waived"), gate(Verdict.WAIVED)),
        (run("run-red"), gate(passed=False)),
    ],
    ids=lambda value: value.id if isinstance(value, Run) else "",
)
def test_nothing_else_is(tmp_path: Path, other: Run, judged: GateRecord | None) -> None:
    assert found(tmp_path, other, judged) == ()
