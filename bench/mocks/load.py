"""The load: one process, a number of connections, the same request again and again.

Prints one line of JSON. Replies of another status than the wanted one count as wrong.
"""

import argparse
import asyncio
import base64
import json
import os
import sys
import time
from typing import Any

import uvloop

from bench.mocks.documents import COUNTED

_CORE = 1
"""The core it keeps to, where there is more than one."""


class _Connection(asyncio.Protocol):
    """Sends the next request when the reply to the last one is complete."""

    def __init__(self, request: bytes, status: bytes, tally: "_Tally") -> None:
        self._before, self._mark, self._after = request.partition(COUNTED)
        self._wanted = b"HTTP/1.1 " + status
        self._tally = tally
        self._transport: Any = None
        self._begin = 0.0
        self._parts = b""
        self._missing = -1

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.lost += not self._tally.over

    def _send(self) -> None:
        self._begin = time.perf_counter()
        if self._mark:
            self._tally.sent += 1
            self._transport.write(b"%s%08d%s" % (self._before, self._tally.sent, self._after))
        else:
            self._transport.write(self._before)

    def data_received(self, data: bytes) -> None:
        self._parts = self._parts + data if self._parts else data
        if not _complete(self._parts):
            return
        tally = self._tally
        tally.taken.append(time.perf_counter() - self._begin)
        if not self._parts.startswith(self._wanted):
            tally.wrong += 1
            tally.sample = self._parts[:300]
        self._parts = b""
        if not tally.over:
            self._send()


def _complete(reply: bytes) -> bool:
    end = reply.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = reply[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        return reply.endswith(b"0\r\n\r\n")
    stop = head.find(b"\r\n", at)
    length = int(head[at + 15 : stop if stop > 0 else end])
    return len(reply) >= end + 4 + length


class _Tally:
    def __init__(self) -> None:
        self.taken: list[float] = []
        self.wrong = 0
        self.lost = 0
        self.over = False
        self.sent = 0
        self.sample = b""


async def _run(told: argparse.Namespace) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    request = base64.b64decode(told.request)
    tally = _Tally()
    status = str(told.status).encode()
    begin = time.perf_counter()
    connections = [
        await loop.create_connection(
            lambda: _Connection(request, status, tally), "127.0.0.1", told.port
        )
        for _ in range(told.connections)
    ]
    await asyncio.sleep(told.seconds)
    tally.over = True
    seconds = time.perf_counter() - begin
    for transport, _ in connections:
        transport.close()
    taken = sorted(tally.taken)
    return {
        "requests": len(taken),
        "seconds": seconds,
        "wrong": tally.wrong,
        "lost": tally.lost,
        "p50_ms": 1000 * taken[len(taken) // 2] if taken else None,
        "p99_ms": 1000 * taken[int(len(taken) * 0.99)] if taken else None,
        "sample": tally.sample.decode("latin-1"),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--request", required=True, help="base64 of the request's bytes")
    parser.add_argument("--status", type=int, required=True)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, required=True)
    told = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > _CORE:
        os.sched_setaffinity(0, {cores[_CORE]})
    sys.stdout.write(json.dumps(uvloop.run(_run(told))) + "\n")


if __name__ == "__main__":
    main()
