"""Loopback ports for programs that are about to be started."""

import random
import socket
from contextlib import ExitStack

from maestro.errors import SandboxFailed

_TRIES = 100
_PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives out by itself: every connection that somebody opens takes one of
those, and between looking and binding it may be the very one that was looked at."""


def free_port(row: int = 1, among: range = _PORTS) -> int:
    """The first of `row` loopback TCP ports, one after the other, on which nobody listens now.

    The caller binds them at once. Raises SandboxFailed when there is no such row.
    """
    for _ in range(_TRIES):
        first = random.SystemRandom().choice(among)
        with ExitStack() as held:
            if all(_bound(held, first + place) for place in range(row)):
                return first
    raise SandboxFailed(f"no {row} free loopback ports in a row; end what listens on many of them")


def _bound(held: ExitStack, port: int) -> bool:
    """Whether nobody has the port; it is held until `held` ends."""
    probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    try:
        probe.bind(("127.0.0.1", port))
    except (OSError, OverflowError):
        return False
    return True
