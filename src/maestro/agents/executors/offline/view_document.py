"""What the service for somebody else's OpenAPI document is rendered from."""

from collections.abc import Mapping

from maestro.agents.executors.offline.recognised_bodies import sample_body
from maestro.domain.encoding import encode
from maestro.domain.values import JsonValue
from maestro.domain.work import Assignment, NotBuilt


def document_view(assignment: Assignment) -> Mapping[str, object]:
    """Operations as data, a sample body for every one that creates, and what is left out."""
    missing = [operation for operation in assignment.operations if operation.reason]
    samples: dict[str, JsonValue] = {
        operation.key: sample_body(operation)
        for operation in assignment.operations
        if operation.action == "create" and operation.body is not None
    }
    return {
        "operations": encode(assignment.operations),
        "samples": samples,
        "not_built": tuple(
            NotBuilt(what=f"operation {operation.key}", reason=operation.reason)
            for operation in missing
        ),
        "not_built_operations": tuple(operation.key for operation in missing),
    }
