"""The end of a WebSocket whose other side does not read."""

from typing import TYPE_CHECKING

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

LINGER_SECONDS = 20.0
"""In which the other side may still read what was sent to it, and why it was closed."""


class PartingProtocol(WebSocketsSansIOProtocol):
    """Says why it closes also to who has not read yet, and keeps nothing for who never does.

    The protocol itself waits for room before it sends anything, its last word included, and for
    what it has sent to be read before it lets go of a connection.
    """

    async def send(self, message: "ASGISendEvent") -> None:
        if message["type"] == "websocket.close" and not self.writable.is_set():
            self.writable.set()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        await super().send(message)
