"""AsyncAPI documents 2.0 to 3.1: read, linted, understood and checked against."""

from maestro.contracts.asyncapi.document import AsyncApiDocument, from_object, load
from maestro.contracts.asyncapi.events import events_of
from maestro.contracts.asyncapi.files import read_files
from maestro.contracts.asyncapi.model import EventModel

__all__ = ["AsyncApiDocument", "EventModel", "events_of", "from_object", "load", "read_files"]
