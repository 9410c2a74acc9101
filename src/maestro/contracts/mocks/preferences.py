"""`Prefer` (RFC 7240): what callers may ask of a mock for one request."""

import re

from maestro.contracts.mocks.messages import MockReply, Refused
from maestro.contracts.mocks.replies import Wish

MAX_DELAY = 30.0
"""Seconds."""

_PAIR = re.compile(
    r'(?:^|[;,\s])(code|example|dynamic|delay|fault)\s*=\s*("[^"]*"|[^\s;,"]+)', re.I
)


def preferences(header: bytes) -> dict[str, str]:
    """The preferences a mock knows; others are ignored, as the RFC wants it."""
    found = _PAIR.findall(header.decode("latin-1"))
    return {name.lower(): value.strip('"') for name, value in found}


def wish_of(header: bytes) -> Wish | None:
    """What is asked of the reply itself, None for nothing.

    Raises:
        Refused: 400 for values that mean nothing.
    """
    asked = preferences(header)
    if not asked.keys() & {"code", "example", "dynamic"}:
        return None
    code = asked.get("code")
    if code is not None and not re.fullmatch("[1-5][0-9]{2}", code):
        raise Refused(400, f"Prefer: code={code!r} is no status; send three digits")
    dynamic = asked.get("dynamic", "false").lower()
    if dynamic not in ("true", "false"):
        raise Refused(400, f"Prefer: dynamic={dynamic!r} has to be true or false")
    return Wish(
        status=int(code) if code else None,
        example=asked.get("example", ""),
        dynamic=dynamic == "true",
    )


def with_applied(reply: MockReply, wish: Wish) -> MockReply:
    """The reply with `Preference-Applied`."""
    told = [f"code={wish.status}"] if wish.status else []
    told += [f"example={wish.example}"] if wish.example else []
    told += ["dynamic=true"] if wish.dynamic else []
    applied = ("preference-applied", ", ".join(told))
    headers = (*reply.headers, applied)
    return MockReply(reply.status, reply.body, reply.content_type, headers)


def delay_of(asked: dict[str, str]) -> float:
    """Seconds to wait before the reply. `delay` is in milliseconds.

    Raises:
        Refused: 400.
    """
    text = asked.get("delay", "0")
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > 1000 * MAX_DELAY:
        raise Refused(
            400, f"Prefer: delay={text!r} has to be milliseconds up to {1000 * MAX_DELAY:.0f}"
        )
    return int(text) / 1000
