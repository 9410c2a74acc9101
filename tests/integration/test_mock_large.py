"""Documents as large as the largest public ones are served lazily."""

import asyncio
import json
from pathlib import Path

import httpx

from bench.mocks.documents import large
from maestro.contracts.mocks.compiling import ServedApi
from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.rest import RestSurface
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract


def test_a_document_of_twelve_hundred_operations(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(json.dumps(large(1_200)))
    contract = read_contract(file)

    async def run() -> None:
        async with MockHost([contract]) as host:
            async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
                thing = {"id": 1, "name": "a", "made_at": "2030-01-01T00:00:00Z"}
                for number in (0, 150, 299):
                    path = f"/areas/north/things{number}"
                    made = await client.post(path, json=thing)
                    assert made.status_code == 201, made.text
                    got = await client.get(made.headers["location"])
                    assert got.json()["name"] == "a"
                    assert [e["name"] for e in (await client.get(path)).json()] == ["a"]
                    assert (await client.get(path.replace("north", "south"))).json() == []
                    assert (await client.get(f"{path}?limit=101")).status_code == 422
                    assert (await client.delete(made.headers["location"])).status_code == 204
                assert (await client.get("/areas/a/things300")).status_code == 404
                told = (await client.get("/__maestro/routes")).json()
                assert len(told["routes"]) == 1_200

    asyncio.run(run())


def test_only_what_is_called_is_compiled(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_text(json.dumps(large(400)))
    contract = read_contract(file)
    api = ServedApi(contract, MockBehaviour())
    surface = RestSurface(contract, MockBehaviour(), lambda call: None, api=api)
    assert len(surface.routes()) == 400
    assert api.compiled == 0
    match = api.find("/areas/a/things7/1")
    assert match is not None
    api.ready(match.methods["GET"])
    assert api.compiled == 1
    assert len(list(api.examine())) == 400
    assert (api.compiled, api.notes()) == (1, ())
