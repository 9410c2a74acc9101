"""Manifests are refused with the file and the field; recommendations give score and reasons."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.offline.packages import (
    built_in_packages,
    load_packages,
    recommend,
)
from maestro.agents.executors.offline.views import VIEWS
from maestro.domain.requirement import Constraints
from maestro.errors import InvalidInput

MANIFEST = """
id: demo
name: Demo
summary: Something
persona: backend_developer
provides: [rest_api]
view: backend
checks:
  - {id: tests, statement: They pass., argv: [run]}
"""


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[2] / "data" / "backend" / "domains.py")


def write(folder: Path, text: str, name: str = "demo") -> Path:
    (folder / name / "files").mkdir(parents=True)
    (folder / name / "template.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("id: demo", "id: other", "demo/template.yaml.id: 'other' must be the folder's name"),
        ("persona: backend_developer", "persona: A B", "template.yaml.persona"),
        ("summary: Something", "", "needs the field 'summary'"),
        ("summary: Something", "summary: ''", "template.yaml.summary: must not be empty"),
        ("provides: [rest_api]", "provides: []", "template.yaml.provides"),
        ("provides: [rest_api]", "provides: rest_api", "template.yaml.provides: expected list"),
        ("view: backend", "view: backend\nextra: 1", "unknown field 'extra'"),
        ("view: backend", "view: backend\norigin: mars", "origin: 'mars' is not one of"),
        ("argv: [run]", "argv: []", r"checks\[0\].argv"),
        ("argv: [run]", "argv: [run], timeout_seconds: 0", r"checks\[0\].timeout_seconds"),
        ("argv: [run]", "argv: [run], recheck: 1", r"checks\[0\].recheck: expected bool"),
        ("statement: They pass.", "statement: ''", r"checks\[0\].statement"),
        ("id: tests", "id: The tests", r"checks\[0\].id"),
        ("view: backend", "view: [", "is not YAML"),
    ],
)
def test_bad_manifests_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in MANIFEST
    with pytest.raises(InvalidInput, match=complaint):
        load_packages(write(tmp_path, MANIFEST.replace(old, new)))


def test_incomplete_packages_are_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(InvalidInput, match=r"no template\.yaml"):
        load_packages(tmp_path)
    (tmp_path / "demo" / "template.yaml").write_text(MANIFEST)
    with pytest.raises(InvalidInput, match="no folder 'files'"):
        load_packages(tmp_path)


def test_check_ids_are_unique(tmp_path: Path) -> None:
    twice = MANIFEST + "  - {id: tests, statement: Again., argv: [run]}\n"
    with pytest.raises(InvalidInput, match="'tests' is used twice"):
        load_packages(write(tmp_path, twice))


def test_every_built_in_package_can_be_used() -> None:
    packages = built_in_packages()
    assert {"fastapi-sqlalchemy-backend", "alembic-migrations"} <= {p.id for p in packages}
    for package in packages:
        assert package.manifest.view in VIEWS, package.id


def test_the_best_package_comes_first_with_reasons(tmp_path: Path) -> None:
    write(tmp_path, MANIFEST)
    write(tmp_path, MANIFEST.replace("id: demo", "id: exact\norigin: designed"), "exact")
    write(
        tmp_path, MANIFEST.replace("id: demo", "id: page").replace("rest_api", "web_page"), "page"
    )
    write(tmp_path, MANIFEST.replace("id: demo", "id: own\norigin: foreign"), "own")
    write(tmp_path, MANIFEST.replace("id: demo", "id: skilled\ntags: [Backend]"), "skilled")
    other = MANIFEST.replace("id: demo", "id: other").replace("backend_developer", "qa_engineer")
    write(tmp_path, other, "other")
    choices = recommend(domains.assignment("backend_developer"), load_packages(tmp_path))
    assert [(c.template, c.score) for c in choices] == [
        ("exact", 0.9),
        ("skilled", 0.85),
        ("demo", 0.75),
        ("page", 0.5),
    ]
    assert choices[0].reasons == (
        "made for the persona backend_developer",
        "provides rest_api",
        "made for designed contracts",
    )
    assert choices[1].reasons[-1] == "matches the expertise backend"


def test_a_contract_of_the_user_needs_a_package_for_foreign_contracts(tmp_path: Path) -> None:
    write(tmp_path, MANIFEST.replace("id: demo", "id: demo\norigin: designed"))
    write(tmp_path, MANIFEST.replace("id: demo", "id: own\norigin: foreign"), "own")
    constraints = Constraints(contract="openapi: 3.1.0")
    packages = load_packages(tmp_path)
    choices = recommend(domains.assignment("backend_developer", constraints=constraints), packages)
    assert [choice.template for choice in choices] == ["own"]


def test_nobody_is_recommended_for_an_unknown_persona(tmp_path: Path) -> None:
    assert recommend(domains.assignment("poet"), load_packages(write(tmp_path, MANIFEST))) == ()
