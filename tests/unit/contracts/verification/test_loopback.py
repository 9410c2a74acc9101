"""Ports that nobody listens on."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from maestro.contracts.verification.loopback import free_port
from maestro.errors import SandboxFailed


def test_a_row_of_ports_is_free_in_all_its_places() -> None:
    first = free_port(4)
    with ExitStack() as stack:
        for port in range(first, first + 4):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", port))
        assert free_port() not in range(first, first + 4)


def test_a_row_with_a_taken_place_is_not_given() -> None:
    first = free_port(4)
    with socket.socket() as neighbour:
        neighbour.bind(("127.0.0.1", first + 2))
        assert free_port(2, among=range(first, first + 1)) == first
        with pytest.raises(SandboxFailed, match="no 3 free loopback ports in a row"):
            free_port(3, among=range(first, first + 1))


def test_no_port_is_one_that_connections_take() -> None:
    low, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    assert all(free_port() < int(low) for _ in range(50))
