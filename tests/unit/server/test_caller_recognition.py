"""Tokens of an identity provider: which count, and for what."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from maestro.bootstrap import connect
from maestro.delivery.key_desk import KeyDesk
from maestro.domain.access import AccessRole, Permission
from maestro.errors import NotFound, PermissionDenied
from maestro.server.access import LOCAL, ApiCaller, OidcSettings, Recognition
from maestro.server.problems import RequestRefused
from maestro.settings import Settings

ISSUER, AUDIENCE = "https://id.example", "maestro"
SIGNING = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def jwks() -> Iterator[str]:
    """The address of the provider's public keys."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(SIGNING.public_key()))
    document = json.dumps({"keys": [{**public, "kid": "one", "use": "sig"}]}).encode()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    thread.join()
    server.server_close()


def token(key: Any = SIGNING, without: str = "", algorithm: str = "RS256", **changed: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ann",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
        "maestro_roles": {"shop": "developer", "other": "emperor"},
        **changed,
    }
    claims.pop(without, None)
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one"})


def recognised(folder: Path, jwks: str, bearer: str | None) -> ApiCaller | None:
    settings = Settings.load({"MAESTRO_DATA": str(folder / "d")}, database=folder / "m.db")
    oidc = OidcSettings(issuer=ISSUER, audience=AUDIENCE, jwks=jwks)

    async def run() -> ApiCaller | None:
        async with connect(settings) as m:
            return await Recognition(KeyDesk(maestro=m), m.clock, loopback=True, oidc=oidc).caller(
                bearer
            )

    return asyncio.run(run())


def test_a_token_binds_roles_to_projects(tmp_path: Path, jwks: str) -> None:
    ann = recognised(tmp_path, jwks, token())
    assert ann is not None
    assert (ann.id, dict(ann.roles)) == ("oidc:ann", {"shop": AccessRole.DEVELOPER})
    assert ann.enter("shop", Permission.RUN_CREATE) == "shop"
    with pytest.raises(PermissionDenied):
        ann.enter("shop", Permission.RUN_APPROVE)
    with pytest.raises(NotFound):
        ann.enter("other")


def test_the_door_stays_shut_when_the_last_key_is_revoked(tmp_path: Path) -> None:
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")

    async def run() -> list[ApiCaller | None]:
        async with connect(settings) as m:
            keys = KeyDesk(maestro=m)

            async def asked() -> ApiCaller | None:
                return await Recognition(keys, m.clock, loopback=True, oidc=None).caller(None)

            found = [await asked()]
            key, _ = await keys.create("ann", {"*": AccessRole.ADMIN})
            found.append(await asked())
            await keys.revoke(key.id)
            return [*found, await asked()]

    assert asyncio.run(run()) == [LOCAL, None, None]


def test_a_provider_that_is_down_is_told_and_left_alone_for_a_while(tmp_path: Path) -> None:
    asked: list[str] = []

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>maintenance</html>")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Failing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings = Settings.load({"MAESTRO_DATA": str(tmp_path / "d")}, database=tmp_path / "m.db")
    address = f"http://127.0.0.1:{server.server_port}/keys"
    oidc = OidcSettings(issuer=ISSUER, audience=AUDIENCE, jwks=address)

    async def run() -> list[object]:
        async with connect(settings) as m:
            door = Recognition(KeyDesk(maestro=m), m.clock, loopback=True, oidc=oidc)
            asking = (door.caller(token()) for _ in range(20))
            return await asyncio.gather(*asking, return_exceptions=True)

    try:
        found = asyncio.run(run())
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    for refused in found:
        assert isinstance(refused, RequestRefused)
        assert (refused.problem.status, refused.problem.retryable) == (503, True)
    assert asked == ["/keys"]


@pytest.mark.parametrize("claim", ["exp", "aud", "iss", "sub"])
def test_every_claim_is_needed(tmp_path: Path, jwks: str, claim: str) -> None:
    assert recognised(tmp_path, jwks, token(without=claim)) is None


def test_tokens_of_others_and_old_ones_count_for_nothing(tmp_path: Path, jwks: str) -> None:
    past = datetime.now(UTC) - timedelta(minutes=5)
    symmetric = token("s" * 64, algorithm="HS256")
    for bearer in (
        token(STRANGER),
        token(exp=past),
        token(aud="others"),
        token(iss="https://evil.example"),
        symmetric,
        "nonsense",
        "",
        None,
    ):
        assert recognised(tmp_path, jwks, bearer) is None
