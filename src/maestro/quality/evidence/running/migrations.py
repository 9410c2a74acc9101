"""Database migrations, really run up, down and up again on an empty database of their own.

What counts is the database afterwards: which revision it says it is at, and which tables it has.
That a command ended well is not enough, and one that never ends is an ERROR.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from maestro.domain.values import JsonScalar
from maestro.ports import CommandResult, Reach
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.workbench import Workbench
from maestro.quality.evidence.tooling import IGNORED_FOLDERS
from maestro.settings import without_password

SESSION = Path(__file__).with_name("migration_session.py")
CONFIGURATION = "alembic.ini"
LOOK_SECONDS = 30.0
_COMMANDS = 4
"""That the session runs, reading the revisions included."""
_SHOWN = 500

Step = Mapping[str, Any]

ADMINISTER = """
import os, sys, psycopg
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    connection.execute(sys.argv[1])
"""
"""Makes or drops a database."""


async def migrate(bench: Workbench) -> Mapping[str, JsonScalar]:
    """Every folder with an alembic.ini, one after the other."""
    folders = await asyncio.to_thread(_folders, bench.root)
    if not folders:
        raise NotMeasurable(f"the project has no migrations (no {CONFIGURATION})")
    bench.measurement.version = version("alembic")
    applied = reversible = True
    for folder in folders:
        async with _empty_database(bench) as (url, reach):
            up, back = _there_and_back(bench, folder, await _steps(bench, folder, url, reach))
        applied, reversible = applied and up, reversible and back
    return {"migrations.applied": applied, "migrations.reversible": reversible}


async def _steps(bench: Workbench, folder: str, url: str, reach: Reach) -> Iterator[Step]:
    """What `migration_session` tells of one folder of migrations and an empty database."""
    seconds = bench.equipment.patience.migration
    job = json.dumps({"seconds": seconds, "shown": _SHOWN})
    # -P: a folder of the project called `alembic` does not get to play the tool
    argv = (sys.executable, "-P", str(SESSION), job)
    env = {**bench.subject.env, "DATABASE_URL": url}
    limit = _COMMANDS * seconds + LOOK_SECONDS
    result = await bench.sandbox.run(argv, timeout=limit, cwd=folder, env=env, reach=reach)
    bench.measurement.argv = bench.measurement.argv or argv
    bench.measurement.raw += result.stdout + result.stderr
    try:
        told = json.loads(result.stdout)
    except ValueError:
        told = None
    if result.exit_code != 0 or result.timed_out or not isinstance(told, list):
        raise ToolFailed(f"{folder}: cannot be read: {_end(result)}")
    return iter(told)


def _there_and_back(bench: Workbench, folder: str, steps: Iterator[Step]) -> tuple[bool, bool]:
    """Whether they ran, and whether they ran back and there again."""
    measurement, known = bench.measurement, _revisions(bench, folder, next(steps)["revisions"])
    measurement.files_examined += len(known["revisions"])
    problem = _ran(bench, folder, next(steps))
    if problem:
        measurement.detail.append(f"{folder}: upgrade failed: {problem}")
        return False, False
    built = next(steps)["look"]
    _check_built(folder, known["heads"], built)
    problem = _ran(bench, folder, next(steps))
    left = {} if problem else next(steps)["look"]
    if problem or left["tables"] or left["versions"]:
        why = problem or f"tables left: {', '.join(left['tables'])}"
        measurement.detail.append(f"{folder}: downgrade failed: {why}")
        return True, False
    problem = _ran(bench, folder, next(steps))
    if not problem and next(steps)["look"] == built:
        return True, True
    why = problem or "another schema than the first time"
    measurement.detail.append(f"{folder}: second upgrade failed: {why}")
    return True, False


def _revisions(bench: Workbench, folder: str, step: Step) -> Mapping[str, Any]:
    _ran(bench, folder, {"command": "to read the revisions", **step})
    try:
        told = json.loads(step["said"].rpartition("\n")[2])
    except ValueError:
        told = None
    if step["status"] != 0 or not isinstance(told, dict):
        raise ToolFailed(f"{folder}: cannot be read: {_shown(step)}")
    if not told["revisions"]:
        raise NotMeasurable(f"{folder}: {CONFIGURATION} is there, but no revision")
    return told


def _ran(bench: Workbench, folder: str, step: Step) -> str:
    """What the command said if it failed. Raises ToolFailed when it did not come to an end."""
    if not step["ended"]:
        seconds = bench.equipment.patience.migration
        raise ToolFailed(f"{folder}: {step['command']!r} did not end within {seconds:.0f} s")
    if step["status"] is None:
        raise ToolFailed(f"{folder}: {step['command']!r} left processes behind")
    return _shown(step) if step["status"] != 0 else ""


def _shown(step: Step) -> str:
    return without_password(str(step["said"]).strip())[-_SHOWN:] or f"status {step['status']}"


def _check_built(folder: str, heads: Sequence[str], built: Mapping[str, Any]) -> None:
    """Raises ToolFailed when the command ended well and the database says otherwise."""
    if built["versions"] != list(heads):
        raise ToolFailed(
            f"{folder}: upgrade ended well, but the database that DATABASE_URL names is at "
            f"{built['versions'] or 'no revision'} instead of {list(heads)}; env.py must use "
            "DATABASE_URL"
        )
    if not built["tables"]:
        raise ToolFailed(f"{folder}: upgrade ended well and made no table")


def _folders(root: Path) -> list[str]:
    found = (
        path.parent.relative_to(root)
        for path in root.rglob(CONFIGURATION)
        if path.is_file() and not path.is_symlink()
    )
    return sorted(str(folder) for folder in found if not IGNORED_FOLDERS & set(folder.parts))


@asynccontextmanager
async def _empty_database(bench: Workbench) -> AsyncIterator[tuple[str, Reach]]:
    """Its URL, and what of the network it takes to get there."""
    name = f"maestro_trial_{uuid.uuid4().hex}"
    if bench.project.database == "sqlite":
        yield f"sqlite:///{bench.root / name}.db", Reach()
        return
    server = bench.equipment.trial_database
    if server is None:
        raise NotMeasurable(
            "the project asks for PostgreSQL, and no server to try migrations on was named"
        )
    parts = urlsplit(server)
    reach = Reach(connect=(parts.port or 5432,))
    administrator = urlunsplit(parts._replace(scheme="postgresql"))
    trial = parts._replace(scheme="postgresql+psycopg", path=f"/{name}")
    await _administer(bench, administrator, f'CREATE DATABASE "{name}"', reach)
    try:
        yield urlunsplit(trial), reach
    finally:
        drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        await _administer(bench, administrator, drop, reach)


async def _administer(bench: Workbench, url: str, statement: str, reach: Reach) -> None:
    argv = (sys.executable, "-I", "-c", ADMINISTER, statement)
    env = {"DATABASE_URL": url}
    result = await bench.sandbox.run(argv, timeout=LOOK_SECONDS, env=env, reach=reach)
    if result.exit_code != 0 or result.timed_out:
        raise NotMeasurable(f"the PostgreSQL server does not serve: {_end(result)}")


def _end(result: CommandResult) -> str:
    text = without_password((result.stderr or result.stdout).strip())
    return text[-_SHOWN:] or f"status {result.exit_code}"
