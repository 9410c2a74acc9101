"""What every sandbox mechanism must hold. Each test runs real processes."""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.provider import HostSandbox, HostSandboxProvider, _try_out
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput, SandboxFailed, StepFailed
from maestro.ports import Reach, SandboxStrength

CONFINING = ["bubblewrap", "landlock"]
SERVER = (
    "import http.server,sys;"
    "http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),"
    "http.server.SimpleHTTPRequestHandler).serve_forever()"
)


def _sandbox(mechanism: str, tmp_path: Path) -> HostSandbox:
    if mechanism == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root, scratch = tmp_path / "root", tmp_path / "scratch"
    for path in (root, scratch, scratch / "home", scratch / "tmp"):
        path.mkdir()
    strength = SandboxStrength(mechanism=mechanism, level="L0", capabilities=(), missing=())
    return HostSandbox(root, scratch, Confinement(mechanism=mechanism), strength)


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def _python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


@pytest.mark.parametrize("mechanism", CONFINING)
def test_the_attacks_of_the_probe_are_contained(mechanism: str) -> None:
    if mechanism == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    held, problem = asyncio.run(_try_out(Confinement(mechanism=mechanism)))
    assert problem == ""
    assert held >= {
        "fs_write", "fs_read", "net_ports", "net_none", "env", "pids", "syscalls", "tree_kill",
    }  # fmt: skip


def test_the_probe_notices_when_nothing_is_confined() -> None:
    held, _ = asyncio.run(_try_out(Confinement(mechanism="off")))
    assert not held & {"fs_write", "fs_read", "net_ports", "net_none"}


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_runs_in_its_own_tree_with_a_clean_environment(
    mechanism: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_SECRET", "hunter2")
    sandbox = _sandbox(mechanism, tmp_path)
    code = "import os,sys; open('made','w').write(sys.stdin.read()); print(sorted(os.environ))"
    result = asyncio.run(sandbox.run(_python(code), timeout=20, env={"GIVEN": "1"}))
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "root" / "made").read_text() == ""
    assert "SOME_SECRET" not in result.stdout
    assert "GIVEN" in result.stdout


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_the_time_limit_ends_the_whole_tree(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    code = (
        "import subprocess,sys,time\n"
        "p = subprocess.Popen([sys.executable,'-c','import time; time.sleep(600)', sys.argv[1]],"
        "start_new_session=True)\nprint('up', flush=True)\ntime.sleep(600)"
    )
    marker = f"maestro-test-{mechanism}-{tmp_path.name}"
    result = asyncio.run(sandbox.run(_python(code, marker), timeout=2))
    assert result.timed_out
    assert "up" in result.stdout
    asyncio.run(_gone(marker))


@pytest.mark.parametrize("mechanism", CONFINING)
def test_cancelling_ends_the_whole_tree(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    marker = f"maestro-cancel-{mechanism}-{tmp_path.name}"
    code = "import time,pathlib; pathlib.Path('up').touch(); time.sleep(600)"

    async def scenario() -> None:
        task = asyncio.create_task(sandbox.run(_python(code, marker), timeout=60))
        await _until(lambda: (tmp_path / "root" / "up").exists())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await _gone(marker)

    asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", CONFINING)
@pytest.mark.parametrize("allowed", [True, False])
def test_reaches_only_the_ports_it_was_given(
    mechanism: str, allowed: bool, tmp_path: Path, listening_port: int
) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    code = "import socket,sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), 3)"
    reach = Reach(connect=(listening_port if allowed else 1,))
    result = asyncio.run(sandbox.run(_python(code, str(listening_port)), timeout=20, reach=reach))
    assert (result.exit_code == 0) is allowed, result.stderr


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_serves_until_left(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launch = LaunchCommand(
        argv=("{python}", "-c", SERVER, "{port}"), cwd=".", ready_path="/", base_path=""
    )

    async def scenario() -> None:
        async with sandbox.serve(launch, port=port, timeout=20) as server:
            assert server.url == f"http://127.0.0.1:{port}"
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_a_server_that_dies_is_told_with_its_log(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    launch = LaunchCommand(
        argv=("{python}", "-c", "raise SystemExit('no database here')"), cwd=".", ready_path="/"
    )

    async def scenario() -> None:
        async with sandbox.serve(launch, port=1, timeout=20):
            pass

    with pytest.raises(StepFailed, match="no database here"):
        asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_a_stranger_on_the_port_is_not_taken_for_the_server(mechanism: str, tmp_path: Path) -> None:
    """It answers, and what was started never came so far."""
    sandbox = _sandbox(mechanism, tmp_path)
    waiting = "import time; time.sleep(600)"

    async def scenario() -> None:
        stranger = await asyncio.start_server(_answering, "127.0.0.1", 0)
        port = stranger.sockets[0].getsockname()[1]
        launch = LaunchCommand(argv=("{python}", "-c", waiting), cwd=".", ready_path="/")
        async with stranger, sandbox.serve(launch, port=port, timeout=20):
            pass

    with pytest.raises(SandboxFailed, match=f"process {os.getpid()}"):
        asyncio.run(scenario())


async def _answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


def test_a_working_folder_outside_the_tree_is_refused(tmp_path: Path) -> None:
    sandbox = _sandbox("off", tmp_path)
    with pytest.raises(InvalidInput, match="leaves the work tree"):
        asyncio.run(sandbox.run(_python("0"), timeout=5, cwd="../.."))


def test_output_is_bounded_and_keeps_its_end(tmp_path: Path) -> None:
    sandbox = _sandbox("off", tmp_path)
    code = "print('x' * 3_000_000 + 'the end')"
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert result.stdout.endswith("the end\n")
    assert len(result.stdout) < 1_100_000


def test_fifty_sandboxes_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    provider = HostSandboxProvider()
    (tmp_path / "work").mkdir()

    async def scenario() -> None:
        for _ in range(50):
            async with provider.open(tmp_path / "work") as sandbox:
                result = await sandbox.run(["/bin/true"], timeout=20)
                assert result.exit_code == 0, result.stderr

    asyncio.run(scenario())
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


async def _until(condition: Callable[[], bool]) -> None:
    """Polls a condition of the outside world; the test's own time limit ends a hopeless wait."""
    while not condition():
        await asyncio.sleep(0.02)


async def _gone(marker: str) -> None:
    await _until(lambda: not _running(marker))


def _running(marker: str) -> bool:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
    return False
