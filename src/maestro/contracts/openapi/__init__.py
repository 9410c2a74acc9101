"""OpenAPI documents of every version: read, linted and understood."""

from maestro.contracts.openapi.document import OpenApiDocument, from_object, load
from maestro.contracts.openapi.files import load_file, read_file
from maestro.contracts.openapi.notes import Note
from maestro.contracts.openapi.operations import Operation, operations, webhooks
from maestro.contracts.openapi.reviewing import notes_of

__all__ = [
    "Note",
    "OpenApiDocument",
    "Operation",
    "from_object",
    "load",
    "load_file",
    "notes_of",
    "operations",
    "read_file",
    "webhooks",
]
