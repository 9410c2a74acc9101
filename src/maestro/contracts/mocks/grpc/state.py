"""What callers stored in a gRPC mock, for the resources its methods' names let us recognise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel
from maestro.contracts.protobuf.resources import EntryAction, GrpcResource, resources_of
from maestro.contracts.protobuf.sampling import FIRST_SECOND, MessageSampler, is_whole

_MADE = ("created_at", "create_time", "created", "created_on")
_CHANGED = ("updated_at", "update_time", "updated", "modified_at", "last_modified")
_SIZES = ("page_size", "limit", "max_results", "per_page")
_TOKENS = ("page_token", "cursor")
_OFFSETS = ("offset", "skip")
_TOTALS = ("total_size", "total", "total_count", "count")
_PAGING = frozenset((*_SIZES, *_TOKENS, *_OFFSETS, "page", "order_by", "filter", "parent", "q"))
_SERVER_IDS = ("id", "uid", "uuid")
MAX_ENTRIES = 100_000
"""Of one resource; a mock that is hammered must not fill the memory."""


@dataclass(slots=True)
class GrpcRefusal(Exception):
    """Ends a call with a status other than OK."""

    code: str
    """Name of a gRPC status, e.g. `NOT_FOUND`."""
    detail: str
    keeps_contract: bool = True
    """False when the request itself is outside of the contract."""


@dataclass(slots=True)
class _Entries:
    resource: GrpcResource
    kept: dict[str, Any] = dataclass_field(default_factory=dict)
    counter: int = 0


class GrpcState:
    """Create, get, list, update and delete; the same calls give the same replies."""

    def __init__(self, model: ProtobufModel, sampler: MessageSampler) -> None:
        self._model = model
        self._sampler = sampler
        self._clock = 0
        self._start: Mapping[str, Sequence[Any]] = {}
        self._owners: dict[str, tuple[_Entries, EntryAction]] = {}
        for resource in resources_of(model):
            entries = _Entries(resource)
            for action, method in resource.methods.items():
                self._owners[method.path] = (entries, action)

    def resources(self) -> Sequence[GrpcResource]:
        return [entries.resource for entries in self._entries()]

    def start_with(self, given: Mapping[str, Sequence[Any]]) -> None:
        """Begins anew with these messages, by the name of their resource."""
        self._start = given
        self.reset()

    def _entries(self) -> list[_Entries]:
        return list({id(entries): entries for entries, _ in self._owners.values()}.values())

    def owns(self, method: GrpcMethod) -> bool:
        return method.path in self._owners

    def handle(self, method: GrpcMethod, request: Any) -> Sequence[Any]:
        """The replies to a call of a method it owns; several only where the method streams.

        Raises:
            GrpcRefusal: NOT_FOUND, ALREADY_EXISTS, or INVALID_ARGUMENT for a bad page or mask.
        """
        entries, action = self._owners[method.path]
        if action is EntryAction.LIST:
            return self._listed(entries, method, request)
        if action is EntryAction.CREATE:
            return [self._wrapped(entries, method, self._create(entries, request))]
        key = self._key(entries, request)
        entry = entries.kept.get(key)
        if entry is None:
            raise GrpcRefusal("NOT_FOUND", f"there is no {entries.resource.name} {key!r}")
        if action is EntryAction.DELETE:
            del entries.kept[key]
        elif action is EntryAction.UPDATE:
            entry = self._update(entries.resource, entry, request)
            entries.kept[key] = entry
        return [self._wrapped(entries, method, entry)]

    def reset(self) -> None:
        self._clock = 0
        for entries in self._entries():
            started = self._start.get(entries.resource.name, ())
            field = entries.resource.id_field
            entries.kept = {str(getattr(entry, field)): entry for entry in started}
            entries.counter = len(entries.kept)

    def _create(self, entries: _Entries, request: Any) -> Any:
        resource = entries.resource
        if len(entries.kept) >= MAX_ENTRIES:
            raise GrpcRefusal(
                "RESOURCE_EXHAUSTED",
                f"{MAX_ENTRIES} entries are kept; reset first, or let it remember nothing "
                "(--stateless)",
            )
        entry = self._model.message_class(resource.entry)()
        given = resource.taken(request)
        if given is not None:
            entry.CopyFrom(given)
        else:
            copy_alike(request, entry)
        entries.counter += 1
        self._identify(entries, entry, request)
        for name in (*_MADE, *_CHANGED):
            self._stamp(entry, name)
        entries.kept[str(getattr(entry, resource.id_field))] = entry
        return entry

    def _identify(self, entries: _Entries, entry: Any, request: Any) -> None:
        """Ids are ours to give; names, codes and keys are the caller's, and stay unique."""
        resource = entries.resource
        asked = request.DESCRIPTOR.fields_by_name.get(f"{resource.name}_id")
        chosen = getattr(request, asked.name) if asked is not None and not asked.is_repeated else ""
        own = getattr(entry, resource.id_field)
        ours = resource.id_field in (*_SERVER_IDS, f"{resource.name}_id")
        if asked is not None and chosen and asked.type == _id_type(resource):
            self._claim(entries, entry, chosen)
        elif own and not ours:
            self._claim(entries, entry, own)
        else:
            while str(made := _made_id(resource, entries.counter)) in entries.kept:
                entries.counter += 1
            setattr(entry, resource.id_field, made)

    def _claim(self, entries: _Entries, entry: Any, chosen: Any) -> None:
        if str(chosen) in entries.kept:
            name = entries.resource.name
            raise GrpcRefusal("ALREADY_EXISTS", f"{name} {str(chosen)!r} exists already")
        setattr(entry, entries.resource.id_field, chosen)

    def _key(self, entries: _Entries, request: Any) -> str:
        resource = entries.resource
        inner = resource.taken(request)
        field = resource.id_in(request.DESCRIPTOR)
        named = getattr(request, field.name) if field is not None else ""
        if not named and inner is not None:
            named = getattr(inner, resource.id_field)
        return str(named)

    def _update(self, resource: GrpcResource, entry: Any, request: Any) -> Any:
        made = self._model.message_class(resource.entry)()
        made.CopyFrom(entry)
        given = resource.taken(request)
        mask = _mask_in(request)
        if given is None:
            copy_alike(request, made)
        elif mask is not None and mask.paths:
            _apply(mask, given, made)
        else:
            made.CopyFrom(given)
            for name in _MADE:
                self._keep(entry, made, name)
        self._keep(entry, made, resource.id_field)
        for name in _CHANGED:
            self._stamp(made, name)
        return made

    def _keep(self, earlier: Any, made: Any, name: str) -> None:
        if name in made.DESCRIPTOR.fields_by_name:
            made.ClearField(name)
            copy_alike(earlier, made, only=name)

    def _stamp(self, entry: Any, name: str) -> None:
        field = entry.DESCRIPTOR.fields_by_name.get(name)
        kind = field.message_type.full_name if field is not None and field.message_type else ""
        if kind == "google.protobuf.Timestamp":
            self._clock += 1
            getattr(entry, name).seconds = FIRST_SECOND + self._clock

    def _wrapped(self, entries: _Entries, method: GrpcMethod, entry: Any) -> Any:
        """The entry as the reply of this method carries it."""
        if method.reply.full_name == entries.resource.entry.full_name:
            made = self._model.message_class(method.reply)()
            made.CopyFrom(entry)
            return made
        made = self._sampler.sample(method.reply)
        held = entries.resource.entry_in(method.reply)
        if held is not None:
            getattr(made, held.name).CopyFrom(entry)
        else:
            copy_alike(entry, made)
            named = entries.resource.id_in(method.reply)
            if named is not None and named.type == _id_type(entries.resource):
                setattr(made, named.name, getattr(entry, entries.resource.id_field))
        return made

    def _listed(self, entries: _Entries, method: GrpcMethod, request: Any) -> Sequence[Any]:
        found = [entry for entry in entries.kept.values() if _matches(entry, request)]
        start, size = _page(request)
        part = found[start : start + size] if size else found[start:]
        if method.kind.streams_replies:
            return part
        made = self._sampler.sample(method.reply)
        held = entries.resource.entries_in(method.reply)
        if held is not None:
            made.ClearField(held.name)
            getattr(made, held.name).extend(part)
        for name in _TOTALS:
            _set_number(made, name, len(found))
        token = made.DESCRIPTOR.fields_by_name.get("next_page_token")
        if token is not None and token.type == FieldDescriptor.TYPE_STRING:
            rest = start + len(part) < len(found)
            made.next_page_token = str(start + len(part)) if rest else ""
        return [made]


