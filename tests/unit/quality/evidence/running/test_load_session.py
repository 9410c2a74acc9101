"""What a request under load comes to, whatever the service sends."""

import asyncio
from collections.abc import Sequence

import pytest

from maestro.quality.evidence.running.load_session import percentile, run

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def told(replies: Sequence[bytes], *, requests: int, reply_seconds: float = 5.0) -> dict[str, int]:
    """Outcomes of requests to a service that gives these replies in turn, each once, the last one
    for ever; an empty one closes the connection, None of it answers.
    """

    async def measure() -> dict[str, int]:
        left = list(replies)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while await reader.readuntil(b"\r\n\r\n"):
                    reply = left.pop(0) if len(left) > 1 else left[0]
                    writer.write(reply)
                    await writer.drain()
                    if b"content-length" not in reply:
                        break
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            job = {
                "port": server.sockets[0].getsockname()[1],
                "paths": ["/boats"],
                "requests": requests,
                "workers": 1,
                "seconds": 20.0,
                "reply_seconds": reply_seconds,
            }
            found = await run(job)
        assert found["requests"] == requests
        assert found["errors"] == sum(n for key, n in found["outcomes"].items() if key != "200")
        outcomes: dict[str, int] = found["outcomes"]
        return outcomes

    return asyncio.run(measure())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "500"),
        (b"HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\n[]", "404"),
        (b"SMTP ready\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc", "cut off"),
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 6_000_000, "too large"),
    ],
)
def test_what_is_no_good_answer_is_an_error(reply: bytes, outcome: str) -> None:
    assert told([EMPTY, reply], requests=2) == {outcome: 2}


def test_a_reply_that_ends_with_its_connection_is_whole() -> None:
    assert told([b"HTTP/1.0 200 OK\r\n\r\nharbour"], requests=3) == {"200": 3}


def test_an_answer_that_does_not_come_is_an_error() -> None:
    half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
    assert told([EMPTY, half], requests=1, reply_seconds=0.2) == {"TimeoutError": 1}


def test_figures_are_values_that_were_measured() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7.0
