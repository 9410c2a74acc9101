"""Gives consumers a mock of what they build on, for exactly as long as they work."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.interfaces.placing import placed_stub
from maestro.contracts.mocks.kinds import is_served_beside
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput
from maestro.ports import MockServer, RecordedCall

_BEHAVIOUR = MockBehaviour(demands_credentials=False)
"""What is built in a run sends no credentials unless its requirement says so."""


class LiveMockProvider:
    """One server, one port and one memory for each consumer; of interfaces a module to import."""

    @asynccontextmanager
    async def serve(
        self, contract: Contract, *, consumer: str, folder: Path | None = None
    ) -> AsyncIterator[MockServer]:
        """Listens before it yields and has let go of the port when it returns.

        Raises:
            InvalidInput: a contract of a kind that has no mock, or one that cannot be read.
        """
        if contract.format is SpecificationFormat.INTERFACE:
            if folder is None:
                raise InvalidInput(
                    f"contract {contract.id!r} is an interface: say in which folder "
                    f"{consumer!r} works, so that its stub can be put there"
                )
            async with placed_stub(contract, folder, consumer=consumer) as stub:
                yield stub
            return
        async with _Served(contract, consumer) as server:
            yield server


class _Served:
    """A mock as its consumer's step sees it."""

    def __init__(self, contract: Contract, consumer: str) -> None:
        self._consumer = consumer
        self._host = MockHost([contract], behaviour=_BEHAVIOUR, consumer=consumer)
        self._earlier: list[RecordedCall] = []
        self._seen_earlier = 0
        self._url = ""

    async def __aenter__(self) -> Self:
        await self._listen(self._host)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._host.__aexit__(kind, error, trace)

    async def _listen(self, host: MockHost) -> None:
        await host.__aenter__()
        ((contract, address),) = host.addresses()[:1]
        self._host, self._url = host, address
        if len(host.addresses()) > 1:
            self._url = host.url
        if is_served_beside(contract):
            self._url = f"{contract.kind.value}://{address}"

    @property
    def url(self) -> str:
        return self._url

    @property
    def port(self) -> int:
        return int(self._url.partition("://")[2].partition("/")[0].rpartition(":")[2])

    @property
    def environment(self) -> Mapping[str, str]:
        return {}

    def calls(self) -> Sequence[RecordedCall]:
        return [*self._earlier, *self._host.calls()]

    def seen(self) -> int:
        return self._seen_earlier + self._host.seen()

    async def go_on_with(self, contract: Contract) -> None:
        port, before = self.port, self._host
        await before.__aexit__(None, None, None)
        earlier = await asyncio.to_thread(before.calls)
        self._earlier += earlier
        self._seen_earlier += before.seen()
        beside = is_served_beside(contract)
        again = MockHost(
            [contract],
            behaviour=_BEHAVIOUR,
            consumer=self._consumer,
            port=0 if beside else port,
            beside_port=port if beside else 0,
        )
        self._host = again  # which has no calls yet, so that none counts twice
        await self._listen(again)
