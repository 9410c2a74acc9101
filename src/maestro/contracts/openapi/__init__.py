"""OpenAPI documents of every version: read, linted and understood."""

from maestro.contracts.openapi.document import OpenApiDocument, from_object, load
from maestro.contracts.openapi.operations import Operation, operations

__all__ = ["OpenApiDocument", "Operation", "from_object", "load", "operations"]
