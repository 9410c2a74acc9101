"""A service that knows vulnerabilities, on loopback; answers as OSV does."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KNOWN: Mapping[tuple[str, str], str] = {
    ("pyyaml", "5.3"): "GHSA-6757-jp84-gxfx",
    ("markupsafe", "1.0"): "TEST-2026-0001",
}


@contextmanager
def advisory_service(
    known: Mapping[tuple[str, str], str] = KNOWN, *, status: int = 200
) -> Iterator[str]:
    """The address to ask."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked = (question["package"]["name"], question["version"])
            reply: dict[str, Any] = (
                {"vulns": [_advisory(known[asked], asked[0])]} if asked in known else {}
            )
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keeps the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1/query"
        finally:
            server.shutdown()
            thread.join()


def _advisory(name: str, package: str) -> dict[str, Any]:
    affected = {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": []}
    return {"id": name, "summary": "planted", "affected": [affected]}
