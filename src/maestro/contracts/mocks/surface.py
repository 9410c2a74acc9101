"""What the mock server asks of each kind of contract it serves."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from maestro.contracts.mocks.messages import MockReply, MockRequest
from maestro.ports import RecordedCall

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Record = Callable[[RecordedCall], None]
"""Keeps one call as evidence; never blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MockRoute:
    """One thing a mock answers to, for the list a person asks for."""

    protocol: str
    """`http`, `graphql`, `grpc`, `websocket` or `sse`."""
    method: str
    path: str
    """Below the mock's address, base path included."""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MockBehaviour:
    """How every surface of one server makes its replies."""

    seed: int = 0
    dynamic: bool = False
    """Replies are drawn anew for each request instead of being the same for the same request."""
    stateful: bool = True
    demands_credentials: bool = True
    """Where the contract asks for credentials, any of the right shape have to be sent."""
    patience: float = 10.0
    """Seconds for which the head and the body of a request are waited for."""


class MockSurface(Protocol):
    """One contract served to one consumer: an ASGI application with a memory of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers `http` and `websocket` scopes whose path is below one of its `roots`.

        Where roots collide the host serves a surface below a prefix: `path` and `raw_path` come
        without it, `root_path` holds it for whoever writes links.
        """
        ...

    @property
    def roots(self) -> Sequence[str]:
        """Path prefixes it answers, without a slash at the end; `""` is everything."""
        ...

    def routes(self) -> Sequence[MockRoute]: ...

    def specification(self) -> tuple[str, bytes]:
        """Content type and text of what is served, for people and tools."""
        ...

    def reset(self) -> None:
        """Forgets everything that requests have changed."""
        ...


@runtime_checkable
class NotingSurface(Protocol):
    """A surface that has something to say about the contract it serves."""

    def examine(self) -> Iterator[str]:
        """Looks at one part of the contract after the other; yields between them."""
        ...

    def notes(self) -> Sequence[str]:
        """Examples that were replaced and parts that cannot be served, as far as is known."""
        ...


@runtime_checkable
class SharingSurface(Protocol):
    """A surface whose compiled parts further consumers can use."""

    def for_consumer(self, consumer: str) -> MockSurface:
        """The same contract with a memory of its own."""
        ...


Again = Callable[[bytes], bytes | None]
"""Answers a request that is known already, with a Date header of this value: all that is to be
written, None when the request has to be read anew."""
Prompt = tuple[MockReply, Again | None]


@runtime_checkable
class InstantSurface(Protocol):
    """A surface that answers whole requests without waiting for anything, several times as fast.

    Requests with an Origin, a Prefer and the like still come through ASGI.
    """

    def answered_now(self, request: MockRequest, prefix: str, *, returns: bool) -> Prompt | None:
        """The reply, recorded already; None where the request has to come through ASGI.

        Where the very same request `returns`, what answers it from now on stands beside the
        reply: it records the call and is asked each time, so that it may also say None. None
        where nothing can be said in advance.

        `prefix` is where the host has mounted the surface; the path comes without it.
        """
        ...
