"""The service as a server on this machine, until it is told to end."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator

import uvicorn

from maestro.agents.serving.desk import OrderDesk
from maestro.agents.serving.service import application
from maestro.errors import Conflict

LOOPBACK = "127.0.0.1"


async def serve_orders(
    desk: OrderDesk, *, port: int, url: str | None, version: str, tell: Callable[[str], None]
) -> None:
    """Serves on loopback until it is cancelled, telling a person line by line what happens.

    Args:
        port: 0 takes a free one.
        url: what callers reach it at, where that is something else: a proxy in front of it.

    Raises:
        Conflict: the port is taken.
    """
    with contextlib.closing(_listener(port)) as listener:
        own = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        published = (url or own).rstrip("/")
        config = uvicorn.Config(
            application(desk, url=published, version=version, tell=tell),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        for name in sorted(desk.personas):
            tell(f"{name} at {published}/a2a/{name}/.well-known/agent-card.json")
        tell(f"all of them at {published}/.well-known/agent-card.json")
        tell(f"to be added elsewhere with: maestro agents add {published}")
        server = _OrderServer(config)
        task = asyncio.create_task(server.serve([listener]))
        try:
            await asyncio.shield(task)
        finally:
            server.should_exit = True
            await asyncio.wait({task})


class _OrderServer(uvicorn.Server):
    """Signals belong to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port), backlog=128)
    except (OSError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"port {port} of {LOOPBACK} is taken; name another one with --port, or 0 for a "
                "free one"
            ) from error
        raise Conflict(f"port {port} cannot be had: {error}; choose another, or 0") from error
