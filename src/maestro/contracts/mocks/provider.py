"""Serves contracts over real HTTP: one server, one port and one memory for each consumer."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.kinds import is_served_beside
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput
from maestro.ports import MockServer, RecordedCall

_BEHAVIOUR = MockBehaviour(demands_credentials=False)
"""What is built in a run sends no credentials unless its requirement says so."""


class HttpMockProvider:
    """The mock provider of every contract that is served over HTTP."""

    @asynccontextmanager
    async def serve(self, contract: Contract, *, consumer: str) -> AsyncIterator[MockServer]:
        """Listens before it yields and has let go of the port when it returns.

        Raises:
            InvalidInput: a contract of a kind that HTTP does not carry, or one that cannot be
                read.
        """
        if is_served_beside(contract):
            raise InvalidInput(
                f"contract {contract.id!r} is {contract.kind.value!r}, which HTTP does not carry; "
                f"{consumer!r} has to work without a mock of it"
            )
        async with MockHost([contract], behaviour=_BEHAVIOUR, consumer=consumer) as host:
            yield _Served(host)


class _Served:
    """A mock as its consumer's step sees it."""

    def __init__(self, host: MockHost) -> None:
        self._host = host

    @property
    def url(self) -> str:
        addresses = [address for _, address in self._host.addresses()]
        return addresses[0] if len(addresses) == 1 else self._host.url

    @property
    def port(self) -> int:
        return self._host.port

    def calls(self) -> Sequence[RecordedCall]:
        return self._host.calls()
