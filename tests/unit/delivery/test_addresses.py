"""Ports that nobody listens on."""

import socket
from contextlib import ExitStack

import pytest

from maestro.delivery.addresses import address_variable, free_port
from maestro.errors import SandboxFailed


def test_a_row_of_ports_is_free_in_all_its_places() -> None:
    first = free_port(4)
    with ExitStack() as stack:
        for port in range(first, first + 4):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", port))
        assert free_port() not in range(first, first + 4)


def test_a_row_with_a_taken_place_is_not_given() -> None:
    """Every second port of a stretch is taken, so no row of two fits between them."""
    with ExitStack() as stack:
        taken = set()
        for _ in range(200):
            probe = stack.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            taken.add(probe.getsockname()[1])
        for _ in range(50):
            first = free_port(3)
            assert not taken & {first, first + 1, first + 2}


def test_no_row_at_all_is_told() -> None:
    with pytest.raises(SandboxFailed, match="no 70000 free loopback ports"):
        free_port(70_000)


def test_the_name_of_an_address() -> None:
    assert address_variable("order-service") == "API_URL_ORDER_SERVICE"
