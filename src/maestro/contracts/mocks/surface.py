"""What the mock server asks of each kind of contract it serves."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class MockSurface(Protocol):
    """One contract served to one consumer: an ASGI application with a memory of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers `http` and `websocket` scopes whose path is below one of its `roots`."""
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
