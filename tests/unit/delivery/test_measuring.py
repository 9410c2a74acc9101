"""A folder is measured on a copy: what is copied, what is left out, what is asked."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from maestro.delivery.collecting import Collecting
from maestro.delivery.measuring import FolderEvidence, FolderMeasurement
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.errors import InvalidInput
from maestro.ports import EvidenceCollector, EvidenceSubject, Sandbox, SandboxStrength
from maestro.quality.evidence.facts import FactCollector, launch

STRENGTH = SandboxStrength(mechanism="none", level="L0", capabilities=(), missing=())


@dataclass(frozen=True)
class FakeSandbox:
    root: Path
    strength: SandboxStrength = STRENGTH


class FakeSandboxes:
    @asynccontextmanager
    async def open(self, root: Path) -> AsyncIterator[Sandbox]:
        sandbox: Any = FakeSandbox(root)
        yield sandbox

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Path]:
        with TemporaryDirectory() as folder:
            yield Path(folder)

    async def probe(self) -> SandboxStrength:
        return STRENGTH


@dataclass
class ScriptedCollector:
    """Keeps what it was shown, and spoils it."""

    name: str
    seen: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        self.facts = dict(subject.facts)
        for path in sorted(subject.sandbox.root.rglob("*")):
            name = path.relative_to(subject.sandbox.root).as_posix()
            if path.is_symlink():
                self.seen[name] = "a link"
            elif path.is_file():
                self.seen[name] = path.read_text(encoding="utf-8")
                path.write_text("spoilt", encoding="utf-8")
        return Evidence(
            collector=self.name, status=EvidenceStatus.MEASURED, tool="t", version="1", argv=(),
            exit_code=0, duration_seconds=0.0, files_examined=1, metrics={"lint.errors": 0},
        )  # fmt: skip


def measure(folder: Path, **options: Any) -> tuple[FolderEvidence, ScriptedCollector]:
    lint, mutation = ScriptedCollector("lint"), ScriptedCollector("mutation")
    known: dict[str, EvidenceCollector] = {
        "suites": ScriptedCollector("suites"),
        "lint": lint,
        "mutation": mutation,
        "launch": FactCollector("launch", launch),
    }
    measurement = FolderMeasurement(
        collecting=Collecting(collectors=known, sandboxes=FakeSandboxes())
    )

    async def report(_: str) -> None:
        return None

    return asyncio.run(measurement.measure(folder, report, **options)), lint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    for path in ("a.py", "src/b.py", "node_modules/c.js", ".git/config", "env/bin/python",
                 "src/__pycache__/b.pyc"):  # fmt: skip
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path, encoding="utf-8")
    (root / "env/pyvenv.cfg").write_text("home = /usr\n", encoding="utf-8")
    return root


def test_each_measures_a_copy_and_the_folder_stays_as_it_was(project: Path) -> None:
    found, lint = measure(project)  # after another one that spoils what it is shown
    assert lint.seen == {"a.py": "a.py", "src/b.py": "src/b.py"}
    assert (project / "a.py").read_text() == "a.py"
    assert found.left_out == (".git", "env", "node_modules", "src/__pycache__")
    assert found.metrics == {"lint.errors": 0}


def test_a_file_alone_makes_no_environment_of_what_is_to_be_measured(project: Path) -> None:
    (project / "src/pyvenv.cfg").write_text("home = /usr\n", encoding="utf-8")
    found, lint = measure(project)
    assert lint.seen["src/b.py"] == "src/b.py"
    assert "src" not in found.left_out


def test_links_to_files_inside_are_followed_and_others_stay_links(project: Path) -> None:
    (project.parent / "secret").write_text("secret", encoding="utf-8")
    (project / "inner.py").symlink_to("src/b.py")
    (project / "outer.py").symlink_to(project.parent / "secret")
    (project / "folder").symlink_to(project.parent)
    os.mkfifo(project / "pipe")
    found, lint = measure(project)
    assert lint.seen["inner.py"] == "src/b.py"
    assert lint.seen["outer.py"] == lint.seen["folder"] == "a link"
    assert "pipe" in found.left_out


def test_what_is_costly_or_of_a_run_is_measured_only_on_demand(project: Path) -> None:
    found, _ = measure(project)
    assert found.not_asked == ("mutation", "launch")
    found, _ = measure(project, only=("mutation.score",))
    assert [item.collector for item in found.evidence] == ["mutation"]
    found, _ = measure(project, only=("lint", "lint.errors"))
    assert [item.collector for item in found.evidence] == ["lint"]


@pytest.mark.parametrize(
    ("only", "complaint"),
    [
        (("lint.erors",), "'lint.erors' is neither a metric nor one of: lint, mutation, suites"),
        (("launch.started",), "'launch' is counted from a run's record"),
    ],
)
def test_a_name_that_cannot_be_measured_is_refused(
    only: tuple[str, ...], complaint: str, project: Path
) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        measure(project, only=only)


@pytest.mark.parametrize("options", [{}, {"against": Path("/nowhere/at/all")}])
def test_a_folder_that_is_not_there_is_refused(options: dict[str, Path], project: Path) -> None:
    with pytest.raises(InvalidInput, match="is no folder"):
        measure(project if options else project / "nothing", **options)


def test_an_earlier_state_gives_fingerprints_and_suppressions(
    project: Path, tmp_path: Path
) -> None:
    before = tmp_path / "before" / "tests"
    before.mkdir(parents=True)
    (before / "test_a.py").write_text("def test_a():\n    assert 1  # noqa\n", encoding="utf-8")
    _, lint = measure(project, against=before.parent)
    assert lint.facts["suppressions"] == {"tests/test_a.py": 1}
    assert lint.facts["test_fingerprints"]["tests/test_a.py"]["functions"]["test_a"]["test"]


def test_a_bill_of_materials_is_made_on_demand(project: Path) -> None:
    (project / "requirements.txt").write_text("packaging>=20\n", encoding="utf-8")
    assert measure(project)[0].bill_of_materials is None
    bill = measure(project, materials=True, only=("mutation",))[0].bill_of_materials
    assert bill is not None
    assert "pkg:pypi/packaging@" in bill
    (project / "requirements.txt").write_text("what?\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="no bill of materials"):
        measure(project, materials=True, only=("mutation",))
