"""What a protobuf contract offers: services, methods and messages, in a pool of its own."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import Message

from maestro.contracts.protobuf.compiling import descriptor_set
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.values import JsonObject, JsonValue
from maestro.errors import InvalidInput

"""Trailing metadata of every reply of a mock, so that nobody takes it for the real provider."""

_PROVIDED = (
    "any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct",
    "timestamp", "type", "wrappers",
)  # fmt: skip


class CallKind(StrEnum):
    UNARY = "unary"
    SERVER_STREAM = "server-stream"
    CLIENT_STREAM = "client-stream"
    BIDI_STREAM = "bidi-stream"

    @property
    def streams_requests(self) -> bool:
        return self in (CallKind.CLIENT_STREAM, CallKind.BIDI_STREAM)

    @property
    def streams_replies(self) -> bool:
        return self in (CallKind.SERVER_STREAM, CallKind.BIDI_STREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcMethod:
    name: str
    service: str
    """Full name, package included."""
    kind: CallKind
    request: Any
    """Descriptor of the request message."""
    reply: Any
    """Descriptor of the reply message."""
    summary: str = ""
    """First line of the comment above it."""
    declared: frozenset[str] = frozenset()
    """Statuses besides OK that the comment above it names, e.g. `NOT_FOUND`."""

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"

    @property
    def key(self) -> str:
        """`shop.v1.Inventory/GetItem`, as grpcurl writes it."""
        return f"{self.service}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcService:
    name: str
    """Full name, package included."""
    methods: tuple[GrpcMethod, ...]
    summary: str = ""


@dataclass(frozen=True)
class ProtobufModel:
    """A contract's descriptors; nothing in it touches the process-wide pool."""

    name: str
    files: tuple[Any, ...] = field(repr=False)
    """FileDescriptorProto of the contract and of everything it imports, imports first."""

    @cached_property
    def pool(self) -> Any:
        """Raises InvalidInput when the descriptors do not fit together."""
        pool = descriptor_pool.DescriptorPool()
        for file in self.files:
            try:
                # The compiler's comments are kept in `files`; the pool needs none.
                plain = descriptor_pb2.FileDescriptorProto()
                plain.CopyFrom(file)
                plain.ClearField("source_code_info")
                pool.AddSerializedFile(plain.SerializeToString())
            except (TypeError, ValueError) as error:
                first = " ".join(str(error).split())
                raise InvalidInput(
                    f"contract {self.name!r}: descriptors of {file.name!r} do not fit: {first}"
                ) from None
        return pool

    @cached_property
    def services(self) -> tuple[GrpcService, ...]:
        found = []
        for file in self.files:
            for index, entry in enumerate(file.service):
                full = f"{file.package}.{entry.name}" if file.package else entry.name
                found.append(self._service(file, index, full))
        return tuple(found)

    @property
    def methods(self) -> tuple[GrpcMethod, ...]:
        return tuple(method for service in self.services for method in service.methods)

    def method(self, path: str) -> GrpcMethod | None:
        """By `/package.Service/Method`; the leading slash may be left out."""
        return self._by_key.get(path.removeprefix("/"))

    @cached_property
    def _by_key(self) -> Mapping[str, GrpcMethod]:
        return {method.key: method for method in self.methods}

    def message_class(self, descriptor: Any) -> Any:
        return message_factory.GetMessageClass(descriptor)

    def to_json(self, message: Message) -> JsonValue:
        """The canonical JSON of a message, field names as the contract spells them."""
        try:
            return json_format.MessageToDict(
                message, preserving_proto_field_name=True, descriptor_pool=self.pool
            )
        except (json_format.Error, TypeError, ValueError, KeyError, OverflowError) as error:
            # An Any of an unknown type, a Timestamp out of range: evidence, not a crash.
            return {"@unreadable": f"{type(error).__name__}: {error}"[:300]}

    def from_json(self, value: JsonValue, descriptor: Any) -> Any:
        """Raises InvalidInput when the value is no JSON of such a message."""
        made = self.message_class(descriptor)()
        try:
            return json_format.ParseDict(value, made, descriptor_pool=self.pool)
        except (json_format.Error, TypeError, ValueError, KeyError) as error:
            raise InvalidInput(f"{value!r} is no {descriptor.full_name}: {error}") from None

    def _service(self, file: Any, index: int, full: str) -> GrpcService:
        described = self.pool.FindServiceByName(full)
        comments = _comments(file)
        methods = []
        for number, method in enumerate(file.service[index].method):
            entry = described.methods[number]
            methods.append(
                GrpcMethod(
                    name=method.name,
                    service=full,
                    kind=_kind(method),
                    request=entry.input_type,
                    reply=entry.output_type,
                    summary=_first_line(comments.get((6, index, 2, number), "")),
                    declared=_statuses(comments.get((6, index, 2, number), "")),
                )
            )
        return GrpcService(
            name=full,
            methods=tuple(methods),
            summary=_first_line(comments.get((6, index), "")),
        )