def copy_alike(source: Any, target: Any, *, only: str | None = None) -> None:
    """Copies what is set in `source` to fields of `target` with the same name and type."""
    for field, value in source.ListFields():
        other = target.DESCRIPTOR.fields_by_name.get(field.name)
        if other is None or (only is not None and field.name != only) or not _alike(field, other):
            continue
        if field.is_repeated:
            target.ClearField(field.name)
            getattr(target, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)


def _alike(one: Any, other: Any) -> bool:
    same = one.type == other.type and bool(one.is_repeated) == bool(other.is_repeated)
    if same and one.message_type is not None:
        return bool(one.message_type.full_name == other.message_type.full_name)
    if same and one.enum_type is not None:
        return bool(one.enum_type.full_name == other.enum_type.full_name)
    return same


def _id_type(resource: GrpcResource) -> Any:
    return resource.entry.fields_by_name[resource.id_field].type


def _made_id(resource: GrpcResource, number: int) -> Any:
    field = resource.entry.fields_by_name[resource.id_field]
    if is_whole(field):
        return number
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f"{resource.name}-{number}".encode()
    return f"{resource.name}-{number}"


def _mask_in(request: Any) -> Any | None:
    for field, value in request.ListFields():
        kind = field.message_type
        if kind is not None and kind.full_name == "google.protobuf.FieldMask":
            return value
    return None


