"""Used again, such a socket is of no use, even where nobody decides on what is done with it."""

import ctypes
import os
import socket
from collections.abc import Iterator

import pytest

from maestro.agents.sandboxes import host_sockets

FAMILIES = [socket.AF_INET, socket.AF_INET6]
SECONDS = 0.3


pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="some kernels keep filters to root")


@pytest.fixture
def named() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


@pytest.fixture
def unnamed() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        yield one


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _loopback(family: int) -> str:
    return "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"


def _port(one: socket.socket) -> int:
    return int(one.getsockname()[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connected_one_speaks_with_its_port_and_with_no_other(
    family: int, named: socket.socket, unnamed: socket.socket
) -> None:
    with host_sockets.connected(family, _port(named)) as one:
        with named.accept()[0] as other:
            one.sendall(b"there")
            assert other.recv(10) == b"there"
            other.sendall(b"back")
            assert one.recv(10) == b"back"
        assert ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16) == 0  # taken apart
        one.settimeout(SECONDS)
        with pytest.raises(TimeoutError):
            one.connect((_loopback(family), _port(unnamed)))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bound_one_takes_connections_and_makes_none(family: int, unnamed: socket.socket) -> None:
    port = _free_port()
    with host_sockets.bound(family, port) as one:
        one.listen()
        with socket.create_connection(("127.0.0.1", port), 5) as caller, one.accept()[0] as taken:
            caller.sendall(b"there")
            assert taken.recv(10) == b"there"
            taken.sendall(b"back")
            assert caller.recv(10) == b"back"
    with host_sockets.bound(family, _free_port()) as one:
        one.settimeout(SECONDS)
        with pytest.raises(TimeoutError):
            one.connect((_loopback(family), _port(unnamed)))


def test_the_filter_stays_and_no_other_device_is_taken(named: socket.socket) -> None:
    with host_sockets.connected(socket.AF_INET, _port(named)) as one:
        with pytest.raises(PermissionError):
            one.setsockopt(socket.SOL_SOCKET, 27, 0)  # SO_DETACH_FILTER
        device = one.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
        assert device.rstrip(b"\0") == b"lo"


def test_sockets_of_one_network_are_told_to_be(
    named: socket.socket, unnamed: socket.socket
) -> None:
    assert host_sockets.network_of(named) == host_sockets.network_of(unnamed) != 0
