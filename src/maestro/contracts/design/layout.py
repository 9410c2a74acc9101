"""Components of a system and where their files lie in the integrated app."""

from dataclasses import dataclass

from maestro.domain.entities import DomainModel, Entity, Service
from maestro.domain.team import Team

APP = "app"
"""Component of everything that belongs to the whole system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One service with its entities and its folder."""

    name: str
    directory: str
    entities: tuple[Entity, ...]

    def owns(self, entity: str | None) -> bool:
        return any(own.name == entity for own in self.entities)


def components(domain: DomainModel) -> tuple[Component, ...]:
    """A single service lies in `backend`, several in `services/<name>` each."""
    everything = Service(name="backend", entities=tuple(e.name for e in domain.entities))
    services = domain.services or (everything,)
    alone = len(services) == 1
    return tuple(
        Component(
            name=service.name,
            directory="backend" if alone else f"services/{service.name}",
            entities=tuple(e for e in domain.entities if e.name in service.entities),
        )
        for service in services
    )


def present(team: Team, *personas: str) -> tuple[str, ...]:
    """Those of `personas` that are in the team, in the given order."""
    members = {member.persona for member in team.members}
    return tuple(persona for persona in personas if persona in members)
