"""Which methods of a service keep entries, found by how people name them.

`CreateItem`, `GetItem`, `ListItems`, `UpdateItem` and `DeleteItem`, in any spelling of case, where
the messages agree: the entry is what a reply is or what its only fitting field holds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from maestro.contracts.protobuf.model import GrpcMethod, GrpcService, ProtobufModel
from maestro.contracts.protobuf.sampling import is_map

_VERBS: tuple[tuple[str, str], ...] = (
    ("list", r"(?:list|search|query|find_all|get_all|stream)_(.+)"),
    ("create", r"(?:create|add|insert|register)_(.+)"),
    ("get", r"(?:get|read|fetch|find|retrieve|describe)_(.+)"),
    ("update", r"(?:update|patch|modify|edit|replace)_(.+)"),
    ("delete", r"(?:delete|remove|destroy)_(.+)"),
)


class EntryAction(StrEnum):
    CREATE = "create"
    GET = "get"
    LIST = "list"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcResource:
    """Entries of one kind, and the methods of a service that keep them."""

    name: str
    """In words of snake case, e.g. `item`."""
    entry: Any
    """Descriptor of the message that is kept."""
    id_field: str
    methods: Mapping[EntryAction, GrpcMethod]

    def id_in(self, descriptor: Any) -> Any | None:
        """The field of a request that names an entry; None when it has none."""
        for name in (self.id_field, f"{self.name}_id", "id", "name"):
            field = descriptor.fields_by_name.get(name)
            if field is not None and field.message_type is None and not field.is_repeated:
                return field
        return None

    def entry_in(self, descriptor: Any) -> Any | None:
        """The field of a message that holds one entry; None for the entry itself."""
        return _holding(descriptor, self.entry, repeated=False)

    def entries_in(self, descriptor: Any) -> Any | None:
        """The field of a message that holds several entries."""
        return _holding(descriptor, self.entry, repeated=True)

    def taken(self, message: Any) -> Any | None:
        """The entry in a message, None where it holds none."""
        if message.DESCRIPTOR.full_name == self.entry.full_name:
            return message
        field = self.entry_in(message.DESCRIPTOR)
        if field is None or not message.HasField(field.name):
            return None
        return getattr(message, field.name)


def resources_of(model: ProtobufModel) -> tuple[GrpcResource, ...]:
    """Resources of every service, in the order of the contract."""
    return tuple(found for service in model.services for found in _of_service(service))


def _of_service(service: GrpcService) -> list[GrpcResource]:
    named: dict[str, dict[EntryAction, GrpcMethod]] = {}
    for method in service.methods:
        read = _action(method.name)
        if read is not None and not method.kind.streams_requests:
            action, name = read
            named.setdefault(name, {}).setdefault(action, method)
    found = []
    for name, methods in named.items():
        resource = _resource(name, methods)
        if resource is not None:
            found.append(resource)
    return found


def _action(method: str) -> tuple[EntryAction, str] | None:
    plain = _snake(method)
    for action, pattern in _VERBS:
        match = re.fullmatch(pattern, plain)
        if match is None:
            continue
        rest = re.sub(r"_by_.*$", "", match[1])
        if action == "get" and _plural(rest):
            return EntryAction.LIST, _one(rest)
        return EntryAction(action), _one(rest)
    return None


def _resource(name: str, methods: Mapping[EntryAction, GrpcMethod]) -> GrpcResource | None:
    creating = methods.get(EntryAction.CREATE)
    reading = methods.get(EntryAction.GET) or methods.get(EntryAction.LIST)
    if creating is None or reading is None:
        return None
    carried = [creating.reply, reading.reply, creating.request]
    named = (found for kind in carried if (found := _named_so(name, kind)) is not None)
    entry = next(named, None) or _fallback(creating.reply)
    if entry is None:
        return None
    id_field = _id_field(name, entry)
    if id_field is None:
        return None
    draft = GrpcResource(name=name, entry=entry, id_field=id_field, methods=methods)
    fitting = {action: m for action, m in methods.items() if _fits(draft, action, m)}
    if EntryAction.CREATE not in fitting or len(fitting) < 2:
        return None
    return GrpcResource(name=name, entry=entry, id_field=id_field, methods=fitting)


def _fits(resource: GrpcResource, action: EntryAction, method: GrpcMethod) -> bool:
    """Whether the messages can do what the method's name promises."""
    if action is EntryAction.LIST:
        if method.kind.streams_replies:
            return bool(method.reply.full_name == resource.entry.full_name)
        return resource.entries_in(method.reply) is not None
    if method.kind.streams_replies:
        return False
    gives = _gives(resource, method.reply)
    if action is EntryAction.CREATE:
        return gives or resource.id_in(method.reply) is not None
    names = resource.id_in(method.request) is not None
    if action is EntryAction.UPDATE:
        return names or _gives(resource, method.request)
    return names and (gives or action is EntryAction.DELETE)


def _gives(resource: GrpcResource, descriptor: Any) -> bool:
    whole = descriptor.full_name == resource.entry.full_name
    return bool(whole or resource.entry_in(descriptor) is not None)


def _named_so(name: str, carried: Any) -> Any | None:
    """The message that is named like the resource: the carried one, or one in it."""
    if _snake(carried.name) == name:
        return carried
    for field in carried.fields:
        inner = field.message_type
        if inner is not None and not is_map(field) and _snake(inner.name) == name:
            return inner
    return None


def _fallback(reply: Any) -> Any | None:
    """What a creation answers, if that is more than an answer."""
    ends = re.search(r"(reply|response|result|ack|id|key)$", _snake(reply.name)) is not None
    return None if ends or reply.full_name.startswith("google.") else reply


def _id_field(name: str, entry: Any) -> str | None:
    for wanted in ("id", f"{name}_id", "uid", "uuid", "name", "key", "code", "sku"):
        field = entry.fields_by_name.get(wanted)
        if field is not None and field.message_type is None and not field.is_repeated:
            return str(wanted)
    return None


def _holding(descriptor: Any, entry: Any, *, repeated: bool) -> Any | None:
    fitting = [
        field
        for field in descriptor.fields
        if field.message_type is not None
        and field.message_type.full_name == entry.full_name
        and bool(field.is_repeated) is repeated
    ]
    return fitting[0] if len(fitting) == 1 else None


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _plural(name: str) -> bool:
    return name.endswith("s") and not name.endswith(("ss", "us", "is"))


def _one(name: str) -> str:
    if not _plural(name):
        return name
    if name.endswith("ies") and len(name) > 4:
        return f"{name[:-3]}y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    return name[:-1]
