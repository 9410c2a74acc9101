"""Providers are really started, waited for, and ended with everything they started."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from shop import PROVIDERS, ROOT, command

from maestro.contracts.verification.starting import launch_of, provider_started
from maestro.errors import InvalidInput, SandboxFailed, StepFailed


def alive(process: int) -> bool:
    """Whether it runs; one that has ended and waits for its parent does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_provider_answers_until_it_is_left() -> None:
    async def scenario() -> str:
        async with provider_started(command(), ROOT) as started:
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{started.url}/api/products")).status_code == 200
            url = started.url
        assert started.orphans == []
        return url

    port = int(asyncio.run(scenario()).rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_the_port_comes_as_a_variable_too() -> None:
    async def scenario() -> None:
        launch = launch_of("{python} library_provider.py", ready_path="/greeting")
        async with provider_started(launch, PROVIDERS) as started:
            async with httpx.AsyncClient(trust_env=False) as http:
                assert (await http.get(f"{started.url}/greeting")).json() == {"text": "hello"}

    asyncio.run(scenario())


def test_a_process_that_hides_is_found_told_and_ended(tmp_path: Path) -> None:
    """It left the process group, as daemons do."""
    note = tmp_path / "pid"

    async def scenario() -> list[str]:
        async with provider_started(command(), ROOT, env={"CHILD": str(note)}) as started:
            assert alive(int(note.read_text("utf-8")))
        return started.orphans

    orphans = asyncio.run(scenario())
    child = int(note.read_text("utf-8"))
    assert len(orphans) == 1
    assert f"process {child}" in orphans[0]
    assert not alive(child)


AWAY = """
import os, subprocess, sys, time
server = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), " \
    "http.server.SimpleHTTPRequestHandler).serve_forever()"
if os.fork() == 0:  # its parent ends, so that nothing leads from the server to what was started
    process = subprocess.Popen([sys.executable, "-c", server, sys.argv[1]], env={}, cwd=sys.argv[2],
                               start_new_session=True, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    with open("pid", "w") as note:
        note.write(str(process.pid))
    os._exit(0)
os.wait()
time.sleep(600)
"""


def test_a_server_that_was_not_started_here_is_no_provider(tmp_path: Path) -> None:
    """It has the port, and the program that was given the port never came so far."""
    (tmp_path / "away.py").write_text(AWAY, encoding="utf-8")

    async def scenario() -> None:
        launch = launch_of(f"{{python}} away.py {{port}} {tmp_path}")
        async with provider_started(launch, tmp_path):
            pass

    try:
        with pytest.raises(SandboxFailed, match="is answered by python"):
            asyncio.run(scenario())
    finally:
        os.kill(int((tmp_path / "pid").read_text("utf-8")), signal.SIGKILL)


def test_what_ends_before_it_answers_tells_why() -> None:
    async def scenario() -> None:
        async with provider_started(command(), ROOT, env={"REFUSE": "1"}):
            pass

    with pytest.raises(StepFailed, match="this shop is closed"):
        asyncio.run(scenario())


def test_what_never_answers_is_given_up_and_ended() -> None:
    async def scenario() -> None:
        launch = launch_of(
            "{python} -c 'import time; print(\"waiting\", flush=True); time.sleep(60)'"
        )
        async with provider_started(launch, ROOT, timeout=0.5):
            pass

    began = time.monotonic()
    with pytest.raises(StepFailed, match="PORT"):
        asyncio.run(scenario())
    assert time.monotonic() - began < 30


def test_a_failure_inside_ends_the_provider(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    async def scenario() -> None:
        async with provider_started(command(), ROOT, env={"CHILD": str(note)}):
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        asyncio.run(scenario())
    assert not alive(int(note.read_text("utf-8")))


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "is empty"), ("run 'me", "cannot be read")],
)
def test_commands_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        launch_of(text)


def test_a_program_or_folder_that_is_not_there(tmp_path: Path) -> None:
    async def scenario(line: str, cwd: str) -> None:
        async with provider_started(launch_of(line, cwd=cwd), tmp_path):
            pass

    with pytest.raises(InvalidInput, match="cannot be started"):
        asyncio.run(scenario("no-such-program-here", "."))
    with pytest.raises(InvalidInput, match="does not exist"):
        asyncio.run(scenario("true", "nowhere"))


def test_no_input_waits_for_it() -> None:
    """A provider that reads its input gets the end of it at once."""

    async def scenario() -> None:
        launch = launch_of("{python} -c 'import sys; sys.exit(repr(sys.stdin.read()))'")
        async with provider_started(launch, ROOT):
            pass

    with pytest.raises(StepFailed, match="''"):
        asyncio.run(scenario())
