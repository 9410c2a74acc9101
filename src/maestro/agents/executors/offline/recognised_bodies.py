"""Request bodies for operations of somebody else's document."""

from collections.abc import Mapping, Sequence

from maestro.agents.executors.offline.openapi_nodes import example_value, resolve
from maestro.domain.contract import RecognisedOperation
from maestro.domain.values import JsonValue


def sample_body(operation: RecognisedOperation) -> JsonValue:
    """A body the operation accepts; it brings the entry's id where clients may choose it."""
    document = operation.body or {}
    sample = example_value(document, document)
    properties = resolve(document, document).get("properties")
    name = operation.id_field
    if not isinstance(sample, dict) or not isinstance(properties, Mapping) or name is None:
        return sample
    if name in properties and name not in sample:
        return {**sample, name: example_value(document, properties[name])}
    return sample


def round_trips(operations: Sequence[RecognisedOperation]) -> list[JsonValue]:
    """Pairs of a built create and read operation, with a body to send."""
    reading = {o.resource: o for o in operations if o.action == "get" and not o.reason}
    return [
        {
            "method": operation.method,
            "create": operation.path,
            "read": reading[operation.resource].path,
            "placeholder": f"{{{reading[operation.resource].id_parameter}}}",
            "id_field": operation.id_field,
            "sample": sample_body(operation),
        }
        for operation in operations
        if operation.action == "create"
        and not operation.reason
        and operation.resource in reading
        and operation.body is not None
        and operation.id_field is not None
    ]