def _apply(mask: Any, given: Any, made: Any) -> None:
    if list(mask.paths) == ["*"]:
        made.CopyFrom(given)
        return
    if not mask.IsValidForDescriptor(made.DESCRIPTOR):
        paths = ", ".join(mask.paths)
        known = made.DESCRIPTOR.name
        raise GrpcRefusal(
            "INVALID_ARGUMENT", f"the mask names {paths!r}, which {known} has not", False
        )
    mask.MergeMessage(given, made, replace_message_field=True, replace_repeated_field=True)


def _matches(entry: Any, request: Any) -> bool:
    """Whether the entry has every value the request names by a field of the entry."""
    for field, value in request.ListFields():
        own = entry.DESCRIPTOR.fields_by_name.get(field.name)
        plain = field.message_type is None and not field.is_repeated
        if own is None or not plain or field.name in _PAGING or not _alike(field, own):
            continue
        if getattr(entry, field.name) != value:
            return False
    return True


def _page(request: Any) -> tuple[int, int]:
    """Where the page starts and how long it is; 0 for everything."""
    size = _number(request, _SIZES)
    if size < 0:
        raise GrpcRefusal("INVALID_ARGUMENT", f"the page size {size} is below 0", False)
    for name in _TOKENS:
        token = getattr(request, name, "")
        if isinstance(token, str) and token:
            if not token.isdecimal() or len(token) > 9:
                raise GrpcRefusal("INVALID_ARGUMENT", f"{name} {token!r} is none of ours", False)
            return int(token), size
    offset = _number(request, _OFFSETS)
    page = _number(request, ("page",))
    if offset < 0 or page < 0:
        raise GrpcRefusal("INVALID_ARGUMENT", "a page cannot start before the first entry", False)
    return (offset or max(page - 1, 0) * size), size


def _number(request: Any, names: Sequence[str]) -> int:
    for name in names:
        field = request.DESCRIPTOR.fields_by_name.get(name)
        if field is not None and is_whole(field) and not field.is_repeated:
            return int(getattr(request, name))
    return 0


def _set_number(message: Any, name: str, value: int) -> None:
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is not None and is_whole(field) and not field.is_repeated:
        setattr(message, name, value)
