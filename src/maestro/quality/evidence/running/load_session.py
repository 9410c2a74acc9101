"""Puts a started service under load: `python -I load_session.py JOB`; prints what came of it.

Runs as a process of its own in an empty sandbox. JOB is JSON: port, paths, requests, workers,
seconds, reply_seconds.

A closed loop: each worker sends its next request when it has the last one's reply, so figures are
of the service at that many requests at once, not of a given rate. The client is a socket and a
parser and nothing else: on the same processor as the service, its own work counts as waiting.
"""

import asyncio
import itertools
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httptools

MAX_REPLY_BYTES = 5_000_000


class Broken(Exception):
    """No whole reply came; the message is what the request counts as."""


class ArrivingReply:
    """What the parser saw of a reply."""

    def __init__(self) -> None:
        self.size = 0
        self.headed = False
        self.measured = False
        """Whether the reply says how long it is; otherwise the connection's end is its end."""
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.measured |= name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self.headed = True

    def on_body(self, body: bytes) -> None:
        self.size += len(body)

    def on_message_complete(self) -> None:
        self.complete = True


@dataclass(slots=True)
class Caller:
    """One connection, opened again when the service closes it."""

    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> int:
        """The status of the reply, read to its end. Raises Broken, OSError."""
        if self.streams is not None:
            try:
                return await self._get(path, self.streams)
            except (Broken, OSError) as error:
                self.close()
                if str(error) != "closed" and not isinstance(error, OSError):
                    raise  # only a connection that had grown too old is tried again
        self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        return await self._get(path, self.streams)

    async def _get(
        self, path: str, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    ) -> int:
        reader, writer = streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())
        reply = ArrivingReply()
        parser = httptools.HttpResponseParser(reply)
        while not reply.complete:
            data = await reader.read(65536)
            if not data:
                if reply.headed and not reply.measured:
                    break
                raise Broken("cut off" if reply.headed else "closed")
            _feed(parser, data)
            if reply.size > MAX_REPLY_BYTES:
                raise Broken("too large")
        status = int(parser.get_status_code())
        if not reply.complete or not parser.should_keep_alive():
            self.close()
        return status

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


def _feed(parser: httptools.HttpResponseParser, data: bytes) -> None:
    try:
        parser.feed_data(data)
    except httptools.HttpParserError as error:
        raise Broken("not HTTP") from error


@dataclass(slots=True)
class Tally:
    """What every request came to; an error is whatever is no answer from 200 to 399 in time."""

    milliseconds: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    errors: int = 0

    def add(self, seconds: float, outcome: str, *, good: bool) -> None:
        self.milliseconds.append(seconds * 1000)
        self.outcomes[outcome] += 1
        self.errors += not good


async def ask(caller: Caller, path: str, reply_seconds: float, tally: Tally) -> None:
    begin = time.perf_counter()
    good = False
    try:
        async with asyncio.timeout(reply_seconds):
            status = await caller.get(path)
        outcome, good = str(status), 200 <= status < 400
    except (Broken, OSError, TimeoutError) as error:
        caller.close()
        outcome = str(error) if isinstance(error, Broken) else type(error).__name__
    tally.add(time.perf_counter() - begin, outcome, good=good)


async def work(job: dict[str, Any], paths: Iterator[str], end: float, tally: Tally) -> None:
    caller = Caller(int(job["port"]))
    for path in paths:
        if time.monotonic() > end:
            break
        await ask(caller, path, float(job["reply_seconds"]), tally)
    caller.close()


def percentile(ordered: list[float], share: float) -> float:
    """The nearest rank: a value that was really measured."""
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


async def run(job: dict[str, Any]) -> dict[str, Any]:
    forever = time.monotonic() + float(job["seconds"])
    await work(job, iter(job["paths"]), forever, Tally())  # a service's first answers say nothing
    tally, begin = Tally(), time.monotonic()
    wanted = itertools.islice(itertools.cycle(job["paths"]), int(job["requests"]))
    end = begin + float(job["seconds"])
    await asyncio.gather(*(work(job, wanted, end, tally) for _ in range(int(job["workers"]))))
    took = time.monotonic() - begin
    ordered = sorted(tally.milliseconds)
    return {
        "requests": len(ordered),
        "errors": tally.errors,
        "outcomes": dict(tally.outcomes),
        "seconds": round(took, 3),
        "p50": percentile(ordered, 0.50),
        "p95": percentile(ordered, 0.95),
        "p99": percentile(ordered, 0.99),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(run(json.loads(sys.argv[1])))) + "\n")
