"""A real server in a process of its own, and a store with something in it."""

import asyncio
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import websockets.exceptions
from scripted_run import plan_of

from maestro.bootstrap import connect
from maestro.delivery.key_desk import KeyDesk
from maestro.domain.access import AccessRole
from maestro.domain.run import ENDED_RUNS
from maestro.domain.steering import Verb
from maestro.domain.values import RunId, StepId
from maestro.domain.work import Assignment, WorkResult
from maestro.domain.workflow import Step
from maestro.ports import Report, Sandbox
from maestro.settings import Settings

JSON = {"Content-Type": "application/json"}
APPROVAL = """
name: sign-off
inputs:
  word: {type: string, default: hello}
steps:
  - id: say
    action: value.set
    inputs: {value: "${inputs.word}"}
  - id: ask
    kind: approval
    needs: [say]
  - id: after
    action: value.set
    needs: [ask]
    inputs: {value: done}
"""
SIGNAL = """
name: wait-for
steps:
  - id: call
    kind: signal
"""
WORK = StepId("work.backend")


@dataclass
class RunningServer:
    """`maestro serve`, started and ended as its users do."""

    location: Path | str
    """Of its store."""
    arguments: tuple[str, ...] = ()
    url: str = ""
    process: "subprocess.Popen[str] | None" = None
    log: Path = field(default_factory=Path)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further settings."""
    program: tuple[str, ...] = ("-m", "maestro")

    def start(self, port: int = 0) -> None:
        data = Path(self.location).parent if isinstance(self.location, Path) else self.log.parent
        environment = {key: value for key, value in os.environ.items() if key[:8] != "MAESTRO_"}
        command = [
            *(sys.executable, *self.program, "serve", "--port", str(port)),
            *("--db", str(self.location), "--sandbox", "off", "--log-level", "info"),
            *self.arguments,
        ]
        self.log = data / "server.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    **environment,
                    "MAESTRO_DATA": str(data / "maestro-data"),
                    **self.variables,
                },
                start_new_session=True,
            )
        line = self._line(60)
        if not line.startswith("dashboard"):
            raise AssertionError(f"no server: {line!r} {self.log.read_text()}")
        self.url = line.split()[1].removesuffix("/dashboard/")
        self.until(lambda: httpx.get(f"{self.url}/health/live").status_code == 200)

    def _line(self, seconds: float) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if waiting.select(seconds) else ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self._hang_up()

    def _hang_up(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.stdout.close()

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(40)
        finally:
            self._hang_up()

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    @staticmethod
    def until(true: Any, seconds: float = 40) -> None:
        """Waits for the outside world; what it is asked may fail until then."""
        end = time.monotonic() + seconds
        while True:
            try:
                if true():
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.05)


@dataclass
class ScriptedWriter:
    """A team of one whose file says which attempt wrote it."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        await report("writing")
        text = f"first line\nattempt {assignment.attempt}\n"
        (sandbox.root / "notes.txt").write_text(text)
        return WorkResult(summary="notes", changed_paths=("notes.txt",))


def settings_of(database: Path) -> Settings:
    return Settings.load(
        {"MAESTRO_DATA": str(database.parent / "maestro-data")}, database=database, sandbox="off"
    )


async def keys_for(
    database: Path, wanted: Mapping[str, Mapping[str, AccessRole]]
) -> dict[str, str]:
    """A key's text by its holder's name."""
    async with connect(settings_of(database)) as m:
        desk = KeyDesk(maestro=m)
        return {name: (await desk.create(name, roles))[1] for name, roles in wanted.items()}


async def built(database: Path, project: str = "default") -> RunId:
    """A run of one persona's step, done twice, that has ended."""
    step = Step(
        id=WORK,
        action="persona.work",
        persona="technical_writer",
        inputs={
            "persona": "technical_writer",
            "component": "backend",
            "provides": [],
            "consumes": [],
        },
    )
    async with connect(settings_of(database), executor=ScriptedWriter(), project=project) as m:
        run_id = await m.submit("Keep notes", plan=plan_of((), (step,)))
        await m.execute(run_id)
        await m.steer(run_id, Verb.RERUN, WORK)
        await m.execute(run_id)
        assert (await m.run(run_id)).status in ENDED_RUNS
        return run_id


def started(client: httpx.Client, source: str, **inputs: object) -> str:
    """The run of a workflow; it is handed in first where it is not there."""
    name = next(line[6:] for line in source.splitlines() if line.startswith("name: "))
    made = client.post("/api/v1/workflows", json={"source": source})
    assert made.status_code in (201, 409), made.text
    answer = client.post(f"/api/v1/workflows/{name}/execute", json={"inputs": inputs})
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    return run_id


def awaited(client: httpx.Client, run_id: str, step: str, status: str = "awaiting") -> Any:
    """The step's view once it has this status."""
    place = f"/api/v1/runs/{run_id}/steps/{step}"
    RunningServer.until(lambda: client.get(place).json()["status"] == status)
    return client.get(place).json()


def rested(client: httpx.Client, run_id: str) -> Any:
    """The run's view once it has ended."""
    place = f"/api/v1/runs/{run_id}"
    RunningServer.until(lambda: client.get(place).json()["status"] in {s.value for s in ENDED_RUNS})
    return client.get(place).json()


def seeded(database: Path, roles: Mapping[str, Mapping[str, AccessRole]]) -> dict[str, str]:
    return asyncio.run(keys_for(database, roles))


def until_ended(watch: Callable[..., bool], *arguments: object) -> None:
    """Watches again, from where it was left, as long as the server is away in between."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        try:
            if watch(*arguments):
                return
        except (httpx.TransportError, OSError, websockets.exceptions.WebSocketException):
            time.sleep(0.2)
