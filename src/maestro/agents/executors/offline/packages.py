"""Template packages: what the offline executor can build, as data that is checked when loaded.

A package is a folder below `maestro/agents/templates` with a `template.yaml` and the tree of files
it renders under `files/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from maestro.domain.contract import ContractKind
from maestro.domain.encoding import decode
from maestro.domain.values import first_duplicate, is_identifier
from maestro.domain.work import Assignment, TemplateChoice
from maestro.domain.yaml_text import yaml_value
from maestro.errors import InvalidInput


class Origin(StrEnum):
    """Which contracts a package can be built against."""

    DESIGNED = "designed"  # contracts this project designed, with its conventions
    FOREIGN = "foreign"  # the user's own OpenAPI document
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageCheck:
    """An executable check that the package runs on what it made; exit status 0 is a pass."""

    id: str
    statement: str
    argv: tuple[str, ...]
    """`{python}` and `{node}` stand for the interpreters of this host."""
    cwd: str = "."
    """Relative to the work tree; `@component_dir@` is expanded here and in `argv`."""
    timeout_seconds: float = 120.0
    recheck: bool = False
    """Runs once more against the real provider when the mock is swapped for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLaunch:
    """How to start what the package made; the fields of a LaunchCommand."""

    argv: tuple[str, ...]
    cwd: str
    ready_path: str
    base_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of a `template.yaml`."""

    id: str
    name: str
    summary: str
    persona: str
    provides: tuple[str, ...]
    """Kinds of deliverables, in the words of Persona.provides."""
    view: str
    """Name of the registered view that prepares the values for the templates."""
    languages: tuple[str, ...] = ()
    frameworks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    origin: Origin = Origin.ANY
    checks: tuple[PackageCheck, ...] = ()
    launch: PackageLaunch | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatePackage:
    manifest: Manifest
    folder: Traversable = field(repr=False)

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def files(self) -> Traversable:
        return self.folder / "files"


@cache
def built_in_packages() -> tuple[TemplatePackage, ...]:
    """The packages that are installed with Maestro, sorted by id."""
    return load_packages(files("maestro.agents") / "templates")


def load_packages(folder: Traversable) -> tuple[TemplatePackage, ...]:
    """Every package below `folder`, sorted by id.

    Raises:
        InvalidInput: a manifest is malformed; the message names the file, the field and the rule.
    """
    found = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda e: e.name)
    return tuple(_load(entry) for entry in found if not entry.name.startswith((".", "_")))


def _load(folder: Traversable) -> TemplatePackage:
    where = f"{folder.name}/template.yaml"
    source = folder / "template.yaml"
    if not source.is_file():
        raise InvalidInput(f"template package {folder.name!r} has no template.yaml; add one")
    data = yaml_value(source.read_text(encoding="utf-8"), name=where)
    manifest = decode(Manifest, data, where=where)
    _check_manifest(manifest, folder.name, where)
    if not (folder / "files").is_dir():
        raise InvalidInput(f"{where}: the package has no folder 'files'; nothing could be rendered")
    return TemplatePackage(manifest=manifest, folder=folder)


def _check_manifest(manifest: Manifest, folder: str, where: str) -> None:
    if manifest.id != folder:
        raise InvalidInput(f"{where}.id: {manifest.id!r} must be the folder's name {folder!r}")
    for name in ("id", "persona", "view"):
        if not is_identifier(getattr(manifest, name)):
            raise InvalidInput(f"{where}.{name}: {getattr(manifest, name)!r} is not an identifier")
    for name in ("name", "summary", "provides"):
        if not getattr(manifest, name):
            raise InvalidInput(f"{where}.{name}: must not be empty")
    _check_checks(manifest.checks, f"{where}.checks")
    if manifest.launch is not None and not manifest.launch.argv:
        raise InvalidInput(f"{where}.launch.argv: must not be empty")


def _check_checks(checks: tuple[PackageCheck, ...], where: str) -> None:
    duplicate = first_duplicate([check.id for check in checks])
    if duplicate is not None:
        raise InvalidInput(f"{where}: id {duplicate!r} is used twice")
    for index, check in enumerate(checks):
        _check_check(check, f"{where}[{index}]")


def _check_check(check: PackageCheck, where: str) -> None:
    if not is_identifier(check.id):
        raise InvalidInput(f"{where}.id: {check.id!r} is not an identifier")
    if not check.statement:
        raise InvalidInput(f"{where}.statement: must say what a pass means")
    if not check.argv:
        raise InvalidInput(f"{where}.argv: must not be empty")
    if check.timeout_seconds <= 0:
        raise InvalidInput(f"{where}.timeout_seconds: {check.timeout_seconds!r} must be positive")


_KINDS = {
    ContractKind.REST: "rest_api",
    ContractKind.DATA_SCHEMA: "database_schema",
    ContractKind.PAGE: "web_page",
}


def is_foreign(assignment: Assignment) -> bool:
    """Whether the assignment provides an API that the user's own document describes."""
    return assignment.constraints.contract is not None and any(
        contract.kind is ContractKind.REST for contract in assignment.provides
    )


def recommend(
    assignment: Assignment, packages: Sequence[TemplatePackage] | None = None
) -> tuple[TemplateChoice, ...]:
    """The packages that can do the assignment, best first, each with a score (0 to 1) and reasons.

    Persona and origin decide whether a package is listed; kinds of deliverables and shared
    expertise decide its rank.
    """
    known = built_in_packages() if packages is None else packages
    choices = [_rate(package.manifest, assignment) for package in known]
    listed = [choice for choice in choices if choice is not None]
    return tuple(sorted(listed, key=lambda choice: (-choice.score, choice.template)))


def _rate(manifest: Manifest, assignment: Assignment) -> TemplateChoice | None:
    wanted_origin = Origin.FOREIGN if is_foreign(assignment) else Origin.DESIGNED
    if manifest.persona != assignment.persona.id:
        return None
    if manifest.origin not in (Origin.ANY, wanted_origin):
        return None
    score, reasons = 0.5, [f"made for the persona {manifest.persona}"]
    wanted = {_KINDS[c.kind] for c in assignment.provides if c.kind in _KINDS}
    wanted = wanted or set(assignment.persona.provides)
    shared = sorted(wanted & set(manifest.provides))
    if shared:
        score += 0.25 * len(shared) / len(wanted)
        reasons.append(f"provides {', '.join(shared)}")
    if manifest.origin is wanted_origin:
        score += 0.15
        reasons.append(f"made for {wanted_origin} contracts")
    skills = {skill.lower() for skill in assignment.persona.expertise}
    offered = {word.lower() for word in manifest.tags + manifest.languages + manifest.frameworks}
    overlap = sorted(skills & offered)
    if overlap:
        score += 0.1 * len(overlap) / len(skills)
        reasons.append(f"matches the expertise {', '.join(overlap)}")
    return TemplateChoice(template=manifest.id, score=round(score, 3), reasons=tuple(reasons))
