"""The standard health service, described by hand: its package is not needed for two messages."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor

SERVICE = "grpc.health.v1.Health"
FILE = "grpc/health/v1/health.proto"
SERVING, SERVICE_UNKNOWN = 1, 3


def health_file() -> Any:
    """FileDescriptorProto of the service."""
    file = descriptor_pb2.FileDescriptorProto(name=FILE, package="grpc.health.v1", syntax="proto3")
    request = file.message_type.add(name="HealthCheckRequest")
    request.field.add(name="service", number=1, type=FieldDescriptor.TYPE_STRING, label=_OPTIONAL)
    reply = file.message_type.add(name="HealthCheckResponse")
    states = reply.enum_type.add(name="ServingStatus")
    for number, name in enumerate(("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")):
        states.value.add(name=name, number=number)
    reply.field.add(
        name="status",
        number=1,
        type=FieldDescriptor.TYPE_ENUM,
        label=_OPTIONAL,
        type_name=".grpc.health.v1.HealthCheckResponse.ServingStatus",
    )
    service = file.service.add(name="Health")
    types = {
        "input_type": ".grpc.health.v1.HealthCheckRequest",
        "output_type": ".grpc.health.v1.HealthCheckResponse",
    }
    service.method.add(name="Check", **types)
    service.method.add(name="Watch", server_streaming=True, **types)
    return file


_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL


class HealthHandlers:
    """Says of every known service, and of the server itself, that it serves."""

    def __init__(self, services: Collection[str]) -> None:
        pool = descriptor_pool.DescriptorPool()
        pool.AddSerializedFile(health_file().SerializeToString())
        described = pool.FindServiceByName(SERVICE).methods_by_name["Check"]
        self._request = message_factory.GetMessageClass(described.input_type)
        self._reply = message_factory.GetMessageClass(described.output_type)
        self._known = {"", SERVICE, *services}

    def handler(self, path: str) -> Any | None:
        """The handler of a path of this service."""
        kinds = {"Check": grpc.unary_unary_rpc_method_handler,
                 "Watch": grpc.unary_stream_rpc_method_handler}  # fmt: skip
        service, _, name = path.removeprefix("/").partition("/")
        if service != SERVICE or name not in kinds:
            return None
        return kinds[name](
            self._check if name == "Check" else self._watch,
            request_deserializer=self._request.FromString,
            response_serializer=self._reply.SerializeToString,
        )

    async def _check(self, request: Any, context: Any) -> Any:
        if request.service not in self._known:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return self._reply(status=SERVING)

    async def _watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        known = request.service in self._known
        yield self._reply(status=SERVING if known else SERVICE_UNKNOWN)
        await asyncio.Event().wait()  # nothing changes until the caller leaves
