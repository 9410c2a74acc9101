"""Loopback ports and the names under which services are told each other's addresses."""

import re
import socket


def free_port() -> int:
    """A loopback TCP port nobody listens on now. The caller binds it at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def address_variable(component: str) -> str:
    """Environment variable that carries the base URL of a component's API."""
    return "API_URL_" + re.sub(r"[^A-Z0-9]", "_", component.upper())
