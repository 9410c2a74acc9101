"""Messages that look real: the same for the same seed and variant, never endless."""

import random
import re
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from maestro.contracts.protobuf.model import ProtobufModel
from maestro.contracts.sampling.texts import by_name

MAX_DEPTH = 6
"""Messages in messages; deeper only what proto2 requires."""
HARD_DEPTH = 40
MAX_FIELDS = 2_000
"""Of one sample; a contract can nest widely enough to fill the memory."""
FIRST_SECOND = 1_893_456_000
"""2030-01-01T00:00:00Z, the first moment of samples."""

_WHOLE = {
    FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED32,
    FieldDescriptor.TYPE_SFIXED64,
}  # fmt: skip

_NUMBERS: tuple[tuple[str, float, float], ...] = (
    # name, first value, step from variant to variant
    (r".*(price|amount|cost|fee|total|balance|value)", 19.99, 1.0),
    (r".*(lat|latitude)", 52.52, 0.01),
    (r".*(lon|lng|longitude)", 13.405, 0.01),
    (r".*(percent|percentage|ratio|probability|score)", 0.5, 0.0),
    (r".*(quantity|stock|seats|items|lines)", 3, 1),
    (r".*(page_?size|limit|max_?results)", 20, 0),
    (r"(page|offset|skip)", 0, 0),
    (r".*year", 2030, 0),
    (r".*age", 36, 1),
    (r".*rating|stars", 4, 0),
    (r".*port", 8080, 1),
    (r".*(seconds|_ms|millis|timestamp|_at|_time)", FIRST_SECOND, 1),
)


def is_whole(field: Any) -> bool:
    """Whether the field holds whole numbers."""
    return field.type in _WHOLE


def is_map(field: Any) -> bool:
    return bool(
        field.is_repeated
        and field.message_type is not None
        and field.message_type.GetOptions().map_entry
    )


class MessageSampler:
    """Makes messages of one contract."""

    def __init__(self, model: ProtobufModel, *, seed: int = 0) -> None:
        self._model = model
        self._offset = random.Random(seed).randrange(1, 1_000) if seed else 0  # noqa: S311
        self._left = 0
        self._payload = _plain_message(model)

    def sample(self, descriptor: Any, *, variant: int = 0) -> Any:
        """A message with every field set that can be; of a oneof, one member."""
        self._left = MAX_FIELDS
        made = self._model.message_class(descriptor)()
        self._fill(made, variant + self._offset, (), descriptor.name)
        return made

    def value(self, field: Any, *, variant: int = 0) -> Any:
        """A value of a field that is no message."""
        return _scalar(field, variant + self._offset, field.name)

    def _fill(self, made: Any, number: int, above: tuple[str, ...], name: str) -> None:
        kind = made.DESCRIPTOR
        special = _SPECIAL.get(kind.full_name)
        if special is not None:
            special(made, number)
            return
        if kind.full_name == "google.protobuf.Any":
            self._pack(made, number, above)
            return
        wrapper = kind.full_name.startswith("google.protobuf.") and kind.name.endswith("Value")
        inside = (*above, kind.full_name)
        for field in kind.fields:
            if field.is_required or (self._chosen(field, number, inside) and self._left > 0):
                self._left -= 1
                telling = kind.name if field.name == "name" else field.name
                self._set(made, field, number, inside, name if wrapper else telling)

    def _chosen(self, field: Any, number: int, above: tuple[str, ...]) -> bool:
        if not self._welcome(field, above):
            return False
        group = field.containing_oneof
        if group is None:
            return True
        options = [entry for entry in group.fields if self._welcome(entry, above)]
        return bool(field.name == options[number % len(options)].name)

    def _welcome(self, field: Any, above: tuple[str, ...]) -> bool:
        """Whether it can be set without going deeper than is sensible."""
        inner = _message_of(field)
        return inner is None or (inner.full_name not in above and len(above) < MAX_DEPTH)

    def _set(self, made: Any, field: Any, number: int, above: tuple[str, ...], name: str) -> None:
        if len(above) > HARD_DEPTH:
            return
        if is_map(field):
            self._set_entry(made, field, number, above)
        elif field.message_type is not None:
            inner = getattr(made, field.name)
            target = inner.add() if field.is_repeated else inner
            if not field.is_repeated:
                target.SetInParent()
            if field.message_type.full_name == "google.protobuf.FieldMask":
                target.paths.extend(_mask(made.DESCRIPTOR))
            else:
                self._fill(target, number, above, name)
        elif field.is_repeated:
            getattr(made, field.name).append(_scalar(field, number, _singular(name)))
        else:
            setattr(made, field.name, _scalar(field, number, name))

    def _set_entry(self, made: Any, field: Any, number: int, above: tuple[str, ...]) -> None:
        key_field = field.message_type.fields_by_name["key"]
        value_field = field.message_type.fields_by_name["value"]
        key = _scalar(key_field, number, _singular(field.name))
        entries = getattr(made, field.name)
        if value_field.message_type is None:
            entries[key] = _scalar(value_field, number, _singular(field.name))
        else:
            self._fill(entries[key], number, above, field.name)

    def _pack(self, made: Any, number: int, above: tuple[str, ...]) -> None:
        if self._payload is None:
            return
        inner = self._model.message_class(self._payload)()
        depth = ("",) * MAX_DEPTH  # nothing but its plain fields
        self._fill(inner, number, (*above, *depth), self._payload.name)
        made.Pack(inner)


