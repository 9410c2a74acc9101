"""Where requests may go that others made us send: by the URL, and by the address it leads to."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from maestro.errors import InvalidInput

LONGEST_URL = 2000
_LOOPBACK = "localhost"
_CARRIERS = tuple(
    ip_network(text)
    for text in (
        "::/96",  # IPv4 within IPv6, of old
        "::ffff:0:0/96",  # mapped
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "192.88.99.0/24",
        "fec0::/10",  # once for sites
    )
)
"""Addresses that lead to others inside of them, or nowhere: they count as global and are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePlace:
    """Where a URL leads, before anybody looked up its host."""

    scheme: str
    host: str
    port: int
    path: str
    """With its query."""
    named: bool
    """The administrator named this very host, so it may be inside of the network."""

    @property
    def authority(self) -> str:
        """For the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"


def destination(url: str, hosts: Collection[str]) -> OutsidePlace:
    """Where the URL leads.

    Args:
        hosts: those that the administrator named; empty = any that is public.

    Raises:
        InvalidInput: no URL of a kind that is allowed. It never repeats the URL's path, which may
            hold what only its owner should know.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise InvalidInput(f"the url is none: {error}") from None
    if parts.scheme not in ("https", "http") or not host or len(url) > LONGEST_URL:
        raise InvalidInput(f"a url must be https://HOST/PATH of at most {LONGEST_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput("a url is written in ASCII without blanks; encode other characters")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("a url must hold neither user, password nor fragment")
    named = host in hosts
    if hosts and not named:
        raise InvalidInput(
            f"host {host!r} is not among those an administrator allowed (MAESTRO_WEBHOOK_HOSTS)"
        )
    if parts.scheme == "http" and not (named and _is_loopback_name(host)):
        raise InvalidInput(
            "a url must be https; http is only for a loopback address that an administrator named "
            "in MAESTRO_WEBHOOK_HOSTS"
        )
    return OutsidePlace(
        scheme=parts.scheme,
        host=host,
        port=port or (443 if parts.scheme == "https" else 80),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        named=named,
    )


def check_address(address: str, place: OutsidePlace) -> None:
    """Whether what the host's name leads to may be connected to. Raises InvalidInput."""
    ip = ip_address(address.partition("%")[0])
    if place.scheme == "http":
        allowed = ip.is_loopback
    elif place.named:
        allowed = _is_within(ip) or _is_public(ip)
    else:
        allowed = _is_public(ip)
    if not allowed:
        raise InvalidInput(f"host {place.host!r} leads to an address that is not allowed")


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast and not _carries(ip)


def _is_within(ip: IPv4Address | IPv6Address) -> bool:
    """Loopback or private; never link-local, where clouds keep their machines' credentials."""
    if ip.is_loopback:
        return True
    odd = ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip.is_reserved
    return ip.is_private and not odd and not _carries(ip)


def _carries(ip: IPv4Address | IPv6Address) -> bool:
    return any(ip.version == net.version and ip in net for net in _CARRIERS)


def _is_loopback_name(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK
