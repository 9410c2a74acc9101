"""One gRPC contract served to one consumer, on a port of its own."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from maestro.contracts.mocks.grpc.calls import GrpcCalls
from maestro.contracts.mocks.grpc.health import SERVICE as HEALTH
from maestro.contracts.mocks.grpc.health import HealthHandlers, health_file
from maestro.contracts.mocks.grpc.starting import started_messages
from maestro.contracts.mocks.seeding import SeedEntries
from maestro.contracts.mocks.surface import MockBehaviour, MockRoute, Record
from maestro.contracts.protobuf.compiling import source_text
from maestro.contracts.protobuf.model import ProtobufModel, model_of, read_protobuf
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput, SandboxFailed

HOST = "127.0.0.1"
MAX_REQUEST_BYTES = 4 * 1024 * 1024
MAX_REPLY_BYTES = 16 * 1024 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_STREAMS = 256
GRACE_SECONDS = 1.0

_REFLECTION = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")  # the messages of both are the same on the wire
)


class GrpcMock:
    """Listens from entering until leaving.

    Entering raises InvalidInput for a contract that cannot be compiled or has no service, and
    SandboxFailed when the port is taken.
    """

    def __init__(
        self,
        contract: Contract,
        behaviour: MockBehaviour,
        record: Record,
        consumer: str = "",
        *,
        host: str = HOST,
        port: int = 0,
    ) -> None:
        self._contract = contract
        self._behaviour = behaviour
        self._record = record
        self._consumer = consumer
        self._host = host
        self._port = port
        self._server: Any = None
        self._calls: GrpcCalls | None = None
        self._model: ProtobufModel | None = None

    @property
    def port(self) -> int:
        """The port it listens on; 0 before it does, when none was asked for."""
        return self._port

    @property
    def url(self) -> str:
        return f"grpc://{self._host}:{self._port}"

    @property
    def contract(self) -> Contract:
        return self._contract

    async def __aenter__(self) -> Self:
        model = await asyncio.to_thread(_served, self._contract)
        own = [service.name for service in model.services]
        self._model = model
        self._calls = GrpcCalls(
            model,
            self._behaviour,
            self._record,
            contract=self._contract,
            consumer=self._consumer,
        )
        server = grpc.aio.server(options=_OPTIONS)
        server.add_generic_rpc_handlers((_Handlers(model, self._calls, own),))
        try:
            self._port = server.add_insecure_port(f"{self._host}:{self._port}")
        except RuntimeError:
            raise SandboxFailed(
                f"the gRPC mock of {self._contract.id!r} cannot listen on port {self._port}; "
                "choose another one or 0"
            ) from None
        await server.start()
        self._server = server
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            await asyncio.shield(server.stop(GRACE_SECONDS))

    def routes(self) -> tuple[MockRoute, ...]:
        """Empty before it is entered."""
        methods = self._model.methods if self._model is not None else ()
        return tuple(
            MockRoute(
                protocol="grpc", method=method.kind.value, path=method.path, summary=method.summary
            )
            for method in methods
        )

    def specification(self) -> tuple[str, bytes]:
        """Content type and text of what is served."""
        text = source_text(self._contract.specification)
        return "text/plain; charset=utf-8", text.encode("utf-8", "replace")

    def collections(self) -> Sequence[str]:
        return [resource.name for resource in self._calls.resources()] if self._calls else []

    def check_start(self, given: SeedEntries) -> None:
        """Raises InvalidInput."""
        self._messages(given)

    def start_with(self, given: SeedEntries) -> None:
        if self._calls is not None:
            self._calls.start_with(self._messages(given))

    def _messages(self, given: SeedEntries) -> dict[str, list[Any]]:
        if self._model is None or self._calls is None:
            raise InvalidInput(f"the gRPC mock of {self._contract.id!r} does not run yet")
        return started_messages(self._model, self._calls.resources(), given)

    def reset(self) -> None:
        """Forgets everything that calls have changed."""
        if self._calls is not None:
            self._calls.reset()


_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", MAX_REPLY_BYTES),
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.max_concurrent_streams", MAX_STREAMS),
    ("grpc.so_reuseport", 0),
)


class _Handlers:
    """Finds the handler of a path; fulfils grpc.GenericRpcHandler."""

    def __init__(self, model: ProtobufModel, calls: GrpcCalls, own: Sequence[str]) -> None:
        self._model = model
        self._calls = calls
        self._health = None if HEALTH in own else HealthHandlers(own)
        listed = [*own] if HEALTH in own else [*own, HEALTH]
        described = _with_health(model) if HEALTH not in own else model
        self._reflection = reflection.aio.ReflectionServicer(listed, pool=described.pool)

    def service(self, details: Any) -> Any:
        path = details.method
        method = self._model.method(path)
        if method is not None:
            return self._calls.handler(method)
        if path in _REFLECTION:
            return grpc.stream_stream_rpc_method_handler(
                self._reflection.ServerReflectionInfo,
                request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        health = self._health.handler(path) if self._health is not None else None
        return health or self._calls.unknown(path)


def _with_health(model: ProtobufModel) -> ProtobufModel:
    names = {file.name for file in model.files}
    health = health_file()
    taken = health.name in names or any(file.package == health.package for file in model.files)
    return model if taken else model_of([*model.files, health], name=model.name)


def _served(contract: Contract) -> ProtobufModel:
    model = read_protobuf(contract)
    if not model.methods:
        files = ", ".join(file.name for file in model.files if not file.name.startswith("google/"))
        raise InvalidInput(
            f"contract {contract.id!r}: {files or 'it'} declares no service with a method, so "
            "there is nothing to serve"
        )
    return model
