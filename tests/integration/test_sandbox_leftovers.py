"""Nothing of a sandbox stays: not after two hundred of them, not after Maestro was killed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maestro.agents.sandboxes import owners
from maestro.agents.sandboxes.control_groups import find_home
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.agents.sandboxes.sweep import sweep

PROGRAM = Path(__file__).parents[1] / "support" / "left_behind.py"
MANY, AT_ONCE = 200, 8


def test_two_hundred_sandboxes_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    provider = HostSandboxProvider()
    (tmp_path / "work").mkdir()
    mounts = Path("/proc/self/mounts").read_text("utf-8")

    async def some() -> None:
        for _ in range(MANY // AT_ONCE):
            async with provider.open(tmp_path / "work") as sandbox:
                result = await sandbox.run(["/bin/true"], timeout=60)
                assert result.exit_code == 0, result.stderr

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some())

    asyncio.run(scenario())
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert _groups(owners.named("")) == []
    assert _processes(f"{owners.MARK}={owners.named('')}".encode()) == []
    assert Path("/proc/self/mounts").read_text("utf-8") == mounts


@pytest.mark.parametrize("mechanism", ["bubblewrap", "landlock"])
@pytest.mark.parametrize("supervisor_too", [False, True])
def test_a_killed_maestro_leaves_nothing_after_the_next_start(
    mechanism: str, supervisor_too: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    marker = f"maestro-killed-{uuid.uuid4().hex}"
    argv = [sys.executable, str(PROGRAM), mechanism, str(tmp_path), marker]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as maestro:
        assert maestro.stdout is not None
        assert maestro.stdout.readline() == "up\n"
        name = next(path.name for path in tmp_path.glob("maestro-*"))
        prefix = name.removesuffix("scratch")
        supervisors = _children(maestro.pid)
        os.kill(maestro.pid, signal.SIGSTOP)  # nobody ends anything in order
        for process in supervisors if supervisor_too else ():
            os.kill(process, signal.SIGKILL)
        os.kill(maestro.pid, signal.SIGKILL)
    sweep()
    _until(lambda: _processes(marker.encode()) == [])
    _until(lambda: not sweep().groups and _groups(prefix) == [])
    assert [path.name for path in tmp_path.glob("maestro-*")] == []


def test_what_belongs_to_the_living_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine, foreign = tmp_path / f"{owners.named('')}mine", tmp_path / "maestro-1-2-3-other"
    for folder in (mine, foreign, tmp_path / "maestro-data"):
        folder.mkdir()
    sleeping = subprocess.Popen(["/bin/sleep", "60"], env={owners.MARK: owners.named("living")})
    try:
        sweep()
        assert sleeping.poll() is None
        assert mine.exists()
        assert foreign.exists()  # of another process id namespace: nobody here can tell
        assert (tmp_path / "maestro-data").exists()
    finally:
        sleeping.kill()
        sleeping.wait()


def test_a_marked_orphan_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    name = owners.named("process")
    world, process, _, what = name.split("-")[1:]
    dead = f"maestro-{world}-{process}-1-{what}"  # this process, had it started at another time
    orphan = subprocess.Popen(["/bin/sleep", "60"], env={owners.MARK: dead})
    _until(lambda: bool(_processes(dead.encode())))
    assert sweep().processes == 1
    assert orphan.wait(20) == -signal.SIGKILL


def _groups(prefix: str) -> list[str]:
    home = find_home()
    places = set(home.folders.values()) if home is not None else set()
    return [path.name for place in places for path in Path(place).glob(f"{prefix}*")]


def _processes(mark: bytes) -> list[int]:
    return [process for process, text in _texts() if mark in text]


def _texts() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                yield (
                    int(entry.name),
                    (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes(),
                )
            except OSError:
                continue


def _children(process: int) -> list[int]:
    text = Path(f"/proc/{process}/task/{process}/children").read_text("ascii")
    return [int(word) for word in text.split()]


def _until(condition: Callable[[], bool]) -> None:
    """Polls the outside world; the test's own time limit ends a hopeless wait."""
    while not condition():
        time.sleep(0.01)
