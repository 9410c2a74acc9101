"""The offline executor writes what the best package gives and really runs its checks."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.offline.executor import OfflineExecutor, mock_ports
from maestro.agents.executors.offline.interpreters import node_binary, resolve
from maestro.agents.executors.offline.packages import load_packages
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import NoAgentAvailable, StepFailed


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[2] / "data" / "backend" / "domains.py")

MANIFEST = """
id: demo
name: Demo
summary: A demo
persona: database_designer
provides: [database_schema]
view: database
checks:
  - id: look
    statement: The file is there.
    argv: ["{python}", "@component_dir@/look.py"]
    timeout_seconds: 20
    recheck: true
  - id: node
    statement: Node runs.
    argv: ["{node}", --version]
    cwd: "@component_dir@"
launch: {argv: ["{python}", serve.py, "{port}"], cwd: "@component_dir@", ready_path: /up}
"""
LOOK = "import os\nprint('tables', {{ tables | length }},   os.environ.get('API_URL_BACKEND'))\n"


def execute(
    folder: Path,
    assignment: Assignment,
    *,
    manifest: str = MANIFEST,
    look: str = LOOK,
) -> tuple[WorkResult, list[str]]:
    files = folder / "packages" / "demo" / "files" / "@component_dir@"
    files.mkdir(parents=True)
    (folder / "packages" / "demo" / "template.yaml").write_text(manifest)
    (files / "look.py.jinja").write_text(look)
    (folder / "tree").mkdir()
    lines: list[str] = []

    async def report(line: str) -> None:
        lines.append(line)

    async def scenario() -> WorkResult:
        executor = OfflineExecutor(load_packages(folder / "packages"))
        async with HostSandboxProvider(off=True).open(folder / "tree") as sandbox:
            return await executor.execute(assignment, sandbox, report)

    return asyncio.run(scenario()), lines


def test_result_says_what_was_made_and_checked(tmp_path: Path) -> None:
    url = "http://127.0.0.1:4711/api"
    work = domains.assignment("database_designer", consumed_url=url)
    result, lines = execute(tmp_path, work)
    assert result.summary == "A demo (1 files)"
    assert result.changed_paths == ("backend/look.py",)
    look, node = result.checks
    assert (look.id, look.passed) == ("look", True)
    assert look.detail.endswith(f"tables 3 {url}")
    assert "; v" in node.detail
    assert result.template is not None
    assert result.template.template == "demo"
    assert result.launch is not None
    assert (result.launch.cwd, result.launch.ready_path) == ("backend", "/up")
    assert [(c.id, c.argv) for c in result.rechecks] == [("look", ("{python}", "backend/look.py"))]
    assert lines == [
        "Demo: made for the persona database_designer; provides database_schema",
        "wrote 1 files",
        "checking: The file is there.",
        "checking: Node runs.",
    ]
    # code is laid out, however long the names in it are
    assert "len(" not in (tmp_path / "tree/backend/look.py").read_text()
    assert '("tables", 3, os.environ' in (tmp_path / "tree/backend/look.py").read_text()


@pytest.mark.parametrize(
    ("manifest", "look", "complaint"),
    [
        (MANIFEST, "print('before')\nraise SystemExit(3)\n", r"'look' .* status 3:\nbefore"),
        (
            MANIFEST.replace("timeout_seconds: 20", "timeout_seconds: 0.5"),
            "import threading\nthreading.Event().wait()\n",
            r"'look' .*was ended after its limit of 0\.5 s",
        ),
        (MANIFEST, "def broken(:\n", "cannot be laid out"),
    ],
)
def test_failed_checks_fail_the_step(
    tmp_path: Path, manifest: str, look: str, complaint: str
) -> None:
    with pytest.raises(StepFailed, match=complaint):
        execute(tmp_path, domains.assignment("database_designer"), manifest=manifest, look=look)


def test_without_a_package_nobody_is_available(tmp_path: Path) -> None:
    with pytest.raises(NoAgentAvailable, match=r"'poet'; packages exist for: database_designer"):
        execute(tmp_path, domains.assignment("poet"))
    assert list((tmp_path / "tree").iterdir()) == []


def test_interpreters_of_this_host() -> None:
    assert resolve(["{python}", "-c", "{nothing}"]) == (sys.executable, "-c", "{nothing}")
    assert node_binary().is_file()


def test_only_addresses_with_a_port_are_reached() -> None:
    urls = ("http://127.0.0.1:9/api", "grpc://127.0.0.1:8", "http://localhost", "")
    assert mock_ports(urls) == (8, 9)
