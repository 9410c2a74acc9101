"""The floor under every mock in one process: sockets that answer with bytes that are ready.

Nothing of a request is looked at but its first letter; no header is read, nothing is checked and
nothing kept. What it reaches is what the machine's loopback and the event loop leave to a server.
"""

import asyncio
import sys
from typing import Any

import uvloop

from bench.mocks.documents import EXAMPLE_BODY


class _Floor(asyncio.Protocol):
    _transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(_CREATED if data.startswith(b"P") else _FOUND)


def _reply(status: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(EXAMPLE_BODY)) + EXAMPLE_BODY


_FOUND = _reply(b"200 OK")
_CREATED = _reply(b"201 Created")


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Floor, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
