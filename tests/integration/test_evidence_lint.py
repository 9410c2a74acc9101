"""The linter really runs in the sandbox; nothing in the tree can tell it what to leave out."""

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.sandboxes.provider import open_provider
from maestro.domain.entities import DomainModel, FieldType
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.ports import EvidenceSubject
from maestro.quality.evidence import collectors
from maestro.settings import Settings

BUILDS = Path(__file__).parents[1] / "data" / "support" / "builds.py"
WRONG = "import os\n"
RIGHT = "import os\n\nprint(os.sep)\n"


def collect(root: Path, files: Mapping[str, str]) -> Evidence:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    async def run() -> Evidence:
        settings = Settings(database=root / "unused.db", data_folder=root / "unused")
        async with open_provider(settings).open(root) as sandbox:
            return await collectors()["lint"].collect(EvidenceSubject(sandbox=sandbox))

    return asyncio.run(run())


def test_clean_code_has_no_error_and_says_how_much_was_looked_at(tmp_path: Path) -> None:
    found = collect(tmp_path, {"backend/a.py": RIGHT, "backend/b.py": RIGHT})
    assert found.metrics == {"lint.errors": 0}
    assert found.files_examined == 2
    assert found.exit_code == 0


@pytest.mark.parametrize("text", [WRONG, "def f(:\n", "x = undefined\n", "f'{1}' + nope\n"])
def test_an_error_is_found_with_its_place(text: str, tmp_path: Path) -> None:
    found = collect(tmp_path, {"backend/a.py": text, "backend/b.py": RIGHT})
    assert found.status is EvidenceStatus.MEASURED, found
    assert found.metrics["lint.errors"] != 0
    assert found.detail[0].startswith("backend/a.py:1: ")


def test_a_tree_without_python_is_not_measured(tmp_path: Path) -> None:
    """The linter itself says `All checks passed` there, with status 0."""
    found = collect(tmp_path, {"README.md": "# Nothing\n"})
    assert found.status is EvidenceStatus.UNAVAILABLE
    assert found.metrics == {}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitignore", "*\n"),
        ("backend/.gitignore", "a.py\n"),
        ("ruff.toml", 'exclude = ["*"]\n'),
        ("ruff.toml", "this is = = not toml\n"),
        ("pyproject.toml", '[tool.ruff]\nexclude = ["backend"]\n'),
        ("backend/ruff.toml", 'lint.ignore = ["F"]\n'),
    ],
)
def test_configuration_of_the_tree_is_ignored(path: str, text: str, tmp_path: Path) -> None:
    found = collect(tmp_path, {"backend/a.py": WRONG, path: text})
    assert found.metrics == {"lint.errors": 1}


@pytest.mark.parametrize("text", ["import os  # noqa\n", "# ruff: noqa\nimport os\n"])
def test_suppressions_do_not_count(text: str, tmp_path: Path) -> None:
    assert collect(tmp_path, {"backend/a.py": text}).metrics == {"lint.errors": 1}


@pytest.mark.parametrize("folder", ["build", "dist", "venv", "site-packages", "_build"])
def test_folders_the_linter_would_leave_out_are_looked_at(folder: str, tmp_path: Path) -> None:
    found = collect(tmp_path, {f"backend/{folder}/a.py": WRONG})
    assert found.metrics == {"lint.errors": 1}


def test_a_file_name_cannot_become_an_option(tmp_path: Path) -> None:
    found = collect(tmp_path, {"--exit-zero.py": WRONG, "-q.py": RIGHT})
    assert found.metrics == {"lint.errors": 1}
    assert found.files_examined == 2


def load_builds() -> Any:
    spec = importlib.util.spec_from_file_location("lint_builds", BUILDS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load_builds()


def all_required(domain: DomainModel) -> DomainModel:
    """Every field must be given, and there are no references that might go round in a circle."""
    entities = []
    for entity in domain.entities:
        kept = [field for field in entity.fields if field.type is not FieldType.REFERENCE]
        fields = tuple(replace(field, required=True) for field in kept)
        entities.append(replace(entity, fields=fields))
    return replace(domain, entities=tuple(entities))


@pytest.mark.parametrize("name", [*builds.DOMAINS, "required", "foreign"])
def test_what_the_offline_team_writes_is_clean(name: str, tmp_path: Path) -> None:
    if name == "foreign":
        builds.write_files(tmp_path, builds.rendered(builds.clinic_assignment("qa_engineer")))
    else:
        domains = {**builds.DOMAINS, "required": all_required(builds.TASKS)}
        builds.build(domains[name], tmp_path)
    found = collect(tmp_path, {})
    assert (found.detail, found.metrics) == ((), {"lint.errors": 0})
    assert found.files_examined
