"""Loopback ports and the names under which services are told each other's addresses."""

import re
import socket
from contextlib import ExitStack

from maestro.errors import SandboxFailed

_TRIES = 50


def free_port(row: int = 1) -> int:
    """The first of `row` loopback TCP ports, one after the other, on which nobody listens now.

    The caller binds them at once. Raises SandboxFailed when there is no such row.
    """
    for _ in range(_TRIES):
        with ExitStack() as held:
            first = _bound(held, 0)
            if first is not None and all(_bound(held, first + n) for n in range(1, row)):
                return first
    raise SandboxFailed(f"no {row} free loopback ports in a row; end what listens on many of them")


def _bound(held: ExitStack, port: int) -> int | None:
    """The port, held until `held` ends; None when somebody has it."""
    probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    try:
        probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        return None
    bound: int = probe.getsockname()[1]
    return bound


def address_variable(component: str) -> str:
    """Environment variable that carries the base URL of a component's API."""
    return "API_URL_" + re.sub(r"[^A-Z0-9]", "_", component.upper())
