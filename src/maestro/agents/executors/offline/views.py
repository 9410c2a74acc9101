"""Views: what the templates of a package are given, by the name a `template.yaml` asks for."""

from collections.abc import Callable, Mapping

from maestro.agents.executors.offline.components import component_dir, component_entities
from maestro.agents.executors.offline.view_backend import backend_view
from maestro.agents.executors.offline.view_database import database_view
from maestro.agents.executors.offline.view_document import document_view
from maestro.agents.executors.offline.view_documents import (
    architecture_view,
    project_view,
    requirements_view,
)
from maestro.agents.executors.offline.view_frontend import frontend_view
from maestro.agents.executors.offline.view_operations import operations_view
from maestro.agents.executors.offline.view_security import security_view
from maestro.agents.executors.offline.view_tests import suite_view
from maestro.agents.executors.offline.view_tokens import tokens_view
from maestro.domain.work import Assignment
from maestro.errors import InvalidInput

View = Callable[[Assignment], Mapping[str, object]]

VIEWS: dict[str, View] = {
    "architecture": architecture_view,
    "backend": backend_view,
    "contract_tests": suite_view,
    "database": database_view,
    "document": document_view,
    "frontend": frontend_view,
    "operations": operations_view,
    "project_documentation": project_view,
    "requirements": requirements_view,
    "security": security_view,
    "tokens": tokens_view,
}
"""Name -> builds the context of a package from an assignment; pure functions."""


def context_of(view: str, assignment: Assignment) -> dict[str, object]:
    """The whole context: what every template may use, and what the view adds.

    Raises:
        InvalidInput: no view has this name.
    """
    if view not in VIEWS:
        raise InvalidInput(f"unknown view {view!r}; registered: {', '.join(sorted(VIEWS))}")
    return {
        "assignment": assignment,
        "domain": assignment.domain,
        "component": assignment.component,
        "component_dir": component_dir(assignment),
        "title": assignment.domain.title,
        "entities": component_entities(assignment),
        **VIEWS[view](assignment),
    }
