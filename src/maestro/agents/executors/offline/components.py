"""Where a component's files lie and what it stores; shared by all views."""

from maestro.domain.entities import Entity
from maestro.domain.work import Assignment


def component_dir(assignment: Assignment) -> str:
    """Where the component's files lie: `backend`, or `services/<service>` when there are several.

    Work on the whole system (component `app`) has the root of the tree.
    """
    services = [service.name for service in assignment.domain.services]
    if assignment.component not in services and assignment.component != "backend":
        return "."
    return f"services/{assignment.component}" if len(services) > 1 else "backend"


def component_entities(assignment: Assignment) -> tuple[Entity, ...]:
    """The entities the component stores; all of them for work on the whole system."""
    domain = assignment.domain
    for service in domain.services:
        if service.name == assignment.component:
            return tuple(e for e in domain.entities if e.name in service.entities)
    return domain.entities
