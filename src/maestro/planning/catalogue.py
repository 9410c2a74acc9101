"""The blueprints and personas Maestro knows: data files, checked as a whole when loaded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from maestro.domain.encoding import decode
from maestro.domain.quality import BUILD_PHASES
from maestro.domain.requirement import Complexity, RequirementType
from maestro.domain.team import Blueprint, Persona
from maestro.domain.values import first_duplicate, is_identifier
from maestro.errors import InvalidInput
from maestro.planning.datafiles import DATA, read_yaml

_WITHOUT_WORK = frozenset(
    {"requirements", "design", "database_design", "api_design", "performance", "review"}
)
"""Phases that are judged although nobody may work in them: on contracts, or on what was built."""

T = TypeVar("T", Blueprint, Persona)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    blueprints: Mapping[str, Blueprint]
    personas: Mapping[str, Persona]

    def blueprint(self, blueprint_id: str) -> Blueprint:
        """Raises InvalidInput listing the known ids."""
        found = self.blueprints.get(blueprint_id)
        if found is None:
            known = ", ".join(sorted(self.blueprints))
            raise InvalidInput(f"unknown blueprint {blueprint_id!r}; known: {known}")
        return found

    def persona(self, persona_id: str) -> Persona:
        """Raises InvalidInput listing the known ids."""
        found = self.personas.get(persona_id)
        if found is None:
            known = ", ".join(sorted(self.personas))
            raise InvalidInput(f"unknown persona {persona_id!r}; known: {known}")
        return found


@cache
def load_catalogue(folder: Path = DATA) -> Catalogue:
    """Everything below `folder`/blueprints and `folder`/personas.

    Raises:
        InvalidInput: a file or field is malformed or refers to something that does not exist.
    """
    personas = _load(folder / "personas", Persona, _check_persona)
    blueprints = _load(folder / "blueprints", Blueprint, _check_blueprint)
    for blueprint in blueprints.values():
        for role in blueprint.roles:
            if role.persona not in personas:
                raise InvalidInput(
                    f"{blueprint.id}.yaml: role {role.name!r} refers to persona "
                    f"{role.persona!r}, which has no file; known: {', '.join(sorted(personas))}"
                )
            _check_expertise(blueprint.id, role.name, role.expertise, personas[role.persona])
        _check_phases(blueprint, {personas[role.persona].phase for role in blueprint.roles})
    return Catalogue(blueprints=blueprints, personas=personas)


def _load(folder: Path, kind: type[T], check: Callable[[T, str], None]) -> dict[str, T]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidInput(f"{folder}: no data files; the installation is incomplete")
    loaded: dict[str, T] = {}
    for path in files:
        item = decode(kind, read_yaml(path), where=path.name)
        if item.id in loaded:
            raise InvalidInput(f"{path.name}: id {item.id!r} is used by another file too")
        if item.id != path.stem or not is_identifier(item.id):
            raise InvalidInput(f"{path.name}: id must be {path.stem!r}, got {item.id!r}")
        check(item, path.name)
        loaded[item.id] = item
    return loaded


def _check_persona(persona: Persona, where: str) -> None:
    _known(f"{where}: phase", (persona.phase,), BUILD_PHASES)
    _filled(where, name=persona.name, summary=persona.summary, instructions=persona.instructions)
    for name, values in (("expertise", persona.expertise), ("provides", persona.provides)):
        _distinct(f"{where}: {name}", values)
    if persona.timeout_seconds < 1:
        raise InvalidInput(
            f"{where}: timeout_seconds must be at least 1, got {persona.timeout_seconds!r}"
        )


def _check_blueprint(blueprint: Blueprint, where: str) -> None:
    _filled(where, name=blueprint.name, summary=blueprint.summary)
    _known(f"{where}: requirement_types", blueprint.requirement_types, tuple(RequirementType))
    _known(f"{where}: complexities", blueprint.complexities, tuple(Complexity))
    _known(f"{where}: phases", blueprint.phases, BUILD_PHASES)
    ordered = tuple(phase for phase in BUILD_PHASES if phase in blueprint.phases)
    if blueprint.phases != ordered:
        raise InvalidInput(f"{where}: phases must keep the order {', '.join(ordered)}")
    if blueprint.phases[0] != "requirements" or blueprint.phases[-1] != "review":
        raise InvalidInput(f"{where}: phases must begin with requirements and end with review")
    _distinct(f"{where}: roles", tuple(role.name for role in blueprint.roles))
    _distinct(f"{where}: roles' personas", tuple(role.persona for role in blueprint.roles))


def _check_expertise(
    blueprint_id: str, role: str, expertise: tuple[str, ...], persona: Persona
) -> None:
    missing = [name for name in expertise if name not in persona.expertise]
    if missing or not expertise:
        raise InvalidInput(
            f"{blueprint_id}.yaml: role {role!r} asks for {missing[0] if missing else 'nothing'!r};"
            f" {persona.id} offers {', '.join(persona.expertise)}"
        )


def _check_phases(blueprint: Blueprint, worked: set[str]) -> None:
    """What is worked in has a gate, and what has a gate can be judged."""
    unjudged = sorted(worked - set(blueprint.phases))
    if unjudged:
        raise InvalidInput(
            f"{blueprint.id}.yaml: its roles work in phase {unjudged[0]!r}, which it does not go "
            "through; name it"
        )
    idle = [p for p in blueprint.phases if p not in worked and p not in _WITHOUT_WORK]
    if idle:
        raise InvalidInput(
            f"{blueprint.id}.yaml: nobody works in phase {idle[0]!r}, so it would never be judged; "
            "add a role or leave the phase out"
        )


def _known(where: str, values: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    _distinct(where, values)
    for value in values:
        if value not in allowed:
            raise InvalidInput(f"{where}: {value!r} is not one of {', '.join(allowed)}")


def _distinct(where: str, values: tuple[str, ...]) -> None:
    if not values:
        raise InvalidInput(f"{where}: must not be empty")
    duplicate = first_duplicate(values)
    if duplicate is not None:
        raise InvalidInput(f"{where}: {duplicate!r} stands twice")


def _filled(where: str, **fields: str) -> None:
    for name, value in fields.items():
        if not value.strip():
            raise InvalidInput(f"{where}: {name} must not be empty")
