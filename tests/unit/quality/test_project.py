"""How a project is started: said by itself, by a known layout, or not at all."""

from pathlib import Path

import pytest

from maestro.domain.encoding import encode
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput
from maestro.quality.project import (
    PageVisit,
    Project,
    ServedComponent,
    project_of,
    read_project,
)

WHOLE = """\
schema_version: 1
launch:
  command: ["{python}", run.py, --port, "{port}"]
  folder: service
  ready: /health
  base_path: /api/
  ports: 3
pages: [/, {path: "/#/boats", click: "[data-action=create]"}]
load: {paths: [/api/boats]}
contracts: [contracts/boats.yaml]
database: postgresql
"""


def written(folder: Path, text: str) -> Path:
    (folder / "maestro.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_project_says_how_it_is_started(tmp_path: Path) -> None:
    launch = LaunchCommand(
        argv=("{python}", "run.py", "--port", "{port}"),
        cwd="service",
        ready_path="/health",
        base_path="/api",
    )
    assert read_project(written(tmp_path, WHOLE)) == Project(
        source="maestro.yaml",
        application=launch,
        ports=3,
        pages=(PageVisit(path="/"), PageVisit(path="/#/boats", click="[data-action=create]")),
        components=(ServedComponent(name="application", launch=launch, paths=("/api/boats",)),),
        contracts=("contracts/boats.yaml",),
        database="postgresql",
    )


def test_the_known_layout_counts_only_without_the_file(tmp_path: Path) -> None:
    assert read_project(tmp_path).application is None
    (tmp_path / "backend" / "app").mkdir(parents=True)
    (tmp_path / "backend" / "app" / "main.py").touch()
    found = read_project(tmp_path)
    assert found.source == "known layout backend/app/main.py"
    assert found.application is not None
    assert found.application.cwd == "backend"
    assert found.pages == ()
    (tmp_path / "frontend").mkdir()
    (tmp_path / "frontend" / "index.html").touch()
    assert read_project(tmp_path).pages == (PageVisit(path="/"),)
    assert read_project(written(tmp_path, "schema_version: 1\n")).application is None


def test_what_a_run_says_about_itself_wins(tmp_path: Path) -> None:
    """The files of a run were written by those who are measured."""
    said = Project(source="the run", pages=(PageVisit(path="/#/boats"),))
    assert project_of({"project": encode(said)}, written(tmp_path, WHOLE)) == said


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("schema_version: 1", "schema_version: 2", "maestro.yaml:1:17"),
        ("  ready: /health", "  raedy: /health", "unknown key 'raedy'"),
        ('"{port}"]', '"8000"]', "{port}"),
        ("  folder: service", "  folder: ../other", "leads out of the project"),
        ("  folder: service", "  folder: /etc", "leads out of the project"),
        ("  ready: /health", "  ready: http://elsewhere/", "begin with one slash"),
        ("load: {paths: [/api/boats]}", "load: {paths: [//elsewhere/]}", "begin with one slash"),
        ("  ports: 3", "  ports: 0", "1 to 20 ports"),
        ("contracts: [contracts/boats.yaml]", "contracts: [../boats.yaml]", "leads out"),
        ("database: postgresql", "database: oracle", "not one of sqlite, postgresql"),
        ("pages: [/,", "pages: [{click: x},", "'path' is missing"),
    ],
)
def test_mistakes_are_refused_with_their_place(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    with pytest.raises(InvalidInput, match=r"maestro\.yaml:\d+:\d+: ") as refusal:
        read_project(written(tmp_path, WHOLE.replace(old, new)))
    assert why in str(refusal.value)


def test_pages_need_a_way_to_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'pages' needs 'launch'"):
        read_project(written(tmp_path, "schema_version: 1\npages: [/]\n"))


def test_a_link_says_nothing_about_a_project(tmp_path: Path) -> None:
    other = written(tmp_path, WHOLE) / "maestro.yaml"
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "maestro.yaml").symlink_to(other)
    with pytest.raises(InvalidInput, match="is a link"):
        read_project(folder)
