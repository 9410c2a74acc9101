"""Files of tasks, run for real: built, verified, shared out, and kept apart when one fails."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from team import an_agent

from maestro.agents.dispatch import Dispatcher
from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.bootstrap import connect
from maestro.delivery.announcing import announcing
from maestro.delivery.service import Maestro
from maestro.delivery.task_files import TaskFile, TaskOrder
from maestro.delivery.task_runs import TasksOutcome, execute_tasks, start_tasks
from maestro.domain.run import EventKind
from maestro.domain.values import RunId
from maestro.domain.work import Assignment, WorkResult
from maestro.ports import Report, Sandbox, Task
from maestro.settings import Settings
from maestro.storage.opening import open_store
from maestro.workflow.clock import SystemClock

GUIDE = "Build a REST API for support tickets with a subject, a priority and a status."
PAGE = "Build a web app to manage tasks with title, status and due date."
ROLES = (
    "technical_writer",
    "devops_engineer",
    "requirement_analyst",
    "solution_architect",
    "technical_writer",
    "requirement_analyst",
)
SERVICE_SECONDS = 6.0
LEASE = 2.0


class WaitingOfflineExecutor:
    """Test double: the offline executor, after a fixed time of waiting as for a slow model."""

    def __init__(self) -> None:
        self._offline = OfflineExecutor()

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await asyncio.sleep(SERVICE_SECONDS)
        return await self._offline.execute(assignment, sandbox, report)


def settings(folder: Path) -> Settings:
    return Settings.load({"MAESTRO_DATA": str(folder)})


def file(*tasks: TaskOrder, max_parallel: int = 6) -> TaskFile:
    return TaskFile(name="file", tasks=tasks, max_parallel=max_parallel)


def task(name: str, role: str = "technical_writer", **changes: object) -> TaskOrder:
    plain = TaskOrder(id=name, role=role, text=GUIDE)
    return replace(plain, **changes)  # type: ignore[arg-type]


async def played(maestro: Maestro, tasks: TaskFile) -> TasksOutcome:
    return await execute_tasks(maestro, await start_tasks(maestro, tasks))


@asynccontextmanager
async def four_agents(folder: Path) -> AsyncIterator[Maestro]:
    """Who wait before they build, one assignment each at a time."""
    chosen = settings(folder)
    store = await open_store(chosen.database, seal_key=b"seal")
    try:
        for name in ("one", "two", "three", "four"):
            agent = an_agent(name, personas=tuple(sorted(set(ROLES))))
            await store.write(lambda tx, a=agent: tx.agents.insert(a, SystemClock().now()))  # type: ignore[misc]
        road = Dispatcher(
            store,
            {"fixed": WaitingOfflineExecutor()},
            announce=announcing(store, SystemClock()),
        )
        async with connect(chosen, executor=road) as maestro:
            yield maestro
    finally:
        await store.close()


def test_six_real_tasks_on_four_agents_take_less_than_half_of_the_sum(tmp_path: Path) -> None:
    async def scenario() -> TasksOutcome:
        async with four_agents(tmp_path) as maestro:
            await played(maestro, file(task("warm-up")))  # the crafts are loaded by the first step
            return await played(
                maestro, file(*(task(f"t{number}", role) for number, role in enumerate(ROLES)))
            )

    outcome = asyncio.run(scenario())
    assert outcome.success_rate >= 0.95
    assert [one.task for one in outcome.tasks] == [f"t{number}" for number in range(6)]
    assert all(one.verified and one.files for one in outcome.tasks)
    assert outcome.wall_seconds < 0.5 * outcome.task_seconds, outcome
    shares = {share.agent: share.tasks for share in outcome.agents}
    assert sorted(shares) == ["four", "one", "three", "two"]
    assert sum(shares.values()) == 6
    assert max(shares.values()) - min(shares.values()) <= 1
    assert 0 < outcome.utilisation <= 1


def test_a_failed_task_stops_only_those_that_need_it(tmp_path: Path) -> None:
    async def scenario() -> TasksOutcome:
        async with connect(settings(tmp_path)) as maestro:
            return await played(
                maestro,
                file(
                    task("nobody", "code_reviewer"),
                    task("after", needs=("nobody",)),
                    task("other", priority=3),
                ),
            )

    outcome = asyncio.run(scenario())
    nobody, after, other = outcome.tasks
    assert (nobody.status, after.status, other.status) == ("failed", "skipped", "succeeded")
    assert "no agent plays the persona 'code_reviewer'" in nobody.error
    assert (nobody.attempts, nobody.agents, other.agents) == (1, (), ("offline",))
    assert outcome.success_rate == pytest.approx(1 / 3, abs=1e-3)
    assert outcome.status == "failed"


def test_the_command_prints_one_document_and_writes_what_was_made(tmp_path: Path) -> None:
    stale = tmp_path / "made" / "earlier" / "README.md"
    stale.parent.mkdir(parents=True)
    stale.touch()
    (tmp_path / "made" / "run.json").write_text("{}")
    done = command_output(tmp_path, "made")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["type"], document["success_rate"]) == ("tasks", 1.0)
    assert document["agents"][0]["agent"] == "offline"
    assert (tmp_path / "made" / "guide" / "README.md").is_file()
    assert not stale.exists(), "an earlier result is replaced"
    told = json.loads((tmp_path / "made" / "run.json").read_text())
    assert told["run_id"] == document["run_id"]


def test_files_that_are_no_result_are_not_written_over(tmp_path: Path) -> None:
    done = command_output(tmp_path, ".")
    assert (done.returncode, json.loads(done.stdout)["code"]) == (2, "conflict")
    assert "holds files that are not a Maestro result" in done.stderr


def command_output(folder: Path, output: str) -> "subprocess.CompletedProcess[str]":
    """The command on one task, in a folder that holds its file."""
    tasks = folder / "tasks.yaml"
    tasks.write_text(
        f"name: one\ntasks:\n  - id: guide\n    role: technical_writer\n    text: {GUIDE!r}\n"
    )
    words = ("tasks", "run", str(tasks), "--json", "--output", output)
    return subprocess.run(
        [sys.executable, "-m", "maestro", *words],
        cwd=folder,
        env={**os.environ, "MAESTRO_DATA": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_tasks_belong_to_the_project_of_whoever_starts_them(tmp_path: Path) -> None:
    async def scenario() -> str:
        async with connect(settings(tmp_path), project="shop") as maestro:
            return (await maestro.run(await start_tasks(maestro, file(task("guide"))))).project

    assert asyncio.run(scenario()) == "shop"


@contextmanager
def worker(url: str, name: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in which one agent lives."""
    words = ("worker", "--db", url, "--capability", "build", "--slots", "1", "--agent", name)
    process = subprocess.Popen(
        [sys.executable, "-m", "maestro", *words, "--persona", "frontend_developer"],
        env={**os.environ, "MAESTRO_DATA": str(folder), "MAESTRO_LEASE_SECONDS": str(LEASE)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()


async def alive(maestro: Maestro) -> set[str]:
    records = await maestro.store.read(lambda tx: tx.agents.all())
    return {one.agent.id for one in records if one.alive and one.agent.home}


async def at_work(maestro: Maestro, run_id: RunId, attempt: int) -> str:
    """The agent that the attempt was given to, once it was."""
    while True:
        for event in await maestro.store.read(lambda tx: tx.events.after(run_id, 0)):
            if event.kind is EventKind.AGENT_CHOSEN and event.attempt == attempt:
                return str(event.data["agent"])
        await asyncio.sleep(0.02)


async def claimed(maestro: Maestro, run_id: RunId, attempt: int) -> Task:
    while True:
        for one in await maestro.store.read(lambda tx: tx.tasks.of_run(run_id)):
            if one.attempt == attempt and one.worker:
                return one
        await asyncio.sleep(0.02)


@pytest.mark.xdist_group("postgres")
def test_an_agent_killed_at_work_is_replaced_within_its_lease(
    postgres_url: str, tmp_path: Path
) -> None:
    chosen = Settings.load(
        {"MAESTRO_DATA": str(tmp_path), "MAESTRO_LEASE_SECONDS": str(LEASE)}, database=postgres_url
    )

    async def scenario(processes: dict[str, subprocess.Popen[bytes]]) -> None:
        async with connect(chosen) as maestro:
            while await alive(maestro) != set(processes):
                await asyncio.sleep(0.05)
            page = task("page", "frontend_developer", text=PAGE, capability="build", attempts=3)
            run_id = await start_tasks(maestro, file(page))
            running = asyncio.create_task(execute_tasks(maestro, run_id))
            first = await asyncio.wait_for(at_work(maestro, run_id, 1), 60)
            processes[first].send_signal(signal.SIGKILL)
            killed = time.monotonic()
            await asyncio.wait_for(claimed(maestro, run_id, 2), 30)
            takeover = time.monotonic() - killed
            outcome = await running
            assert takeover < LEASE + 1
            assert outcome.status == "succeeded"
            (done,) = outcome.tasks
            (other,) = set(processes) - {first}
            assert done.agents[-1] == other
            assert await alive(maestro) == {other}
            assert Counter(done.agents)[other] == 1

    with worker(postgres_url, "left", tmp_path) as left:
        with worker(postgres_url, "right", tmp_path) as right:
            asyncio.run(scenario({"left": left, "right": right}))
