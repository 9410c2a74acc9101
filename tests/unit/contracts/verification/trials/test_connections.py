"""The client of the trials against servers with habits, good and bad."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from maestro.contracts.verification.trials.connections import Connections, NoReply, RawReply
from maestro.errors import InvalidInput

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def head_of(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def asked(
    serve: Serve, *, method: str = "GET", times: int = 1, timeout: float = 5.0
) -> list[RawReply]:
    async def scenario() -> list[RawReply]:
        serving: list[asyncio.Task[None]] = []

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.append(task)
            await serve(reader, writer)
            await writer.wait_closed()

        server = await asyncio.start_server(served, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            connections = Connections(f"http://127.0.0.1:{port}", timeout)
            try:
                return [await connections.request(method, "/x", (), None) for _ in range(times)]
            finally:
                await connections.close()
                await asyncio.gather(*serving)

    return asyncio.run(scenario())


def test_connections_are_kept() -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        try:
            while True:
                await head_of(reader)
                writer.write(b"HTTP/1.1 200 OK\r\nX-One: a\r\nContent-Length: 2\r\n\r\nhi")
        except asyncio.IncompleteReadError:
            writer.close()

    replies = asked(serve, times=3)
    assert [r.content for r in replies] == [b"hi"] * 3
    assert replies[0].headers == {"x-one": "a", "content-length": "2"}
    assert opened == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    assert [r.status for r in asked(serve, times=3)] == [200, 200, 200]


def test_chunks_and_bodies_that_end_with_the_connection() -> None:
    for message in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ):

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes = message
        ) -> None:
            await head_of(reader)
            writer.write(message)
            await writer.drain()
            writer.close()

        (reply,) = asked(serve)
        assert (reply.status, reply.content) == (200, b"hi"), message


def test_a_reply_to_head_has_no_body() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        await reader.read()
        writer.close()

    (reply,) = asked(serve, method="HEAD")
    assert reply.content == b""


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi", "closed the connection"),
        (b"hello, who is there?\r\n\r\n", "no HTTP"),
    ],
)
def test_what_is_no_reply_is_said(message: bytes, told: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(message)
        await writer.drain()
        writer.close()

    with pytest.raises(NoReply, match=told):
        asked(serve)


def test_silence_ends() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(NoReply, match="nothing came"):
        asked(serve, timeout=0.2)


def test_only_http_is_spoken() -> None:
    with pytest.raises(InvalidInput, match="no http"):
        Connections("unix:/tmp/x", 1.0)
