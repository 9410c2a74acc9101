"""Request bodies for operations of somebody else's document."""

from collections.abc import Mapping

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
