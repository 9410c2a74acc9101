"""The operations files of every kind of application parse, and name its services and ports."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from maestro.agents.executors.offline.view_operations import runnable_services
from maestro.quality.project import PageVisit, read_project

SUPPORT = Path(__file__).parents[2] / "data" / "support"


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


def delivered(name: str, folder: Path) -> Path:
    assignment = builds.assignment_of("devops_engineer", builds.DOMAINS[name])
    builds.write_files(folder, builds.rendered(assignment))
    return folder


def starter(folder: Path) -> ModuleType:
    module: ModuleType = load(folder / "run.py", "rendered_run")
    return module


@pytest.mark.parametrize("name", builds.DOMAINS)
def test_own_checks_of_the_package_pass(name: str, tmp_path: Path) -> None:
    tree = delivered(name, tmp_path)
    for check in builds.checks_of("app-operations"):
        done = subprocess.run(check, cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_one_service_with_a_page_shares_the_first_port(tmp_path: Path) -> None:
    tree = delivered("tasks", tmp_path)
    compose = yaml.safe_load((tree / "compose.yaml").read_text())
    assert list(compose["services"]) == ["app"]
    assert compose["services"]["app"]["ports"] == ["127.0.0.1:8000:8000"]
    assert starter(tree).SERVICES == (("backend", "backend", 0),)


def test_services_get_the_ports_after_the_page(tmp_path: Path) -> None:
    tree = delivered("shop", tmp_path)
    compose = yaml.safe_load((tree / "compose.yaml").read_text())
    assert list(compose["services"]) == ["page", "catalogue", "orders", "payments"]
    assert compose["services"]["payments"]["ports"] == ["127.0.0.1:8003:8003"]
    run = starter(tree)
    assert [tuple(service) for service in run.SERVICES] == [
        ("catalogue", "services/catalogue", 1),
        ("orders", "services/orders", 2),
        ("payments", "services/payments", 3),
    ]
    assert run.PARTS == ("page", "catalogue", "orders", "payments")


def test_without_a_page_the_first_service_gets_the_first_port() -> None:
    assignment = builds.assignment_of("devops_engineer", builds.without_page(builds.SHOP))
    assert [service.offset for service in runnable_services(assignment)] == [0, 1, 2]


def test_a_foreign_api_keeps_the_path_of_its_first_server(tmp_path: Path) -> None:
    builds.write_files(tmp_path, builds.rendered(builds.clinic_assignment("devops_engineer")))
    run = starter(tmp_path)
    assert run.addresses("127.0.0.1", {"backend": 8000}) == {"backend": "http://127.0.0.1:8000/v2"}


def test_node_is_set_up_on_ci_only_for_a_page(tmp_path: Path) -> None:
    workflow = ".github/workflows/ci.yaml"
    assert "setup-node" in (delivered("tasks", tmp_path / "a") / workflow).read_text()
    assert "setup-node" not in (delivered("users", tmp_path / "b") / workflow).read_text()


def test_the_container_does_not_run_as_root(tmp_path: Path) -> None:
    lines = (delivered("tasks", tmp_path) / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER app"]
    assert any(line.startswith("HEALTHCHECK") for line in lines)


@pytest.mark.parametrize(
    ("version", "requirement", "enough"),
    [
        ("2.0.36", "sqlalchemy>=2.0.36,<3", True),
        ("2.1", "sqlalchemy>=2.0.36,<3", True),
        ("2.0.9", "sqlalchemy>=2.0.36,<3", False),
        ("3", "sqlalchemy>=2.0.36,<3", False),
        ("3.0.0", "x==3", True),
        ("1.0rc1", "x!=1.0", False),
        ("1.2", "x", True),
    ],
)
def test_versions_are_compared_as_numbers(
    version: str, requirement: str, enough: bool, tmp_path: Path
) -> None:
    assert starter(delivered("users", tmp_path)).satisfies(version, requirement) is enough


def test_a_missing_requirement_is_named_with_the_command_to_install(tmp_path: Path) -> None:
    tree = builds.build(builds.USERS, tmp_path, ("backend_developer", "devops_engineer"))
    with (tree / "requirements.txt").open("a") as file:
        file.write("no-such-distribution>=1,<2\n")
    argv = [sys.executable, "run.py", "--port", "1"]
    done = subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no-such-distribution>=1,<2" in done.stderr
    assert "-m pip install -r requirements.txt" in done.stderr


def test_the_application_says_how_it_is_measured(tmp_path: Path) -> None:
    one = read_project(delivered("tasks", tmp_path / "one"))
    assert one.pages == (PageVisit(path="/"),)
    assert "/api/tasks" in one.components[0].paths
    several = read_project(delivered("shop", tmp_path / "several"))
    assert (several.ports, several.components[0].paths) == (4, ())


def test_a_foreign_application_says_how_it_is_measured(tmp_path: Path) -> None:
    """Which of somebody else's operations are built is not known here."""
    builds.write_files(tmp_path, builds.rendered(builds.clinic_assignment("devops_engineer")))
    found = read_project(tmp_path)
    assert found.application is not None
    assert found.application.base_path == "/v2"
    assert found.components[0].paths == ()