def read_protobuf(contract: Contract) -> ProtobufModel:
    """Compiles and checks a gRPC contract. Blocks: call it in a thread.

    Raises:
        InvalidInput: not a protobuf contract, or its specification cannot be compiled.
    """
    if contract.format is not SpecificationFormat.PROTOBUF:
        raise InvalidInput(
            f"contract {contract.id!r} is written in {contract.format.value!r}, not in protobuf"
        )
    return protobuf_model(contract.specification, name=contract.id)


def protobuf_model(specification: JsonObject, *, name: str) -> ProtobufModel:
    """Blocks: call it in a thread. Raises InvalidInput as `descriptor_set` does."""
    compiled = descriptor_set(specification, name=name)
    return model_of(descriptor_pb2.FileDescriptorSet.FromString(compiled).file, name=name)


def model_of(files: Sequence[Any], *, name: str) -> ProtobufModel:
    """A model of FileDescriptorProto values in any order; well-known imports are added.

    Raises:
        InvalidInput: an import is missing, goes in a circle, or the descriptors do not fit.
    """
    model = ProtobufModel(name=name, files=tuple(_ordered(files, name)))
    _ = model.services  # builds the pool: what does not fit together is refused here
    return model


def _ordered(files: Sequence[Any], name: str) -> list[Any]:
    """Imports before the files that need them."""
    known = {file.name: file for file in files}
    done: dict[str, Any] = {}
    open_: set[str] = set()
    waiting = [(file.name, False) for file in reversed(files)]
    while waiting:
        path, leaving = waiting.pop()
        if leaving:
            open_.discard(path)
            done[path] = known[path]
            continue
        if path in done:
            continue
        if path in open_:
            raise InvalidInput(f"contract {name!r}: imports go in a circle through {path!r}")
        if path not in known:
            known[path] = _well_known(path, name)
        open_.add(path)
        waiting.append((path, True))
        waiting += [(wanted, False) for wanted in known[path].dependency if wanted not in done]
    return list(done.values())


def _well_known(path: str, name: str) -> Any:
    short = path.removeprefix("google/protobuf/").removesuffix(".proto")
    if short not in _PROVIDED or path != f"google/protobuf/{short}.proto":
        raise InvalidInput(
            f"contract {name!r}: the descriptor set lacks the import {path!r}; make it with "
            "protoc --include_imports"
        )
    module = import_module(f"google.protobuf.{short}_pb2")
    file = descriptor_pb2.FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)
    return file


def _kind(method: Any) -> CallKind:
    if method.client_streaming:
        return CallKind.BIDI_STREAM if method.server_streaming else CallKind.CLIENT_STREAM
    return CallKind.SERVER_STREAM if method.server_streaming else CallKind.UNARY


def _comments(file: Any) -> dict[tuple[int, ...], str]:
    """The comment above each element, by the element's path."""
    return {
        tuple(location.path): location.leading_comments.strip()
        for location in file.source_code_info.location
        if location.leading_comments.strip()
    }


def _first_line(comment: str) -> str:
    return comment.splitlines()[0].strip()[:200] if comment else ""


_STATUS = re.compile(
    r"\b(INVALID_ARGUMENT|NOT_FOUND|ALREADY_EXISTS|PERMISSION_DENIED|RESOURCE_EXHAUSTED|"
    r"FAILED_PRECONDITION|ABORTED|OUT_OF_RANGE|UNIMPLEMENTED|UNAVAILABLE|UNAUTHENTICATED)\b"
)


def _statuses(comment: str) -> frozenset[str]:
    return frozenset(_STATUS.findall(comment))
