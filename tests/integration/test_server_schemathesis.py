"""A property-based tester finds no answer of the API that its own description does not promise."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_server import APPROVAL, RunningServer, seeded, started

from maestro.domain.access import AccessRole

STARTS = r"^/api/v1/(runs|plans)$|/execute$"
"""What would begin to build whatever the tester makes up."""


pytestmark = pytest.mark.timeout(300)  # thousands of requests


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str, str]]:
    database = tmp_path_factory.mktemp("fuzz") / "m.db"
    keys = seeded(database, {"root": {"*": AccessRole.ADMIN}, "op": {"*": AccessRole.OPERATOR}})
    running = RunningServer(database)
    running.start()
    try:
        with running.client(keys["root"]) as client:
            started(client, APPROVAL)
        yield running, keys["root"], keys["op"]
    finally:
        assert running.stop() == 0


def test_everything_but_starts(server: tuple[RunningServer, str, str], tmp_path: Path) -> None:
    running, root, _ = server
    _fuzzed(running, root, tmp_path, "--exclude-path-regex", STARTS)


def test_starts_by_who_may_not(server: tuple[RunningServer, str, str], tmp_path: Path) -> None:
    running, _, operator = server
    _fuzzed(running, operator, tmp_path, "--include-path-regex", STARTS)


def _fuzzed(running: RunningServer, key: str, folder: Path, *only: str) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"{running.url}/api/v1/openapi.json",
        *("--header", f"Authorization: Bearer {key}", "--seed", "7", "--max-examples", "2"),
        *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"),
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance",
        *only,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=280, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"(\d+) generated", done.stdout)
    assert tested, done.stdout[-2000:]
    assert int(tested.group(1)) > 100, done.stdout[-2000:]
