"""A small clinic in memory that keeps to clinic.yaml.

python clinic.py PORT [--broken | --refusing]

`--broken` makes it forget what it stores, `--refusing` answer that it lists no visits.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PETS: dict[int, dict[str, Any]] = {}
VISITS: list[dict[str, Any]] = []
BROKEN = "--broken" in sys.argv
REFUSING = "--refusing" in sys.argv


class Clinic(BaseHTTPRequestHandler):
    def answer(self, status: int, value: object = None) -> None:
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"null")

    def parts(self) -> list[str]:
        return self.path.split("?")[0].removeprefix("/api/").split("/")

    def do_GET(self) -> None:
        parts = self.parts()
        if parts == ["pets"]:
            self.answer(200, list(PETS.values()))
        elif parts == ["visits"] and REFUSING:
            self.answer(501, {"detail": "not built"})
        elif parts == ["visits"]:
            self.answer(200, {"data": VISITS})
        elif parts[0] == "pets" and int(parts[1]) in PETS:
            self.answer(200, PETS[int(parts[1])])
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        body = self.body()
        if self.parts() == ["visits"]:
            VISITS.append(body)
            self.answer(204 if {"pet", "day"} <= body.keys() else 400)
        elif {"name", "photoUrls"} <= body.keys():
            pet = {**body, "id": len(PETS) + 1}
            if not BROKEN:
                PETS[pet["id"]] = pet
            self.answer(201, pet)
        else:
            self.answer(400, {})

    def do_PUT(self) -> None:
        pet = {**self.body(), "id": int(self.parts()[1])}
        PETS[pet["id"]] = pet
        self.answer(200, pet)

    def do_DELETE(self) -> None:
        found = PETS.pop(int(self.parts()[1]), None)
        self.answer(404 if found is None else 204, None)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Keeps the test's output readable."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Clinic)
    server.serve_forever()
