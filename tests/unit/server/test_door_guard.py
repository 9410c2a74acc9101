"""What the guard does before anything answers."""

import asyncio
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from maestro.bootstrap import connect
from maestro.delivery.key_desk import KeyDesk
from maestro.domain.access import AccessRole
from maestro.domain.moments import moment
from maestro.errors import InvalidInput
from maestro.server.access import Recognition
from maestro.server.guard import GuardSettings, RequestGuard
from maestro.server.metrics import ServerFigures
from maestro.server.rates import Buckets, Rate
from maestro.server.routes.reading import from_cursor, to_cursor
from maestro.server.serving import ServeOptions
from maestro.server.telling import redacted
from maestro.settings import Settings


def test_a_bucket_empties_and_tells_for_how_long() -> None:
    buckets = Buckets(Rate(per_second=0.001, burst=2))
    assert [buckets.take("ann"), buckets.take("ann")] == [0.0, 0.0]
    assert buckets.take("ann") > 900
    assert buckets.take("bob") == 0.0


def test_a_bucket_of_somebody_forgotten_is_full_again() -> None:
    buckets = Buckets(Rate(per_second=0.001, burst=1), most=1)
    assert buckets.take("ann") == 0.0
    assert buckets.take("bob") == 0.0
    assert buckets.take("ann") == 0.0


def test_cursors_come_back_as_they_were() -> None:
    assert from_cursor(to_cursor("2026-01-01", "run-1"), str, str) == ["2026-01-01", "run-1"]
    for wrong in ("", "x", "é", to_cursor(1), to_cursor("a"), "W10", "bnVsbA"):
        with pytest.raises(InvalidInput):
            from_cursor(wrong, str, str)


def test_moments_have_a_zone() -> None:
    assert moment("2026-01-01T10:00:00+02:00", "since").isoformat() == "2026-01-01T08:00:00+00:00"
    assert moment("2026-01-01", "since").isoformat() == "2026-01-01T00:00:00+00:00"
    with pytest.raises(InvalidInput, match="since 'soon' is not a moment"):
        moment("soon", "since")


def test_no_secret_is_logged() -> None:
    key = "mst_0123456789ab_" + "A" * 43
    token = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
    webhook = "whsec_" + "B+/a" * 10 + "b3M="
    for secret in (key, token, webhook, "postgresql://ann:s3cret@host/db"):
        told = redacted(f"asked with {secret} today")
        assert "s3cret" not in told
        assert key not in told
        assert token not in told
        assert webhook not in told
        assert told.endswith("today")
    assert redacted("Authorization: Bearer abcdefgh12345678") == "Authorization: Bearer ***"


def test_only_names_of_this_machine_need_no_key() -> None:
    assert ServeOptions(hosts=("localhost", "::1")).loopback
    assert not ServeOptions(hosts=("shop.example",)).loopback  # a proxy asks under that name
    assert not ServeOptions(host="0.0.0.0").loopback


def test_the_container_asks_itself_under_a_name_it_answers_to() -> None:
    text = (Path(__file__).parents[3] / "deploy" / "Dockerfile").read_text()
    asked = re.search(r"urlopen\('(http://[^']+/health/live)'", text)
    command = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert asked is not None
    assert command is not None
    words = json.loads(command.group(1))
    options = ServeOptions(
        host=words[words.index("--host") + 1], port=int(words[words.index("--port") + 1])
    )
    place = urlsplit(asked.group(1))
    assert place.port == options.port
    assert place.hostname in options.names
    assert options.names == {"0.0.0.0", "localhost", "127.0.0.1", "::1"}
    assert "shop.example" in ServeOptions(hosts=("Shop.example",)).names


async def _staying(scope: Scope, receive: Receive, send: Send) -> None:
    """Begins an answer that never ends by itself."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def _asked(
    guard: RequestGuard, scope: Scope, begun: asyncio.Event | None = None
) -> list[Message]:
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        told.append(message)
        if begun is not None:
            begun.set()

    await guard(scope, receive, send)
    return told


def _scope(kind: str, key: str, host: str = "localhost", origin: str = "") -> Scope:
    headers = [(b"host", host.encode()), (b"accept", b"text/event-stream")]
    headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
    headers += [(b"origin", origin.encode())] if origin else []
    method = "POST" if origin else "GET"
    return {"type": kind, "method": method, "path": "/x", "headers": headers, "client": ("::1", 1)}


@pytest.mark.parametrize(
    ("kind", "last"),
    [
        ("websocket", {"type": "websocket.close", "code": 4401}),
        ("http", {"type": "http.response.body", "body": b""}),
    ],
)
def test_what_stays_open_ends_with_its_key(
    tmp_path: Path, kind: str, last: dict[str, object]
) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")

    async def run() -> list[Message]:
        async with connect(settings) as m, asyncio.timeout(20):
            keys = KeyDesk(maestro=m)
            key, text = await keys.create("ann", {"*": AccessRole.VIEWER})
            guard = RequestGuard(
                _staying,
                GuardSettings(hosts=frozenset({"localhost"}), recheck_seconds=0.05),
                Recognition(keys, m.clock, loopback=True, oidc=None),
                lambda: None,
                ServerFigures(),
            )
            begun = asyncio.Event()
            asking = asyncio.create_task(_asked(guard, _scope(kind, text), begun))
            await begun.wait()
            done, _ = await asyncio.wait({asking}, timeout=0.3)
            assert not done, "a key that is valid keeps its connection"
            await keys.revoke(key.id)
            return await asking

    told = asyncio.run(run())
    assert last.items() <= told[-1].items()


def test_a_socket_too_many_is_told_to_come_back_later(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")

    async def run() -> list[Message]:
        async with connect(settings) as m:
            guard = RequestGuard(
                _staying,
                GuardSettings(hosts=frozenset({"localhost"}), rate=Rate(per_second=1, burst=0)),
                Recognition(KeyDesk(maestro=m), m.clock, loopback=True, oidc=None),
                lambda: None,
                ServerFigures(),
            )
            return await _asked(guard, _scope("websocket", ""))

    accepted, closed = asyncio.run(run())
    assert accepted["type"] == "websocket.accept"
    assert (closed["code"], closed["reason"]) == (1013, "too many requests")


def test_a_malformed_host_or_origin_is_refused_like_a_wrong_one(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")

    async def run() -> list[int]:
        async with connect(settings) as m:
            guard = RequestGuard(
                _staying,
                GuardSettings(hosts=frozenset({"localhost"})),
                Recognition(KeyDesk(maestro=m), m.clock, loopback=True, oidc=None),
                lambda: None,
                ServerFigures(),
            )
            asked = (_scope("http", "", host="["), _scope("http", "", origin="http://["))
            return [(await _asked(guard, scope))[0]["status"] for scope in asked]

    assert asyncio.run(run()) == [421, 403]
