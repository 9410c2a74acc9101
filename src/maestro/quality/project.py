"""How a project is started and where it is looked at.

A run says so itself, in its facts. Of any other folder it is taken from one of two places, and the
evidence names which: the file `maestro.yaml` in its root, or else, where there is none, the layout
that Maestro itself builds (`backend/app/main.py`, a FastAPI application `app` below `/api`). A
folder with neither is not started, and what would need it started is not measured.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from maestro.domain.encoding import decode
from maestro.domain.values import JsonObject
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput
from maestro.quality.strict_yaml import Value, read

FILE = "maestro.yaml"
KNOWN_LAYOUT = "backend/app/main.py"
SCHEMA_VERSION = 1
DATABASES = ("sqlite", "postgresql")
MAX_PORTS = 20
_LAYOUT_LAUNCH = LaunchCommand(
    argv=(
        "{python}", "-m", "uvicorn", "app.main:app", "--host", "127.0.0.1", "--port", "{port}",
    ),
    cwd="backend",
    ready_path="/api/health",
    base_path="/api",
)  # fmt: skip
_ADDRESS = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """A page, and what to press on it before looking."""

    path: str
    click: str = ""
    """CSS selector; empty to look at the page as it opens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedComponent:
    """One service, started alone."""

    name: str
    launch: LaunchCommand
    paths: tuple[str, ...] = ()
    """What GET reads on it, base path included; these are asked under load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    source: str
    """Where this was read: `the run`, `maestro.yaml` or the known layout."""
    application: LaunchCommand | None = None
    """Starts everything, pages included."""
    ports: int = 1
    """How many ports in a row the application uses, `{port}` being the first."""
    pages: tuple[PageVisit, ...] = ()
    components: tuple[ServedComponent, ...] = ()
    contracts: tuple[str, ...] = ()
    """Files relative to the root; a run's contracts stand in its facts instead."""
    database: str = "sqlite"


def project_of(facts: JsonObject, root: Path) -> Project:
    """Raises InvalidInput when what is said about the project cannot be used."""
    told = facts.get("project")
    return decode(Project, told) if told is not None else read_project(root)


def read_project(root: Path) -> Project:
    """What the folder says. Blocks: call it in a thread.

    Raises:
        InvalidInput: with file, line and column; or the file leads out of the folder.
    """
    file = root / FILE
    if file.is_symlink() or file.is_file():
        if file.is_symlink():
            raise InvalidInput(f"{FILE} is a link; put the file itself there")
        return _read(file)
    if not (root / KNOWN_LAYOUT).is_file():
        return Project(source=f"neither {FILE} nor {KNOWN_LAYOUT} is there")
    page = (PageVisit(path="/"),) if (root / "frontend/index.html").is_file() else ()
    return Project(
        source=f"known layout {KNOWN_LAYOUT}",
        application=_LAYOUT_LAUNCH,
        pages=page,
        components=(ServedComponent(name="backend", launch=_LAYOUT_LAUNCH),),
    )


def _read(file: Path) -> Project:
    document = read(file)
    found = document.fields(
        ("schema_version",), ("launch", "pages", "load", "contracts", "database")
    )
    if found["schema_version"].integer() != SCHEMA_VERSION:
        raise found["schema_version"].refuse(f"schema_version must be {SCHEMA_VERSION}")
    launch, ports = _launch(found["launch"]) if "launch" in found else (None, 1)
    for name in ("pages", "load"):
        if launch is None and name in found:
            raise found[name].refuse(f"{name!r} needs 'launch': nothing says how to start it")
    paths = _load(found["load"]) if "load" in found else ()
    named = ServedComponent(name="application", launch=launch, paths=paths) if launch else None
    return Project(
        source=FILE,
        application=launch,
        ports=ports,
        pages=tuple(_page(item) for item in found["pages"].items()) if "pages" in found else (),
        components=(named,) if named else (),
        contracts=_inside(found["contracts"]) if "contracts" in found else (),
        database=found["database"].one_of(DATABASES) if "database" in found else "sqlite",
    )


def _launch(value: Value) -> tuple[LaunchCommand, int]:
    found = value.fields(("command",), ("folder", "ready", "base_path", "ports"))
    argv = tuple(item.text() for item in found["command"].items())
    if not any("{port}" in word for word in argv):
        raise found["command"].refuse("the command must say where {port} goes")
    ports = found["ports"].integer() if "ports" in found else 1
    if not 1 <= ports <= MAX_PORTS:
        raise found["ports"].refuse(f"expected 1 to {MAX_PORTS} ports, got {ports}")
    launch = LaunchCommand(
        argv=argv,
        cwd=_relative(found["folder"]) if "folder" in found else ".",
        ready_path=_address(found["ready"]) if "ready" in found else "/",
        base_path=_address(found["base_path"]).rstrip("/") if "base_path" in found else "",
    )
    return launch, ports


def _page(value: Value) -> PageVisit:
    if isinstance(value.plain(), str):
        return PageVisit(path=_address(value))
    found = value.fields(("path",), ("click",))
    click = found["click"].text() if "click" in found else ""
    return PageVisit(path=_address(found["path"]), click=click)


def _load(value: Value) -> tuple[str, ...]:
    found = value.fields(("paths",))
    return tuple(_address(item) for item in found["paths"].items())


def _inside(value: Value) -> tuple[str, ...]:
    return tuple(_relative(item) for item in value.items())


def _relative(value: Value) -> str:
    text = value.text()
    if text.startswith("/") or ".." in text.split("/") or "\0" in text:
        raise value.refuse(f"{text!r} leads out of the project; name a path below its root")
    return text


def _address(value: Value) -> str:
    text = value.text()
    if not _ADDRESS.fullmatch(text) or text.startswith("//"):
        raise value.refuse(f"{text!r} is no path of an address; begin with one slash")
    return text
