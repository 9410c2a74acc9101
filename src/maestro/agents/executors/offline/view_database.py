"""What the migration templates are given."""

from collections.abc import Mapping

from maestro.agents.executors.offline.entity_views import table_views
from maestro.domain.work import Assignment


def database_view(assignment: Assignment) -> Mapping[str, object]:
    """The tables in the order of their creation."""
    return {"tables": table_views(assignment)}
