"""What every sandbox mechanism must hold. Each test runs real processes."""

import asyncio
import errno
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maestro.agents.sandboxes.confinement import Confinement, Limits
from maestro.agents.sandboxes.host import HostSandbox, prepare
from maestro.agents.sandboxes.owners import is_orphaned
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput, SandboxFailed, StepFailed
from maestro.ports import Reach, SandboxStrength

CONFINING = ["bubblewrap", "landlock"]
SERVER = (
    "import http.server,sys;"
    "http.server.HTTPServer(('127.0.0.1',int(sys.argv[1])),"
    "http.server.SimpleHTTPRequestHandler).serve_forever()"
)


def _sandbox(mechanism: str, tmp_path: Path, limits: Limits = Limits()) -> HostSandbox:
    root, scratch = tmp_path / "root", tmp_path / "scratch"
    root.mkdir()
    prepare(scratch)
    strength = SandboxStrength(mechanism=mechanism, level="L0", capabilities=(), missing=())
    confinement = Confinement(mechanism=mechanism, limits=limits)
    return HostSandbox(root, scratch, confinement, strength)


@pytest.fixture
def listening_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def _python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


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


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_an_answer_without_end_is_an_answer(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    endless = (
        "import socket,sys\n"
        "with socket.create_server(('127.0.0.1', int(sys.argv[1]))) as server:\n"
        "    while True:\n"
        "        one, _ = server.accept()\n"
        "        one.recv(1000)\n"
        "        one.sendall(b'HTTP/1.1 200 OK\\r\\n\\r\\n')\n"
        "        try:\n"
        "            while True: one.sendall(b'x' * 1000)\n"
        "        except OSError: one.close()\n"
    )
    launch = LaunchCommand(argv=("{python}", "-c", endless, "{port}"), cwd=".", ready_path="/")

    async def scenario() -> None:
        async with asyncio.timeout(20):
            async with sandbox.serve(launch, port=_free_port(), timeout=15):
                pass

    asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", CONFINING)
def test_a_server_that_reaches_a_limit_is_told_with_it(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path, Limits(tree_bytes=64 << 20))
    code = "kept = [bytearray(b'x' * (1 << 20)) for _ in range(256)]; import time; time.sleep(60)"
    launch = LaunchCommand(argv=("{python}", "-c", code), cwd=".", ready_path="/")

    async def scenario() -> None:
        async with sandbox.serve(launch, port=_free_port(), timeout=20):
            pass

    with pytest.raises(StepFailed, match="at its limit of memory"):
        asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", CONFINING)
def test_a_server_without_a_sandbox_is_not_one_that_failed(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path, Limits(open_files=3))  # too few to set one up
    launch = LaunchCommand(argv=("{python}", "-c", "0"), cwd=".", ready_path="/")

    async def scenario() -> None:
        async with sandbox.serve(launch, port=_free_port(), timeout=20):
            pass

    with pytest.raises(SandboxFailed, match="could not be set up"):
        asyncio.run(scenario())


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_values_of_variables_are_in_nobodys_arguments(mechanism: str, tmp_path: Path) -> None:
    """Everybody on the host can read those."""
    sandbox = _sandbox(mechanism, tmp_path)
    secret, marker = "secret-of-this-test", f"maestro-env-{mechanism}-{tmp_path.name}"
    code = "import os,pathlib,time; pathlib.Path('up').write_text(os.environ['S']); time.sleep(60)"

    async def scenario() -> None:
        argv = _python(code, marker)
        task = asyncio.create_task(sandbox.run(argv, timeout=30, env={"S": secret}))
        await _until(lambda: (tmp_path / "root" / "up").exists())
        assert _running(marker)
        assert not _running(secret)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (tmp_path / "root" / "up").read_text() == secret

    asyncio.run(scenario())


def test_a_supervisor_short_of_descriptors_ends_its_tree(tmp_path: Path) -> None:
    """It would see nobody, and take that for everybody having ended."""
    sandbox = _sandbox("off", tmp_path)
    marker = f"maestro-short-{tmp_path.name}"
    code = (
        "import os,pathlib,time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork(): os._exit(0)\n"
        "    time.sleep(600)\n"
        "pathlib.Path('up').touch()\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    )

    async def scenario() -> None:
        task = asyncio.create_task(sandbox.run(_python(code, marker), timeout=60))
        await _until(lambda: (tmp_path / "root" / "up").exists())
        supervisor = min(_running(marker))
        _, hard = resource.prlimit(supervisor, resource.RLIMIT_NOFILE)
        resource.prlimit(supervisor, resource.RLIMIT_NOFILE, (4, hard))
        (tmp_path / "root" / "go").touch()
        result = await task
        assert result.exit_code == 0, result.stderr
        assert not _running(marker)

    asyncio.run(scenario())


def test_no_signal_is_sent_to_an_id_that_was_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr("os.killpg", lambda process, number: sent.append((process, number)))
    sandbox = _sandbox("off", tmp_path)
    assert asyncio.run(sandbox.run(["/bin/true"], timeout=20)).exit_code == 0
    assert sent == []


@pytest.mark.parametrize("mechanism", CONFINING)
def test_empty_files_reach_the_limit_of_the_disk(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path, Limits(disk_bytes=1 << 20))
    code = (
        "import os,time\n"
        "for n in range(300): os.close(os.open(str(n), os.O_CREAT))\n"
        "time.sleep(60)\n"
    )
    result = asyncio.run(sandbox.run(_python(code), timeout=30))
    assert result.limit == "disk"
    assert result.exit_code == 128 + signal.SIGKILL


@pytest.mark.parametrize("off", [True, False])
def test_a_lent_folder_is_gone_whatever_became_of_it(off: bool) -> None:
    provider = HostSandboxProvider(off=off)

    async def scenario() -> None:
        async with provider.lend() as place, provider.open(place) as sandbox:
            _, world, _, since, what = place.name.split("-")
            assert is_orphaned(f"maestro-{world}-999999999-{since}-{what}")
            code = "import os; os.mkdir('closed'); open('closed/x', 'w'); os.chmod('closed', 0)"
            result = await sandbox.run(_python(code), timeout=30)
            assert result.exit_code == 0, result.stderr
        assert not place.exists()

    asyncio.run(scenario())


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


@pytest.mark.parametrize("mechanism", CONFINING)
def test_what_is_written_belongs_to_the_owner_of_the_tree(mechanism: str, tmp_path: Path) -> None:
    """Whoever the command runs as, the caller can read, change and remove it."""
    sandbox = _sandbox(mechanism, tmp_path)
    given = tmp_path / "root" / "given"
    given.write_text("before")
    code = (
        "import os,pathlib; pathlib.Path('folder').mkdir(0o700); p = pathlib.Path('given');"
        "p.write_text('after'); pathlib.Path('folder/made').touch(); print(os.geteuid())"
    )
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert result.exit_code == 0, result.stderr
    made = tmp_path / "root" / "folder" / "made"
    assert given.read_text() == "after"
    assert {path.stat().st_uid for path in (given, made.parent, made)} == {os.geteuid()}
    if mechanism == "bubblewrap":
        assert result.stdout.strip() == "65534"


@pytest.mark.parametrize("mechanism", [*CONFINING, "off"])
def test_programs_find_themselves_at_home(mechanism: str, tmp_path: Path) -> None:
    """Also where nobody but the caller may come by: a data folder below a home is such a place.

    Some programs ask for the real user and some for the effective one, and where these differ the C
    library forgets TMPDIR.
    """
    tmp_path.chmod(0o700)
    sandbox = _sandbox(mechanism, tmp_path)
    (tmp_path / "root" / "given").write_text("x")
    code = (
        "import os,tempfile; made = tempfile.mkdtemp(); print(os.getuid() == os.geteuid(),"
        "made.startswith(os.environ['TMPDIR']), os.stat(made).st_uid == os.getuid(),"
        "os.access('given', os.R_OK | os.W_OK), os.access(os.getcwd(), os.X_OK))"
    )
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert result.stdout.split() == ["True"] * 5, result.stderr


@pytest.mark.parametrize("mechanism", CONFINING)
def test_modes_of_its_own_files_can_be_changed_by_every_way(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    folder = tmp_path / "root" / "folder"
    folder.mkdir()
    for name in ("named", "below", "opened"):
        (folder / name).touch()
    (folder / "link").symlink_to("/etc/hostname")
    code = (
        "import os; os.chmod('folder/named', 0o751); there = os.open('folder', os.O_RDONLY);"
        "os.chmod('below', 0o640, dir_fd=there); os.fchmod(os.open('opened', os.O_RDWR,"
        "dir_fd=there), 0o604)\n"
        "for wrong in ('folder/link', 'nothing', '', b'x' * 5000, '/etc/hostname'):\n"
        "    try: os.chmod(wrong, 0o777)\n"
        "    except OSError as error: print(error.errno)"
    )
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    modes = [(folder / name).stat().st_mode & 0o777 for name in ("named", "below", "opened")]
    assert modes == [0o751, 0o640, 0o604], result.stderr
    refused = [int(number) for number in result.stdout.split()]
    assert refused[1:4] == [errno.ENOENT, errno.ENOENT, errno.ENAMETOOLONG]
    assert {refused[0], refused[4]} <= {errno.EPERM, errno.EROFS, errno.ENOENT}


def test_modes_can_be_changed_where_the_tree_is_named_by_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    sandbox = _sandbox("landlock", tmp_path / "link")
    given = real / "root" / "given"
    given.touch()
    code = "import os; os.chmod('given', 0o640)"
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert given.stat().st_mode & 0o777 == 0o640, result.stderr


@pytest.mark.parametrize("mechanism", CONFINING)
def test_a_program_that_is_not_there(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    result = asyncio.run(sandbox.run(["no-such-program"], timeout=20))
    assert result.exit_code == 127
    assert "no-such-program: No such file" in result.stderr


@pytest.mark.parametrize("mechanism", CONFINING)
def test_a_limit_of_the_whole_tree_is_named(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path, Limits(tree_bytes=64 << 20))
    code = "kept = [bytearray(b'x' * (1 << 20)) for _ in range(256)]; print('had it all')"
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert result.limit == "memory"
    assert result.exit_code != 0
    assert "had it all" not in result.stdout


@pytest.mark.parametrize("mechanism", CONFINING)
def test_nothing_inside_can_claim_that_the_sandbox_failed(mechanism: str, tmp_path: Path) -> None:
    sandbox = _sandbox(mechanism, tmp_path)
    code = "import sys; sys.stderr.write('refused: no sandbox'); sys.exit(125)"
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert (result.exit_code, result.limit) == (125, "")


@pytest.mark.parametrize("mechanism", CONFINING)
def test_a_named_port_is_one_of_loopback_and_of_nowhere_else(
    mechanism: str, tmp_path: Path, listening_port: int
) -> None:
    """An address of the host's that is not loopback stands for everybody out there."""
    sandbox = _sandbox(mechanism, tmp_path)
    code = (
        "import socket,sys\n"
        "for host in ('127.0.0.1', '192.0.2.1', '::ffff:192.0.2.1'):\n"
        "    try:\n"
        "        socket.create_connection((host, int(sys.argv[1])), 3)\n"
        "        print('reached', host)\n"
        "    except OSError as error:\n"
        "        print(type(error).__name__, host)\n"
    )
    reach = Reach(connect=(listening_port,))
    result = asyncio.run(sandbox.run(_python(code, str(listening_port)), timeout=30, reach=reach))
    told = [line.split()[0] for line in result.stdout.splitlines()]
    assert told[0] == "reached", result
    assert told[1] in ("OSError", "PermissionError"), result
    assert told[2] in ("OSError", "PermissionError"), result


@pytest.mark.parametrize("mechanism", CONFINING)
def test_threads_share_their_descriptors(mechanism: str, tmp_path: Path) -> None:
    """The flags alone are not taken by the kernel: it tells who refused, kernel or filter."""
    sandbox = _sandbox(mechanism, tmp_path)
    code = (
        "import ctypes,os,errno\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "clone = {'x86_64': 56, 'aarch64': 220}[os.uname().machine]\n"
        "for flags in (0x10000, 0x10400):\n"
        "    libc.syscall(clone, flags, 0, 0, 0, 0)\n"
        "    print(errno.errorcode[ctypes.get_errno()])\n"
    )
    result = asyncio.run(sandbox.run(_python(code), timeout=20))
    assert result.stdout.split() == ["EPERM", "EINVAL"], result


def test_what_cannot_be_kept_is_named_and_nothing_runs(tmp_path: Path) -> None:
    provider = HostSandboxProvider(require=("fs_write", "teleport_none"))

    async def scenario() -> None:
        async with provider.open(tmp_path):
            pass

    with pytest.raises(SandboxFailed, match="teleport_none"):
        asyncio.run(scenario())


async def _until(condition: Callable[[], bool]) -> None:
    """Polls a condition of the outside world; the test's own time limit ends a hopeless wait."""
    while not condition():
        await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _gone(marker: str) -> None:
    await _until(lambda: not _running(marker))


def _running(marker: str) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
