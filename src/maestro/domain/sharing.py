"""What one project shares with another on purpose; everything else of it does not exist there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SharedKind(StrEnum):
    """What belongs to a project and can be shared. Personas, blueprints and template packages
    belong to the installation: every project has the same.
    """

    CONTRACT = "contract"  # of its runs: found, shown and mocked elsewhere, in every version
    WORKFLOW = "workflow"  # a stored one: shown and executed elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    id: str
    project: str
    """Whose thing it is."""
    kind: SharedKind
    name: str
    with_project: str
    """Who may use it."""
    created_by: str
    created_at: datetime
