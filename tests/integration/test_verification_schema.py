"""The schema verifier on migrations that are really run, right and wrong ones."""

import asyncio
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.verification.schema import SchemaVerifier
from maestro.domain.contract import (
    AcceptanceCriterion,
    Contract,
    ContractKind,
    Deliverable,
    SpecificationFormat,
    Verification,
)
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import CommandResult, Reach, SandboxStrength, VerificationTarget

MIGRATIONS = Path(__file__).parent.parent / "data" / "providers" / "migrations"


@dataclass(frozen=True)
class FakeSandbox:
    """A work tree whose commands run as plain processes, confined by nothing."""

    root: Path

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="off", level="L0", capabilities=(), missing=())

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=self.root / cwd,
            env={"PATH": os.environ["PATH"], **(env or {})},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), timeout)
        return CommandResult(
            argv=tuple(argv),
            exit_code=process.returncode or 0,
            stdout=out.decode(),
            stderr=err.decode(),
            duration_seconds=time.monotonic() - started,
        )

    def serve(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("schema verification starts no server")


def column(name: str, kind: str, **rules: Any) -> dict[str, Any]:
    plain = {"nullable": False, "primary_key": False, "unique": False, "references": None}
    return {"name": name, "type": kind, **plain, **rules}


SPECIFICATION = {
    "tables": [
        {
            "name": "projects",
            "columns": [
                column("id", "integer", primary_key=True),
                column("created_at", "datetime"),
                column("name", "string", unique=True),
            ],
        },
        {
            "name": "tasks",
            "columns": [
                column("id", "integer", primary_key=True),
                column("created_at", "datetime"),
                column("title", "string"),
                column("notes", "text", nullable=True),
                column("status", "string", enum=["todo", "it's (done)"]),
                column("budget", "decimal", nullable=True),
                column("archived", "boolean"),
                column("due_date", "date", nullable=True),
                column("project_id", "integer", references="projects.id"),
            ],
        },
    ]
}


def contract(specification: Mapping[str, Any] = SPECIFICATION) -> Contract:
    return Contract(
        id=ContractId("backend-schema"),
        name="Database",
        kind=ContractKind.DATA_SCHEMA,
        version="1.0.0",
        provider="database_designer",
        component="backend",
        consumers=("backend_developer",),
        format=SpecificationFormat.JSON_SCHEMA,
        specification=specification,
        deliverables=(
            Deliverable(
                name="Migrations",
                description="",
                paths=("backend/alembic.ini", "backend/migrations/versions/*.py"),
            ),
        ),
        acceptance=(
            criterion("migration_reversible"),
            criterion("table_exists", table="tasks"),
            criterion("column_matches", table="tasks", column="status"),
            criterion("column_matches", table="tasks", column="project_id"),
            criterion("column_matches", table="tasks", column="budget"),
        ),
    )


def criterion(check: str, **parameters: str) -> AcceptanceCriterion:
    return AcceptanceCriterion(
        id=".".join([check, *parameters.values()]),
        statement=check,
        check=check,
        parameters=parameters,
    )


async def silent(line: str) -> None:
    """Progress is not looked at."""


def verified(
    root: Path, *changes: tuple[str, str], made: Contract | None = None
) -> tuple[Verification, Path]:
    """Verifies the reference migrations after replacing some of their text."""
    folder = root / "backend"
    shutil.copytree(MIGRATIONS, folder)
    revision = folder / "migrations" / "versions" / "0001_initial.py"
    text = revision.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    revision.write_text(text, encoding="utf-8")
    target = VerificationTarget(description="files", sandbox=FakeSandbox(root))
    return asyncio.run(SchemaVerifier().verify(made or contract(), target, silent)), folder


def test_migrations_that_keep_the_contract_conform_and_leave_the_tree_as_it_was(
    tmp_path: Path,
) -> None:
    before = sorted(p.relative_to(MIGRATIONS) for p in MIGRATIONS.rglob("*.*"))
    result, folder = verified(tmp_path)
    assert result.findings == ()
    assert result.conforms
    assert result.operations_total == result.operations_tested == 2
    assert len(result.checks) == 7
    after = sorted(p.relative_to(folder) for p in folder.rglob("*.*"))
    assert after == before
    assert [p.name for p in tmp_path.iterdir()] == ["backend"]


def test_every_difference_names_the_column_what_was_expected_and_what_is_there(
    tmp_path: Path,
) -> None:
    result, _ = verified(
        tmp_path,
        ('sa.UniqueConstraint("name"),', ""),
        ('sa.Column("title", sa.String(255), nullable=False)', 'sa.Column("title", sa.Text())'),
        ('"status IN', "\"status NOT IN ('x') OR 'y' IN"),
        ("sa.Numeric(12, 2)", "sa.Float()"),
        ('sa.ForeignKey("projects.id"), ', ""),
        ('sa.Column("due_date", sa.Date()),', ""),
        ('sa.Column("archived"', 'sa.Column("secret", sa.Integer()), sa.Column("archived"'),
        ("# more tables", 'op.create_table("extras", sa.Column("id", sa.Integer()))'),
        ("# fewer tables", 'op.drop_table("extras")'),
    )
    assert not result.conforms
    seen = {(f.operation, f.expected, f.seen) for f in result.findings}
    assert seen == {
        ("projects.name", "unique: True", "unique: False"),
        ("tasks.title", "type: string", "type: text"),
        ("tasks.title", "nullable: False", "nullable: True"),
        ("tasks.status", "enum: [\"it's (done)\", 'todo']", "enum: None"),
        ("tasks.budget", "type: decimal", "type: FLOAT"),
        ("tasks.project_id", "references: projects.id", "references: None"),
        ("tasks.due_date", "due_date", next(s for p, _, s in seen if p == "tasks.due_date")),
        ("tasks.secret", "no such column", "secret"),
        ("extras", "no such table", "extras"),
    }
    passed = {check.id for check in result.checks if check.passed}
    assert passed == {
        "deliverable.migrations",
        "migration_reversible",
        "table_exists.tasks",
    }


def test_migrations_that_do_not_go_back_are_found(tmp_path: Path) -> None:
    result, _ = verified(tmp_path, ('op.drop_table("projects")', "op.execute('SELECT 1')"))
    finding = next(f for f in result.findings if f.rule == "migration_reversible")
    assert (finding.operation, finding.seen) == ("python -m alembic downgrade base", "projects")
    assert not next(c for c in result.checks if c.id == "migration_reversible").passed


def test_migrations_that_do_not_run_are_no_evidence(tmp_path: Path) -> None:
    result, _ = verified(tmp_path, ("def upgrade() -> None:", "def upgrade() -> None:\n    1 / 0"))
    assert not result.conforms
    assert result.operations_tested == 0
    finding = next(f for f in result.findings if f.rule == "migration_runs")
    assert "ZeroDivisionError" in finding.seen
    assert finding.reproduce == "python -m alembic upgrade head"
    assert {c.id for c in result.checks if c.passed} == {"deliverable.migrations"}


def test_a_contract_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="names no tables"):
        verified(tmp_path, made=contract({"tables": []}))
