"""The integrated application really runs, is tested by its own command and stops as a whole."""

import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parents[1] / "data" / "support"
BUILDERS = ("database_designer", "backend_developer", "devops_engineer")


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = builds.build(builds.TASKS, tmp_path_factory.mktemp("single"), BUILDERS)
    return with_page(folder)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = builds.build(
        builds.SHOP, tmp_path_factory.mktemp("three"), (*BUILDERS, "qa_engineer")
    )
    return with_page(folder)


def with_page(folder: Path) -> Path:
    (folder / "frontend/js").mkdir(parents=True)
    (folder / "frontend/index.html").write_text("<!doctype html><title>Page</title>")
    (folder / "frontend/js/app.js").write_text("export const here = true;\n")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(url: str, host: str | None = None) -> tuple[int, str, bytes]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


@contextmanager
def started(
    folder: Path, data: Path, *options: str, **variables: str
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """run.py and what it printed until it was ready; the test ends it."""
    shutil.copytree(folder, data, dirs_exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "run.py", *options],
        cwd=data,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("Press"):
                break
        yield process, lines
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ends(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_command_serves_page_and_api_and_a_signal_stops_both(
    number: signal.Signals, single: Path, tmp_path: Path
) -> None:
    port = free_port()
    with started(single, tmp_path, "--port", str(port)) as (process, lines):
        assert f"page:      http://127.0.0.1:{port}/" in lines
        assert get(f"http://127.0.0.1:{port}/")[2].startswith(b"<!doctype html>")
        config = json.loads(get(f"http://127.0.0.1:{port}/config.json")[2])
        assert config == {"apis": {"backend": "/api"}}
        assert get(f"http://127.0.0.1:{port}/api/tasks")[0] == 200
        assert ends(process, number) == 0
        assert not listens(port)


def test_three_services_and_the_page_start_and_stop_together(three: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(three, tmp_path, "--port", str(port)) as (process, lines):
        config = json.loads(get(f"http://127.0.0.1:{port}/config.json")[2])
        apis = config["apis"]
        assert list(apis) == ["catalogue", "orders", "payments"]
        assert get(f"{apis['catalogue']}/products")[0] == 200
        assert get(f"{apis['payments']}/payments")[0] == 200
        assert get(f"{apis['payments']}/products")[0] == 404
        assert any(apis["orders"] in line for line in lines)
        status, kind, _ = get(f"http://127.0.0.1:{port}/js/app.js")
        assert (status, kind.split(";")[0]) == (200, "text/javascript")
        ports = [int(re.findall(r":(\d+)/", url)[0]) for url in apis.values()]
        assert ends(process, signal.SIGTERM) == 0
        assert [p for p in [port, *ports] if listens(p)] == []
    assert len(list(tmp_path.glob("services/*/data/app.db"))) == 3


def test_the_front_server_gives_nothing_but_the_page(three: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(three, tmp_path, "--port", str(port)) as (process, _):
        for path in ("/js/", "/../run.py", "/%2e%2e/run.py", "/run.py"):
            assert get(f"http://127.0.0.1:{port}{path}")[0] == 404
        url = f"http://127.0.0.1:{port}/config.json"
        named = json.loads(get(url, host="localhost:1")[2])["apis"]["orders"]
        assert named.startswith("http://localhost:")
        hostile = json.loads(get(url, host='evil"/x')[2])["apis"]["orders"]
        assert hostile.startswith("http://127.0.0.1:")
        assert ends(process, signal.SIGTERM) == 0


def test_when_one_service_ends_everything_ends_and_says_so(three: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(three, tmp_path, "--port", str(port)) as (process, _):
        assert process.stdout is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[1]), signal.SIGKILL)
        assert process.wait(timeout=20) == 1
        assert "ended by itself" in process.stdout.read()
        assert not listens(port)


def test_a_single_part_can_be_started_alone(three: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(three, tmp_path, "--port", str(port), "--only", "orders") as (process, lines):
        assert [line for line in lines if "API:" in line] == [
            f"orders API: http://127.0.0.1:{port + 2}/api"
        ]
        assert not listens(port)
        assert ends(process, signal.SIGTERM) == 0


def test_a_used_port_is_named(single: Path, tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with started(single, tmp_path, "--port", str(port)) as (process, lines):
            assert process.wait(timeout=20) == 1
            assert f"run.py: port {port} is in use; choose another one with --port" in lines


def test_one_database_for_three_services_is_refused(three: Path, tmp_path: Path) -> None:
    options = ("--port", str(free_port()))
    with started(three, tmp_path, *options, DATABASE_URL="sqlite:///x.db") as (process, lines):
        assert process.wait(timeout=20) == 1
        assert "set DATABASE_URL_CATALOGUE, DATABASE_URL_ORDERS" in lines[-1]


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["make", f"PYTHON={sys.executable}", *words]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


def test_make_test_runs_everything_and_needs_no_environment_of_its_own(
    three: Path, tmp_path: Path
) -> None:
    shutil.copytree(three, tmp_path, dirs_exist_ok=True)
    done = make(tmp_path, "test")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("tests of catalogue", "tests of orders", "tests of payments", "contract tests"):
        assert f"passed   {line}" in done.stdout
    assert "NOT RUN  page tests: there are none in frontend/tests" in done.stdout
    assert not (tmp_path / ".venv").exists()
    assert list(tmp_path.glob("services/*/data/*.db")) == []


def test_make_test_fails_when_a_test_fails(single: Path, tmp_path: Path) -> None:
    shutil.copytree(single, tmp_path, dirs_exist_ok=True)
    (tmp_path / "backend/tests/test_seeded.py").write_text("def test_x() -> None:\n    assert 0\n")
    shutil.rmtree(tmp_path / "backend/tests/checks", ignore_errors=True)
    done = make(tmp_path, "test")
    assert done.returncode == 2
    assert "FAILED   tests of backend" in done.stdout
    assert "NOT RUN  contract tests: there is no tests/contract" in done.stdout


@pytest.mark.parametrize(("body", "status"), [("", "passed"), ("throw new Error()", "FAILED")])
def test_page_tests_run_with_the_address_of_the_api(
    body: str, status: str, single: Path, tmp_path: Path
) -> None:
    shutil.copytree(single, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "backend/tests")
    (tmp_path / "frontend/tests").mkdir()
    (tmp_path / "frontend/tests/client.test.mjs").write_text(
        "import { test } from 'node:test';\n"
        "test('the API answers', async () => {\n"
        "  const reply = await fetch(process.env.API_URL_BACKEND + '/tasks');\n"
        "  if (reply.status !== 200) throw new Error(reply.status);\n"
        f"  {body}\n"
        "});\n"
    )
    done = make(tmp_path, "test")
    assert f"{status}   page tests" in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) is (status == "passed")
