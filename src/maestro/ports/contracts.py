"""Mocks and verification."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from maestro.domain.contract import Contract, Verification
from maestro.domain.values import JsonValue
from maestro.ports.agents import Report
from maestro.ports.sandboxes import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One call a consumer made on a mock: evidence, and replayable against the provider."""

    at: datetime
    method: str
    path: str
    operation: str
    """`GET /tasks/{task_id}`, or empty when no operation matched."""
    status: int
    valid: bool
    """Whether the request kept to the contract."""
    problem: str = ""
    request_body: JsonValue = None
    query: str = ""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters; credentials are left out."""
    reply_body: JsonValue = None
    contract: str = ""
    consumer: str = ""
    protocol: str = "http"
    """`http`, `graphql`, `grpc`, `websocket`, `sse` or `bus`."""
    version: str = ""
    """Of the contract as the mock served it; empty in records that do not say."""


class MockServer(Protocol):
    @property
    def url(self) -> str:
        """Base URL including the contract's base path, without a trailing slash;
        `grpc://HOST:PORT` for gRPC, empty for what is imported.
        """
        ...

    @property
    def port(self) -> int:
        """0 for what is imported."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the consumer's programs need besides the address."""
        ...

    def calls(self) -> Sequence[RecordedCall]:
        """The last ones, all where there were not very many. May block."""
        ...

    def seen(self) -> int:
        """How many calls there were in all. May block."""
        ...

    async def go_on_with(self, contract: Contract) -> None:
        """Starts again with another version, at the same port; earlier calls stay recorded."""
        ...


class MockProvider(Protocol):
    def serve(
        self, contract: Contract, *, consumer: str, folder: Path | None = None
    ) -> AbstractAsyncContextManager[MockServer]:
        """Serves the contract on a free loopback port of its own until left.

        What is imported instead of called lies below `folder`, the consumer's work tree, as long.

        Raises InvalidInput for a contract that cannot be served.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationTarget:
    """The really built thing a contract is held against."""

    description: str
    sandbox: Sandbox
    """Its root holds the provider's files."""
    url: str | None = None
    """Where the really started provider answers, base path included."""
    port: int | None = None
    not_built: tuple[str, ...] = field(default=())
    """Operations (`GET /x`) the provider declared as answering 501."""
    replay: tuple[RecordedCall, ...] = ()
    """Calls that consumers made on the mock."""


class ContractVerifier(Protocol):
    """Tests a built thing against its contract, really."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput when the target is one of our own mocks."""
        ...
