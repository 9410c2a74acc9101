"""Which card addresses are taken; names that lead inside are not."""

import asyncio

import pytest

from maestro.agents.executors.a2a.addresses import CardOrigin, card_address, resolved, same_origin
from maestro.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://127.0.0.1:8052", "http://127.0.0.1:8052", "/.well-known/agent-card.json"),
        ("http://localhost:1/", "http://localhost:1", "/.well-known/agent-card.json"),
        ("http://10.0.0.8/a2a/x/card.json", "http://10.0.0.8:80", "/a2a/x/card.json"),
        ("http://[::1]:80/", "http://[::1]:80", "/.well-known/agent-card.json"),
        ("https://Agents.Example/x.json", "https://agents.example:443", "/x.json"),
    ],
)
def test_addresses_that_are_taken(url: str, origin: str, path: str) -> None:
    found, where = card_address(url)
    assert (str(found), where) == (origin, path)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://127.0.0.1/x", "write http"),
        ("file:///etc/passwd", "write http"),
        ("127.0.0.1:80", "write http"),
        ("http://", "write http"),
        ("http://[::1", "no URL"),
        ("http://127.0.0.1:99999/", "no URL"),
        ("http://user:pass@127.0.0.1/", "user or a password"),
        ("http://127.0.0.1/x?a=1", "query or a fragment"),
        ("https://a.example/x#y", "query or a fragment"),
        ("http://agents.example/", "use https"),
        ("http://8.8.8.8/", "use https"),
    ],
)
def test_addresses_that_are_not(url: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told) as caught:
        card_address(url)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://127.0.0.1:8052/a2a", True),
        ("http://127.0.0.1:8053/a2a", False),
        ("https://127.0.0.1:8052/a2a", False),
        ("http://localhost:8052/a2a", False),
        ("http://127.0.0.1:8052@evil.example/", False),
        ("http://x@127.0.0.1:8052/", False),
        ("http://[", False),
    ],
)
def test_the_same_origin(url: str, same: bool) -> None:
    assert same_origin(url, CardOrigin(scheme="http", host="127.0.0.1", port=8052)) is same


def test_a_name_that_leads_inside_is_refused_and_an_address_is_not() -> None:
    inside = CardOrigin(scheme="https", host="localhost.localdomain", port=443)
    named = CardOrigin(scheme="http", host="localhost", port=80)

    async def look_up() -> str:
        try:
            with pytest.raises(InvalidInput, match="leads to the private address"):
                await resolved(inside)
        except OSError:  # this machine does not know that name, and so it leads nowhere
            pass
        return await resolved(named)

    assert asyncio.run(look_up()) in ("127.0.0.1", "::1")