def _plain_message(model: ProtobufModel) -> Any:
    """A message of the contract's own that an Any may carry: one that carries none itself."""
    for file in model.files:
        if file.name.startswith("google/protobuf/"):
            continue
        for entry in file.message_type:
            full = f"{file.package}.{entry.name}" if file.package else entry.name
            kind = model.pool.FindMessageTypeByName(full)
            if not any(field.is_required and field.message_type for field in kind.fields):
                return kind
    return None


def _message_of(field: Any) -> Any:
    """The message a field holds; of a map, the one its values hold."""
    if is_map(field):
        return field.message_type.fields_by_name["value"].message_type
    return field.message_type


def _mask(kind: Any) -> list[str]:
    """Paths for an update mask: a plain field of the message beside it."""
    for field in kind.fields:
        inner = field.message_type
        if inner is None or field.is_repeated or inner.full_name.startswith("google.protobuf."):
            continue
        plain = [f.name for f in inner.fields if f.message_type is None and not _is_id(f.name)]
        return plain[:1]
    return []


def _is_id(name: str) -> bool:
    return name in ("id", "uid", "uuid", "name") or name.endswith("_id")


def _scalar(field: Any, number: int, name: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return _text(name, number)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return f"sample {number}".encode()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return number % 2 == 0
    if field.type == FieldDescriptor.TYPE_ENUM:
        return _member(field.enum_type, number)
    first, step = next(
        ((first, step) for pattern, first, step in _NUMBERS if re.fullmatch(pattern, name.lower())),
        (1, 1),
    )
    value = first + step * number
    return int(value) if is_whole(field) else float(round(value, 4))


def _text(name: str, number: int) -> str:
    plain = name.lower()
    if plain in ("id", "uid", "uuid") or plain.endswith(("_id", "_uuid")):
        stem = plain.removesuffix("_id").removesuffix("_uuid")
        stem = "entry" if stem in ("id", "uid", "uuid") else stem
        return f"{stem.replace('_', '-')}-{number + 1}"
    if plain.endswith("page_token"):
        return ""
    return by_name(name, number)


def _member(kind: Any, number: int) -> int:
    """A value that says something: not the zero that means 'unspecified'."""
    telling = [entry.number for entry in kind.values if entry.number != 0]
    return int(telling[number % len(telling)]) if telling else int(kind.values[0].number)


def _singular(name: str) -> str:
    return name[:-1] if len(name) > 2 and name.endswith("s") and not name.endswith("ss") else name


def _timestamp(made: Any, number: int) -> None:
    made.seconds = FIRST_SECOND + 60 * number


def _duration(made: Any, number: int) -> None:
    made.seconds = 90 + number


def _struct(made: Any, number: int) -> None:
    made.update({"note": "In a sentence or two.", "count": float(number + 1), "active": True})


def _value(made: Any, number: int) -> None:
    made.string_value = f"sample {number + 1}"


def _list(made: Any, number: int) -> None:
    made.extend([f"sample {number + 1}", float(number)])


def _nothing(made: Message, number: int) -> None:
    """A mask outside of a message that would say what it may name."""


_SPECIAL: dict[str, Callable[[Any, int], None]] = {
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
    "google.protobuf.Struct": _struct,
    "google.protobuf.Value": _value,
    "google.protobuf.ListValue": _list,
    "google.protobuf.FieldMask": _nothing,
}
