"""Which surface serves which kind of contract; each is loaded when the first one is served."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any, Protocol, cast

from maestro.contracts.mocks.surface import MockBehaviour, MockRoute, MockSurface, Record
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

_SURFACES = {
    SpecificationFormat.OPENAPI: ("maestro.contracts.mocks.rest", "RestSurface"),
    SpecificationFormat.GRAPHQL: ("maestro.contracts.mocks.graphql.surface", "GraphqlSurface"),
    SpecificationFormat.ASYNCAPI: ("maestro.contracts.mocks.events.surface", "EventsSurface"),
}
_SERVERS = {
    SpecificationFormat.PROTOBUF: ("maestro.contracts.mocks.grpc.server", "GrpcMock"),
}


_INSTEAD = {SpecificationFormat.INTERFACE: "export it as a stub that can be imported"}


class RunningBeside(Protocol):
    """A mock whose protocol is not served through ASGI: it listens on a port of its own."""

    @property
    def port(self) -> int: ...

    def routes(self) -> Sequence[MockRoute]: ...

    def specification(self) -> tuple[str, bytes]: ...

    def reset(self) -> None: ...


def is_served_beside(contract: Contract) -> bool:
    """Whether the contract needs a server and port of its own."""
    return contract.format in _SERVERS


def surface_for(
    contract: Contract, behaviour: MockBehaviour, record: Record, consumer: str = ""
) -> MockSurface:
    """One contract ready to answer one consumer.

    Raises:
        InvalidInput: nothing serves this kind, or the contract itself cannot be served.
    """
    place = _SURFACES.get(contract.format)
    if place is None:
        served = ", ".join(sorted(known.value for known in (*_SURFACES, *_SERVERS)))
        instead = _INSTEAD.get(contract.format, f"served are {served}")
        raise InvalidInput(
            f"contract {contract.id!r} is {contract.kind.value!r} in the format "
            f"{contract.format.value!r}, which has no mock server; {instead}"
        )
    return cast(MockSurface, _loaded(place)(contract, behaviour, record, consumer))


def server_for(
    contract: Contract,
    behaviour: MockBehaviour,
    record: Record,
    consumer: str = "",
    *,
    host: str,
    port: int = 0,
) -> AbstractAsyncContextManager[RunningBeside]:
    """A server of a kind that ASGI cannot carry; listens while its context is open.

    `consumer` is who calls without saying so.

    Raises:
        InvalidInput: the contract cannot be served, or what it needs is not installed.
    """
    make = _loaded(_SERVERS[contract.format])
    made = make(contract, behaviour, record, consumer, host=host, port=port)
    return cast(AbstractAsyncContextManager[RunningBeside], made)


def _loaded(place: tuple[str, str]) -> Callable[..., Any]:
    module, name = place
    return cast(Callable[..., Any], getattr(import_module(module), name))
