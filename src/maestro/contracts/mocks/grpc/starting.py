"""Messages that a gRPC mock keeps from the beginning."""

from collections.abc import Sequence
from typing import Any

from maestro.contracts.mocks.seeding import SeedEntries, entry_at
from maestro.contracts.openapi.pointers import join
from maestro.contracts.protobuf.model import ProtobufModel
from maestro.contracts.protobuf.resources import GrpcResource
from maestro.errors import InvalidInput


def started_messages(
    model: ProtobufModel, resources: Sequence[GrpcResource], given: SeedEntries
) -> dict[str, list[Any]]:
    """Messages out of their JSON forms, by the name of their resource.

    Raises:
        InvalidInput: no such resource, a message that does not fit, or an id that is missing or
            stands twice; names the place.
    """
    known = {resource.name: resource for resource in resources}
    made: dict[str, list[Any]] = {}
    for name, entries in given.items():
        resource = known.get(name)
        if resource is None:
            raise InvalidInput(f"/{name}: is not kept; kept are {', '.join(known) or 'none'}")
        taken: set[str] = set()
        for place, value in enumerate(entries):
            pointer = join("", name, place)
            try:
                message = model.from_json(entry_at(pointer, value), resource.entry)
            except InvalidInput as error:
                raise InvalidInput(f"{pointer}: {error}") from None
            key = getattr(message, resource.id_field)
            if not key or str(key) in taken:
                problem = f"{str(key)!r} is taken already" if key else "is missing"
                raise InvalidInput(f"{pointer}/{resource.id_field}: {problem} (unique)")
            taken.add(str(key))
            made.setdefault(name, []).append(message)
    return made
