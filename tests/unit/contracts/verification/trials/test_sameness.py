"""Races show only now and then, so what is made at once is made at once several times."""

import asyncio
import json
from typing import Any

import pytest

from maestro.contracts.openapi.document import from_object
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.bodies import BodyMaker
from maestro.contracts.verification.trials.connections import Connections
from maestro.contracts.verification.trials.lab import Lab
from maestro.contracts.verification.trials.sameness import AT_ONCE, ids_differ
from maestro.contracts.verification.trials.wire import Complaint, Wire

THING: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name"],
    "properties": {"id": {"type": "integer", "readOnly": True}, "name": {"type": "string"}},
}
JSON = {"content": {"application/json": {"schema": THING}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "paths": {
        "/things": {
            "post": {
                "requestBody": {"required": True, **JSON},
                "responses": {"201": {"description": "Made.", **JSON}},
            }
        },
        "/things/{id}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
                ],
                "responses": {"200": {"description": "There.", **JSON}},
            }
        },
    },
}


class Provider:
    """Makes entries, and once two with the same id; the later one stands under it."""

    def __init__(self, *, twin: int) -> None:
        self._twin = twin
        self._made = 0
        self._stored: dict[int, Any] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b" ", 2)
                if method == b"POST":
                    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                    status, entry = b"201 Created", self._create(await reader.readexactly(size))
                else:
                    status, entry = b"200 OK", self._stored[int(path.rpartition(b"/")[2])]
                body = json.dumps(entry).encode()
                kind = b"content-type: application/json\r\ncontent-length: %d" % len(body)
                writer.write(b"HTTP/1.1 %s\r\n%s\r\n\r\n%s" % (status, kind, body))
        except asyncio.IncompleteReadError:
            writer.close()

    def _create(self, body: bytes) -> Any:
        self._made += 1
        number = self._made - (self._made == self._twin)
        self._stored[number] = {**json.loads(body), "id": number}
        return self._stored[number]


def tried(provider: Provider) -> None:
    async def scenario() -> None:
        serving: list[asyncio.Task[None]] = []

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.append(task)
            await provider.serve(reader, writer)
            await writer.wait_closed()

        async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            connections = Connections(url, 5.0)
            api = ApiUnderTest(from_object(DOCUMENT))
            try:
                [resource] = api.resources
                lab = Lab(api, Wire(api, url, connections), BodyMaker(api, first=1))
                await ids_differ(lab, resource)
            finally:
                await connections.close()
                await asyncio.gather(*serving)

    asyncio.run(scenario())


def test_ids_of_their_own_are_no_finding() -> None:
    tried(Provider(twin=0))


@pytest.mark.parametrize("burst", [1, 3])
def test_a_shared_id_is_found_in_whichever_burst_it_comes(burst: int) -> None:
    with pytest.raises(Complaint) as found:
        tried(Provider(twin=burst * AT_ONCE))
    assert found.value.finding.rule == "ids_differ"
    assert found.value.finding.seen.startswith(f"{AT_ONCE - 1} ids")
