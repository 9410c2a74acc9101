"""A receiver of webhooks on loopback, which checks signatures by a code of its own."""

import base64
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    """One request as it came."""

    id: str
    timestamp: str
    signatures: tuple[str, ...]
    body: bytes
    path: str

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    def signed_with(self, secret: str) -> bool:
        """As the Standard Webhooks specification says it."""
        key = base64.b64decode(secret[len("whsec_") :])
        content = b".".join([self.id.encode(), self.timestamp.encode(), self.body])
        wanted = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
        return f"v1,{wanted}" in self.signatures


@dataclass
class Receiver:
    url: str
    told: list[Told] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    """Taken one by one; 204 when there are none."""
    location: str = "http://127.0.0.1:1/"
    """Where an answer of 302 points to."""

    def ids(self) -> list[str]:
        return [one.id for one in self.told]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.told.append(
                Told(
                    id=self.headers["webhook-id"],
                    timestamp=self.headers["webhook-timestamp"],
                    signatures=tuple(self.headers["webhook-signature"].split(" ")),
                    body=body,
                    path=self.path,
                )
            )
            status = made.answers.pop(0) if made.answers else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", made.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "http" if tls is None else "https"
    made = Receiver(url=f"{scheme}://127.0.0.1:{server.server_address[1]}/hooks")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
