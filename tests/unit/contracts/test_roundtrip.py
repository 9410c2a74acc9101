"""A round trip sees what a provider of a foreign document does wrong."""

import asyncio
from typing import Any

import pytest

from maestro.contracts.openapi import from_object
from maestro.contracts.roundtrip import NotAsPromised, ProviderReply, live_through, resource_of
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

ITEM = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "born": {"type": "string", "format": "date-time"},
    },
}
OK = {"description": "", "content": {"application/json": {"schema": ITEM}}}
LIST = {
    "description": "",
    "content": {"application/json": {"schema": {"type": "array", "items": ITEM}}},
}
BODY = {"content": {"application/json": {"schema": ITEM}}}
SOURCE: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/pets": {
            "get": {
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 50}}
                ],
                "responses": {"200": LIST},
            },
            "post": {"requestBody": BODY, "responses": {"201": OK}},
        },
        "/pets/{petId}": {
            "get": {"responses": {"200": OK}},
            "patch": {"requestBody": BODY, "responses": {"200": OK}},
            "delete": {"responses": {"204": {"description": ""}}},
        },
    },
}


class ScriptedProvider:
    """Keeps pets, with one defect."""

    def __init__(self, defect: str = "") -> None:
        self.defect = defect
        self.pets: dict[int, dict[str, Any]] = {}
        self.asked: list[str] = []

    async def __call__(self, method: str, path: str, body: JsonValue) -> ProviderReply:
        self.asked.append(f"{method} {path}")
        if path.startswith("/pets/"):
            return self._one(method, int(path.removeprefix("/pets/")), body)
        if method == "GET":
            pets = [] if self.defect == "list forgets" else list(self.pets.values())
            return ProviderReply(status=200, value=pets)
        assert "id" not in body
        if self.defect == "refuses":
            return ProviderReply(status=422, value={"detail": "no"})
        stored = {**body, "id": 7}
        if self.defect == "loses a field":
            del stored["name"]
        if self.defect == "other spelling of a time":
            stored["born"] = stored["born"].replace("Z", "+00:00")
        self.pets[7] = stored
        location = "/pets/7" if self.defect == "only a location" else ""
        value = {"no": "id"} if self.defect in ("no id", "only a location") else stored
        return ProviderReply(status=201, value=value, location=location)

    def _one(self, method: str, number: int, body: JsonValue) -> ProviderReply:
        if number not in self.pets:
            return ProviderReply(status=404, value=None)
        if method == "PATCH" and self.defect != "change is lost":
            self.pets[number].update(body)
        if method == "DELETE":
            if self.defect != "delete does nothing":
                del self.pets[number]
            return ProviderReply(status=204, value=None)
        return ProviderReply(status=200, value=self.pets[number])


def live(provider: ScriptedProvider, *not_built: str) -> tuple[str, ...]:
    document = from_object(SOURCE)
    pet = resource_of(document, "pet")
    return asyncio.run(live_through(document, pet, provider, not_built=frozenset(not_built)))


@pytest.mark.parametrize("defect", ["", "other spelling of a time", "only a location"])
def test_a_correct_provider(defect: str) -> None:
    provider = ScriptedProvider(defect)
    assert live(provider) == (
        "POST /pets",
        "GET /pets/{petId}",
        "GET /pets",
        "PATCH /pets/{petId}",
        "DELETE /pets/{petId}",
    )
    assert "GET /pets?limit=50" in provider.asked


@pytest.mark.parametrize(
    ("defect", "operation"),
    [
        ("refuses", "POST /pets"),
        ("no id", "POST /pets"),
        ("loses a field", "GET /pets/{petId}"),
        ("list forgets", "GET /pets"),
        ("change is lost", "GET /pets/{petId}"),
        ("delete does nothing", "GET /pets/{petId}"),
    ],
)
def test_defects_are_found(defect: str, operation: str) -> None:
    with pytest.raises(NotAsPromised) as problem:
        live(ScriptedProvider(defect))
    assert problem.value.operation == operation


def test_what_is_not_built_is_left_out() -> None:
    provider = ScriptedProvider("list forgets")
    assert "GET /pets" not in live(provider, "GET /pets", "PATCH /pets/{petId}")
    with pytest.raises(InvalidInput, match="are needed for a round trip"):
        live(provider, "POST /pets")


def test_unknown_resources_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no resource 'cat'; it has pet"):
        resource_of(from_object(SOURCE), "cat")
