"""The contract test suite passes on correct providers, again and again, and finds broken ones."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parents[1] / "data" / "support"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


@contextmanager
def serving(argv: list[str], cwd: Path, port: int, path: str, **variables: str) -> Iterator[str]:
    process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **variables})
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < deadline, "the provider did not start"
        yield f"http://127.0.0.1:{port}/api"
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def contract_tests(folder: Path, url: str, *options: str) -> tuple[int, list[str], str]:
    """Exit status, names of failed tests, and all output."""
    (argv,) = builds.checks_of("contract-test-suite")
    done = subprocess.run(
        [*argv, "--tb=line", *options],
        cwd=folder,
        env={**os.environ, "API_URL_BACKEND": url},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, re.findall(r"(?m)^FAILED \S+::(\w+)", done.stdout), done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = builds.build(
        builds.TASKS,
        tmp_path_factory.mktemp("tasks"),
        ("database_designer", "backend_developer", "qa_engineer"),
    )
    return folder


@contextmanager
def backend(folder: Path, database: Path) -> Iterator[str]:
    port = free_port()
    argv = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
    address = f"sqlite:///{database}"
    argv += ["--log-level", "error"]
    with serving(argv, folder / "backend", port, "/api/health", DATABASE_URL=address) as url:
        yield url


def test_the_real_provider_passes_twice_on_the_same_database(source: Path, tmp_path: Path) -> None:
    with backend(source, tmp_path / "app.db") as url:
        for _ in range(2):
            status, failed, output = contract_tests(source, url)
            assert (status, failed) == (0, []), output
            assert "skipped" not in output
        with urllib.request.urlopen(f"{url}/tasks") as reply:
            assert b'"total":0' in reply.read()


DEFECTS = [
    ("app/records.py", "found.where(column == value)", "found", "narrowed_by_status"),
    ("app/records.py", "order.desc() if sort.startswith", "order if sort.startswith", "sorted_by"),
    ("app/records.py", "icontains(search", "startswith(search", "search_finds"),
    ("app/records.py", ".limit(query.limit)", ".limit(1000)", "pages_do_not_overlap"),
    ("app/records.py", "session.delete(row)", "pass", "deleted_record_is_gone"),
    ("app/records.py", "setattr(row, name, value)", "pass", "field_can_be_changed"),
    ("app/routers/tasks.py", "exclude_unset=True", "exclude_unset=False", "changed_alone"),
    ("app/routers/tasks.py", "status.HTTP_201_CREATED", "status.HTTP_200_OK", "carries_what"),
    ("app/routers/tasks.py", '"Location"', '"X-Location"', "carries_what"),
    ("app/errors.py", "application/problem+json", "application/json", "absent_record"),
    ("app/fields.py", 'extra="forbid", validate_default', 'extra="ignore", validate_default',
     "refuses_unknown_field"),
    ("app/fields.py", "Field(ge=1, le=100)", "Field(ge=0, le=1000)", "refuses_wrong_query"),
    ("app/schemas/tasks.py", "max_length=255", "max_length=999", "refuses_wrong_value"),
    ("app/records.py", "Problem(409, \"Another", "Problem(400, \"Another", "must_lead_to_a_record"),
    ("app/records.py", "Problem(409, \"Other entries", "Problem(500, \"Other", "cannot_be_deleted"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"), DEFECTS, ids=[f"{d[1]} -> {d[2]}" for d in DEFECTS]
)
def test_a_seeded_defect_is_found_by_the_test_that_names_it(
    path: str, old: str, new: str, expected: str, tmp_path: Path
) -> None:
    folder = builds.build(
        builds.TASKS, tmp_path, ("database_designer", "backend_developer", "qa_engineer")
    )
    file = folder / "backend" / path
    text = file.read_text()
    assert old in text, f"{path} no longer holds {old!r}; choose another defect"
    file.write_text(text.replace(old, new))
    with backend(folder, tmp_path / "app.db") as url:
        status, failed, output = contract_tests(folder, url, "-k", expected)
    assert status == 1, output
    assert any(expected in name for name in failed), failed


def test_without_an_address_the_suite_says_what_to_set(source: Path) -> None:
    status, _, output = contract_tests(source, "")
    assert status == 1
    assert "set API_URL_BACKEND to the base URL of a running API" in output


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("", []),
        (
            "--broken",
            [
                "test_created_record_can_be_read",
                "test_created_record_is_in_the_list",
                "test_deleted_record_is_gone",
            ],
        ),
        ("--refusing", ["test_list_answers_with_a_list"]),
    ],
)
def test_a_foreign_api_is_tested_by_its_own_document(
    fault: str, expected: list[str], tmp_path: Path
) -> None:
    builds.write_files(tmp_path, builds.rendered(builds.clinic_assignment("qa_engineer")))
    port = free_port()
    argv = [sys.executable, str(SUPPORT / "clinic.py"), str(port), *fault.split()]
    with serving(argv, tmp_path, port, "/api/pets") as url:
        status, failed, output = contract_tests(tmp_path, url)
    assert (status, sorted(failed)) == (1 if expected else 0, expected), output
    assert "skipped" not in output
