"""What the security checklist needs to know: where the services' source lies."""

from collections.abc import Mapping

from maestro.agents.executors.offline.view_operations import runnable_services
from maestro.domain.work import Assignment


def security_view(assignment: Assignment) -> Mapping[str, object]:
    """The folders of all services; everything else the script finds by itself."""
    return {"folders": tuple(service.folder for service in runnable_services(assignment))}
