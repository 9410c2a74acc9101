"""What tests demanded before work was given back: the first demand counts, over all attempts."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from small_run import BACKEND, NOW, PAGE, STEPS, asked, delivered, work

from maestro.delivery.earlier_tests import earlier_tests
from maestro.domain.encoding import encode
from maestro.domain.run import EventKind, Run, RunStatus, StepRun, StepStatus
from maestro.domain.values import JsonObject, JsonValue, RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.ports import Entry, StepContext, StepMove, Store
from maestro.storage.artifacts import FolderArtifactStore
from maestro.storage.opening import open_store

RUN = RunId("run-1")
GATE = Step(
    id=StepId("gate.t"), action="quality.gate", needs=(BACKEND,), inputs={"phase": "testing"}
)
TEST = "backend/tests/test_main.py"
STRONG = "def test_sum():\n    assert total([1, 2]) == 3\n"
WEAK = "def test_sum():\n    assert total([1, 2])\n"
MORE = STRONG + "def test_none():\n    assert total([]) == 0\n"


async def unheard(kind: EventKind, data: JsonObject) -> None:
    """Nobody watches."""


async def delivery(artifacts: FolderArtifactStore, text: str | None) -> JsonValue:
    files = [await artifacts.put("backend/app/main.py", b"x = 1\n")]
    if text is not None:
        files.append(await artifacts.put(TEST, text.encode()))
    return encode(replace(work(BACKEND), artifacts=tuple(files)))


async def journal(store: Store, outputs: list[JsonValue]) -> None:
    """A run whose backend has delivered these, one attempt after the other."""
    flow = Workflow(name="build", steps=(replace(STEPS[0], needs=()),))
    run = Run(
        id=RUN,
        workflow="build",
        status=RunStatus.PENDING,
        inputs={},
        max_parallel=1,
        created_at=NOW,
    )
    await store.write(lambda tx: tx.runs.insert(run, flow))
    row = StepRun(step_id=BACKEND, status=StepStatus.PENDING)
    for number, output in enumerate(outputs, 1):
        for kind, after in (
            (EventKind.STEP_STARTED, replace(row, status=StepStatus.RUNNING, attempt=number)),
            (EventKind.STEP_SUCCEEDED,
             replace(row, status=StepStatus.SUCCEEDED, attempt=number, output=output)),
            (EventKind.STEP_RESET,
             replace(row, status=StepStatus.PENDING, attempt=number, forgiven=number)),
        ):  # fmt: skip
            move = StepMove(before=row, after=after, definition=flow.steps[0].digest())
            await record(store, Entry(kind=kind, step=move))
            row = after


async def record(store: Store, entry: Entry) -> None:
    await store.write(lambda tx: tx.runs.record(RUN, [entry], NOW, guard=None))


def seen(tmp_path: Path, *texts: str | None) -> dict[str, Any]:
    """What a gate is told when the backend delivered these texts as its tests, the last one now."""

    async def go() -> JsonObject:
        artifacts = FolderArtifactStore(tmp_path / "artifacts")
        store = await open_store(tmp_path / "runs.db", seal_key=b"seal")
        try:
            outputs = [await delivery(artifacts, text) for text in texts]
            await journal(store, outputs)
            context = StepContext(
                run_id=RUN,
                step=GATE,
                attempt=1,
                run_inputs=asked(),
                outputs={**delivered(), BACKEND: outputs[-1]},
                emit=unheard,
            )
            return await earlier_tests(store, artifacts, context)
        finally:
            await store.close()

    return dict(asyncio.run(go()))


def test_a_first_delivery_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert seen(tmp_path, STRONG) == {}


def test_the_tests_of_the_delivery_before_are_remembered(tmp_path: Path) -> None:
    found = seen(tmp_path, STRONG, None)
    assert list(found) == [TEST]
    assert list(found[TEST]["functions"]) == ["test_sum"]


def test_a_weaker_delivery_in_between_takes_nothing_back(tmp_path: Path) -> None:
    once = seen(tmp_path / "a", STRONG, WEAK)
    twice = seen(tmp_path / "b", STRONG, WEAK, WEAK)
    assert twice == once != seen(tmp_path / "c", WEAK, WEAK)


def test_a_test_that_came_later_is_remembered_too(tmp_path: Path) -> None:
    found = seen(tmp_path, STRONG, MORE, STRONG)
    assert sorted(found[TEST]["functions"]) == ["test_none", "test_sum"]


def test_what_the_gate_does_not_need_is_none_of_its_business(tmp_path: Path) -> None:
    assert PAGE not in GATE.needs
    assert TEST not in seen(tmp_path, None, None)
