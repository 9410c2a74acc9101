"""Which addresses a remote agent may have: what the user named, and nowhere it leads to."""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from maestro.errors import InvalidInput

LOCALHOST = "localhost"
CARD_PATH = "/.well-known/agent-card.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardOrigin:
    """Scheme, host and port."""

    scheme: str
    host: str
    port: int

    @property
    def named_address(self) -> bool:
        """The host is written as an address, or as `localhost`: the user means that very one."""
        return self.host == LOCALHOST or _address(self.host) is not None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def card_address(url: str) -> tuple[CardOrigin, str]:
    """Where a card is: origin, and path of the card. A URL without a path gets the usual one.

    Raises:
        InvalidInput: a URL that is none, or one that is not allowed; names the rule.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"card URL {url[:200]!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(f"card URL {url[:200]!r}: write http://HOST:PORT or https://HOST")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("a card URL must not hold a user or a password")
    if parts.query or parts.fragment:
        raise InvalidInput(f"card URL {url[:200]!r} must not have a query or a fragment")
    origin = CardOrigin(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (443 if parts.scheme == "https" else 80),
    )
    address = _address(origin.host)
    private = origin.host == LOCALHOST or (address is not None and not address.is_global)
    if origin.scheme == "http" and not private:
        raise InvalidInput(
            f"card URL {url[:200]!r}: plain http is for loopback and private addresses; use https"
        )
    path = parts.path if parts.path not in ("", "/") else CARD_PATH
    return origin, path


def same_origin(url: str, origin: CardOrigin) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    return parts.username is None and (parts.scheme, parts.hostname, port) == (
        origin.scheme,
        origin.host,
        origin.port,
    )


async def resolved(origin: CardOrigin) -> str:
    """The address to connect to, looked up once and then kept to.

    Raises:
        InvalidInput: a name that leads to a private address: what an outside name server says
            must not open a way into this network.
        OSError: the name is not known.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    if not origin.named_address:
        inner = next((address for address in addresses if not address.is_global), None)
        if inner is not None:
            raise InvalidInput(
                f"{origin.host!r} leads to the private address {inner}; to mean it, write the "
                "address itself"
            )
    return str(addresses[0])


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
