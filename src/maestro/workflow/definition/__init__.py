"""Workflow files: YAML or JSON, checked, and lowered to the graph the engine runs."""

from maestro.workflow.definition.inputs import (
    InputDeclaration,
    checked_inputs,
    input_from_text,
)
from maestro.workflow.definition.loading import (
    WorkflowDefinition,
    load_definition,
    load_workflow,
    parse_definition,
    parse_workflow,
)
from maestro.workflow.definition.rendering import mermaid
from maestro.workflow.definition.schema import schema_text

__all__ = [
    "InputDeclaration",
    "WorkflowDefinition",
    "checked_inputs",
    "input_from_text",
    "load_definition",
    "load_workflow",
    "mermaid",
    "parse_definition",
    "parse_workflow",
    "schema_text",
]
