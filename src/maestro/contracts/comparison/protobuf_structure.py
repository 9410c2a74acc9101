"""What differs between two sets of protobuf descriptors, by the rules of wire, JSON and source."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel

_TYPES: dict[int, str] = {
    value: name.removeprefix("TYPE_").lower()
    for name, value in vars(FieldDescriptor).items()
    if name.startswith("TYPE_") and isinstance(value, int)
}
_SAME_WIRE = (
    {"int32", "uint32", "int64", "uint64", "bool", "enum"},
    {"sint32", "sint64"},
    {"fixed32", "sfixed32"},
    {"fixed64", "sfixed64"},
    {"string", "bytes"},
)


@dataclass(frozen=True, slots=True)
class _Element:
    """A message or an enum with its full name."""

    full: str
    proto: Any
    closed: bool = False


def structural_changes(before: ProtobufModel, after: ProtobufModel) -> list[Change]:
    """Every difference that matters to somebody who uses the services or stores the messages."""
    changes = list(_services(before, after))
    old, new = _Elements.of(before), _Elements.of(after)
    for full in sorted(old.messages.keys() | new.messages.keys()):
        changes += _of_both("message", full, old.messages, new.messages, _message)
    for full in sorted(old.enums.keys() | new.enums.keys()):
        changes += _of_both("enum", full, old.enums, new.enums, _enum)
    return changes


@dataclass(frozen=True, slots=True)
class _Elements:
    messages: Mapping[str, _Element]
    enums: Mapping[str, _Element]

    @classmethod
    def of(cls, model: ProtobufModel) -> "_Elements":
        messages: dict[str, _Element] = {}
        enums: dict[str, _Element] = {}
        for file in model.files:
            if file.name.startswith("google/protobuf/"):
                continue
            waiting = [(file.package, file.message_type, file.enum_type)]
            while waiting:
                above, own, listed = waiting.pop()
                for entry in listed:
                    full = _joined(above, entry.name)
                    closed = bool(model.pool.FindEnumTypeByName(full).is_closed)
                    enums[full] = _Element(full, entry, closed)
                for entry in own:
                    full = _joined(above, entry.name)
                    if not entry.options.map_entry:
                        messages[full] = _Element(full, model.pool.FindMessageTypeByName(full))
                    waiting.append((full, entry.nested_type, entry.enum_type))
        return cls(messages, enums)


def _of_both(
    kind: str,
    full: str,
    old: Mapping[str, _Element],
    new: Mapping[str, _Element],
    compared: Any,
) -> Iterable[Change]:
    if full not in new:
        return [_breaking(f"{kind}-removed", full, f"{kind} {full} is gone")]
    if full not in old:
        return [_compatible(f"{kind}-added", full, f"{kind} {full} is new")]
    found: Iterable[Change] = compared(old[full], new[full])
    return found


def _services(before: ProtobufModel, after: ProtobufModel) -> Iterator[Change]:
    old = {service.name: service for service in before.services}
    new = {service.name: service for service in after.services}
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield _breaking("service-removed", name, f"service {name} is gone")
        elif name not in old:
            yield _compatible("service-added", name, f"service {name} is new")
        else:
            mine = {method.name: method for method in old[name].methods}
            theirs = {method.name: method for method in new[name].methods}
            yield from _methods(mine, theirs)


def _methods(old: Mapping[str, GrpcMethod], new: Mapping[str, GrpcMethod]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        key = (old.get(name) or new[name]).key
        if name not in new:
            yield _breaking("method-removed", key, f"method {name} is gone", operation=key)
        elif name not in old:
            yield _compatible("method-added", key, f"method {name} is new", operation=key)
        else:
            yield from _method(key, old[name], new[name])


def _method(key: str, old: GrpcMethod, new: GrpcMethod) -> Iterator[Change]:
    facts = (
        ("request-type", old.request.full_name, new.request.full_name),
        ("reply-type", old.reply.full_name, new.reply.full_name),
        ("streaming", old.kind.value, new.kind.value),
    )
    for what, earlier, later in facts:
        if earlier != later:
            text = f"{what.replace('-', ' ')} was {earlier}, is {later}"
            yield _breaking(f"method-{what}-changed", key, text, earlier, later, operation=key)


def _message(old: _Element, new: _Element) -> Iterator[Change]:
    mine, theirs = dict(old.proto.fields_by_number), dict(new.proto.fields_by_number)
    names = {field.name: field for field in new.proto.fields}
    for number in sorted(mine):
        if number in theirs:
            yield from _field(old.full, mine[number], theirs[number], old.proto, new.proto)
        else:
            yield from _gone(old.full, mine[number], names.get(mine[number].name), new.proto)
    for number in sorted(theirs.keys() - mine.keys()):
        yield from _added(new.full, theirs[number], old.proto)
    yield from _reservations(old.full, _raw(old.proto), _raw(new.proto), theirs.keys())


def _gone(full: str, field: Any, moved: Any | None, new: Any) -> Iterator[Change]:
    place = f"{full}.{field.name}"
    if moved is not None:
        text = f"field {field.name} had number {field.number}, has {moved.number}"
        yield _breaking("field-number-changed", place, text, field.number, moved.number)
        return
    kept = any(r.start <= field.number < r.end for r in _raw(new).reserved_range)
    rest = "" if kept else "; reserve its number so that nobody takes it for something else"
    yield _breaking(
        "field-removed", place, f"field {field.name} = {field.number} is gone{rest}", field.number
    )


def _added(full: str, field: Any, old: Any) -> Iterator[Change]:
    place = f"{full}.{field.name}"
    if field.is_required:
        text = f"field {field.name} is new and required"
        yield _breaking("field-added-required", place, text, None, field.number)
    elif any(r.start <= field.number < r.end for r in _raw(old).reserved_range):
        text = f"field {field.name} takes number {field.number}, which was reserved"
        yield _breaking("reserved-number-used", place, text, None, field.number)
    elif field.name in old.fields_by_name:
        return  # told as a changed number
    else:
        text = f"field {field.name} = {field.number} is new"
        yield _compatible("field-added", place, text, None, field.number)


def _field(full: str, old: Any, new: Any, earlier: Any, later: Any) -> Iterator[Change]:
    place = f"{full}.{old.name}"
    if old.name != new.name:
        text = f"field {old.number} was called {old.name}, is called {new.name}"
        yield _breaking("field-renamed", place, text, old.name, new.name)
    elif old.json_name != new.json_name:
        text = f"its JSON name was {old.json_name}, is {new.json_name}"
        yield _breaking("field-json-name-changed", place, text, old.json_name, new.json_name)
    before, after = _type(old), _type(new)
    if before != after:
        kind = "; the bytes stay readable" if _same_wire(before, after) else ""
        text = f"its type was {before}, is {after}{kind}"
        yield _breaking("field-type-changed", place, text, before, after)
    before, after = _label(old), _label(new)
    group, group_now = _oneof(old, earlier), _oneof(new, later)
    if group != group_now:
        text = f"it was in {group or 'no oneof'}, is in {group_now or 'no oneof'}"
        yield _breaking("field-oneof-changed", place, text, group, group_now)
    elif before != after:
        text = f"it was {before}, is {after}"
        yield _breaking("field-label-changed", place, text, before, after)
    if _default(old) != _default(new):
        text = f"its default was {_default(old)!r}, is {_default(new)!r}"
        yield _breaking("field-default-changed", place, text, _default(old), _default(new))


def _type(field: Any) -> str:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
            return f"map<{_type(key)}, {_type(value)}>"
        return str(field.message_type.full_name)
    if field.enum_type is not None:
        return f"enum {field.enum_type.full_name}"
    return _TYPES[field.type]


def _same_wire(before: str, after: str) -> bool:
    one, other = before.partition(" ")[0], after.partition(" ")[0]
    return any({one, other} <= group for group in _SAME_WIRE)


def _label(field: Any) -> str:
    if field.is_repeated:
        return "repeated"
    if field.is_required:
        return "required"
    if field.message_type is None and field.has_presence:
        return "optional, told apart from its default"
    return "singular"


def _oneof(field: Any, message: Any) -> str | None:
    """The group it is in; not the one that `optional` makes on its own."""
    group = field.containing_oneof
    if group is None:
        return None
    raw = next(f for f in _raw(message).field if f.number == field.number)
    return None if raw.proto3_optional else str(group.name)


def _default(field: Any) -> Any:
    value = field.default_value if field.has_default_value else None
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _reservations(full: str, old: Any, new: Any, used: Any) -> Iterator[Change]:
    kept = [(r.start, r.end) for r in new.reserved_range]
    for r in old.reserved_range:
        covered = any(start <= r.start and r.end <= end for start, end in kept)
        # A number that came into use is told as such.
        if not covered and not any(r.start <= number < r.end for number in used):
            shown = str(r.start) if r.end == r.start + 1 else f"{r.start} to {r.end - 1}"
            text = f"{shown} is no longer reserved; whoever takes it misreads stored messages"
            yield _breaking("reservation-removed", full, text, shown)
    for name in sorted(set(old.reserved_name) - set(new.reserved_name)):
        text = f"the name {name} is no longer reserved"
        yield _breaking("reservation-removed", full, text, name)


def _enum(old: _Element, new: _Element) -> Iterator[Change]:
    mine = {value.name: value.number for value in old.proto.value}
    theirs = {value.name: value.number for value in new.proto.value}
    by_number = {number: name for name, number in theirs.items()}
    for name, number in mine.items():
        place = f"{old.full}.{name}"
        if name in theirs:
            if theirs[name] != number:
                text = f"value {name} was {number}, is {theirs[name]}"
                yield _breaking("enum-value-number-changed", place, text, number, theirs[name])
        elif number in by_number:
            text = f"value {number} was called {name}, is called {by_number[number]}"
            yield _breaking("enum-value-renamed", place, text, name, by_number[number])
        else:
            yield _breaking("enum-value-removed", place, f"value {name} is gone", number)
    for name in sorted(theirs.keys() - mine.keys()):
        if theirs[name] in mine.values():
            continue
        kind = ChangeKind.DANGEROUS if old.closed else ChangeKind.COMPATIBLE
        rest = "; who reads with the closed enum of before loses it" if old.closed else ""
        yield Change(
            kind=kind,
            rule="enum-value-added",
            pointer=f"{new.full}.{name}",
            message=f"value {name} = {theirs[name]} is new{rest}",
            after=theirs[name],
        )
    if old.closed != new.closed:
        text = "unknown values were refused" if old.closed else "unknown values were let through"
        yield _breaking("enum-closedness-changed", old.full, f"{text}, and no longer are")


def _raw(descriptor: Any) -> Any:
    made = descriptor_pb2.DescriptorProto()
    descriptor.CopyToProto(made)
    return made


def _joined(above: str, name: str) -> str:
    return f"{above}.{name}" if above else str(name)


def _change(
    kind: ChangeKind,
    rule: str,
    pointer: str,
    message: str,
    before: Any = None,
    after: Any = None,
    *,
    operation: str = "",
) -> Change:
    return Change(
        kind=kind,
        rule=rule,
        pointer=pointer,
        message=message,
        operation=operation,
        before=before,
        after=after,
    )


_breaking = partial(_change, ChangeKind.BREAKING)
_compatible = partial(_change, ChangeKind.COMPATIBLE)
