"""A request that comes again is answered and recorded as if it had been read anew."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.mocks import creating
from maestro.contracts.mocks.messages import MockRequest
from maestro.contracts.mocks.recording import CallRecorder
from maestro.contracts.mocks.rest import RestSurface
from maestro.contracts.mocks.surface import Again, MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.domain.contract import Contract
from maestro.ports import RecordedCall

SHOP = read_contract(Path(__file__).parents[4] / "examples" / "contracts" / "shop.yaml")
DATE = b"Sat, 01 Jan 2050 00:00:00 GMT"
MOMENT = {"type": "string", "format": "date-time"}
NAMES = {"name": {"type": "string"}, "mail": {"type": "string", "x-unique": True}}
GIVEN = {"type": "object", "required": ["name"], "properties": NAMES}
KEY = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
AREA = {"name": "area", "in": "path", "required": True, "schema": {"type": "string"}}


def content(schema: object, **more: object) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}, **more}


def contract(identity: dict[str, Any], **headers: Any) -> Contract:
    """People below an area, with ids, moments, names nobody else may have."""
    person = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": identity, **NAMES, "created_at": MOMENT},
    }
    paths = {
        "/areas/{area}/people": {
            "parameters": [AREA],
            "post": {
                "requestBody": {"required": True, **content(GIVEN)},
                "responses": {"201": content(person, headers=headers), "409": content(True)},
            },
            "get": {"responses": {"200": content({"type": "array", "items": person})}},
        },
        "/areas/{area}/people/{id}": {
            "parameters": [AREA, KEY],
            "get": {"responses": {"200": content(person), "404": content(True)}},
            "patch": {
                "requestBody": {"required": True, **content({**GIVEN, "required": []})},
                "responses": {"200": content(person), "404": content(True)},
            },
            "delete": {"responses": {"204": {"description": ""}, "404": content(True)}},
        },
    }
    info = {"title": "People", "version": "1"}
    specification = {
        "openapi": "3.1.0", "info": info, "servers": [{"url": "/api"}], "paths": paths,
    }  # fmt: skip
    return replace(SHOP, specification=specification)


class Asking:
    """Somebody who asks a surface, with or without what is known of requests and addresses."""

    def __init__(self, made: Contract, *, remembers: bool = False, forgets: bool = False) -> None:
        self.recorder = CallRecorder()
        self.surface = RestSurface(made, MockBehaviour(), self.recorder)
        self.answered_again = 0
        self._remembers = remembers
        self._forgets = forgets
        self._known: dict[str, Again] = {}

    def ask(self, line: str, body: bytes = b"") -> bytes:
        if self._forgets:
            self.surface.api.forget_asked()
        again = self._known.get(f"{line} {body!r}")
        reply = again(DATE) if again is not None else None
        if reply is not None:
            self.answered_again += 1
            return reply
        method, path = line.split()
        headers = {b"accept": b"*/*", b"content-type": b"application/json"}
        request = MockRequest(method, "/api" + path, "", headers, body)
        prompt = self.surface.answered_now(request, "", returns=self._remembers)
        assert prompt is not None
        if prompt[1] is not None:
            self._known[f"{line} {body!r}"] = prompt[1]
        return prompt[0].whole(DATE)

    def calls(self) -> list[RecordedCall]:
        return [
            replace(call, at=datetime(2050, 1, 1, tzinfo=UTC)) for call in self.recorder.calls()
        ]


ANN, BEA = b'{"name": "Ann"}', b'{"name": "Bea", "mail": "b@example.org"}'
LINES = [
    *[("POST /areas/a%20b/people", ANN)] * 4,
    *[("POST /areas/c/people", BEA)] * 3,
    *[("GET /areas/c/people", b"")] * 3,
    *[("GET /areas/c/people/5", b"")] * 3,
    *[("PATCH /areas/c/people/5", b'{"name": "Bee"}')] * 3,
    ("GET /areas/c/people/5", b""),
    ("GET /areas/c/people", b""),
    *[("DELETE /areas/c/people/5", b"")] * 3,
    *[("GET /areas/c/people/5", b"")] * 3,
    *[("POST /areas/c/people", BEA)] * 3,
    ("POST /areas/a%20b/people", ANN),
    ("GET /areas/a%20b/people", b""),
]  # fmt: skip
NUMBER = {"type": "integer", "minimum": 1, "readOnly": True}
TOTAL = {"required": True, "schema": {"type": "integer", "const": 7}}


@pytest.mark.parametrize(
    ("identity", "headers"),
    [
        (NUMBER, {}),
        (NUMBER, {"X-Total": TOTAL, "Location": {"required": True, "schema": {"const": "/"}}}),
        ({"type": "integer", "maximum": 3}, {}),
        ({"type": "string", "format": "uuid"}, {}),
    ],
)
def test_nothing_tells_whether_a_request_was_read(
    identity: dict[str, Any], headers: dict[str, Any]
) -> None:
    made = contract(identity, **headers)
    plain, placed, knowing = everybody = (
        Asking(made, forgets=True), Asking(made), Asking(made, remembers=True),
    )  # fmt: skip
    for round_ in range(2):
        for line, body in LINES:
            replies = {asking.ask(line, body) for asking in everybody}
            assert len(replies) == 1, (round_, line, replies)
        for asking in everybody:
            asking.surface.reset()
    assert plain.calls() == placed.calls() == knowing.calls()
    assert (plain.answered_again, placed.answered_again) == (0, 0)
    assert knowing.answered_again > len(LINES)
    statuses = {call.status for call in knowing.calls()}
    assert statuses >= {200, 201, 404, 409}


def test_what_was_refused_first_may_be_taken_later() -> None:
    asking = Asking(contract(NUMBER), remembers=True)
    asking.ask("POST /areas/c/people", b'{"name": "Ann", "mail": "b@example.org"}')
    for expected in (b"409", b"409"):
        assert asking.ask("POST /areas/c/people", BEA).split()[1] == expected
    asking.ask("DELETE /areas/c/people/1")
    assert asking.ask("POST /areas/c/people", BEA).split()[1] == b"201"
    assert [call.status for call in asking.recorder.calls()] == [201, 409, 409, 204, 201]


def test_what_comes_again_finds_no_room_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "MAX_ENTRIES", 5)
    asking = Asking(contract(NUMBER), remembers=True)
    statuses = [asking.ask("POST /areas/c/people", ANN).split()[1] for _ in range(7)]
    assert statuses == [b"201"] * 5 + [b"507"] * 2
    assert asking.answered_again == 6
    assert [call.valid for call in asking.recorder.calls()] == [True] * 5 + [False] * 2
