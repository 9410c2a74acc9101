"""What a caller asks of a mock: metadata `maestro-prefer: code=NOT_FOUND, delay=200, items=2`."""

from collections.abc import Iterable
from dataclasses import dataclass

import grpc

from maestro.contracts.mocks.grpc.state import GrpcRefusal

PREFER = "maestro-prefer"
MAX_ITEMS = 1_000
MAX_DELAY_MS = 60_000
CODES = {code.name: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPreferences:
    code: str = "OK"
    """Status to end with."""
    message: str = ""
    delay_ms: int = 0
    """Time before the first reply."""
    items: int | None = None
    """How many replies a stream brings; with a code, how many come before it."""


def read_preferences(values: Iterable[str | bytes]) -> CallPreferences:
    """Raises GrpcRefusal (INVALID_ARGUMENT) for what it does not know, naming what it does."""
    code, message, delay, items = "OK", "", 0, None
    for entry in _entries(values):
        name, _, value = entry.partition("=")
        name, value = name.strip().lower(), value.strip()
        if name == "code":
            code = _code(value)
        elif name == "message":
            message = value
        elif name == "delay":
            delay = _whole(name, value.removesuffix("ms"), MAX_DELAY_MS)
        elif name == "items":
            items = _whole(name, value, MAX_ITEMS)
        else:
            raise _unknown(f"{PREFER}: {name!r} is unknown; known: code, message, delay, items")
    return CallPreferences(code=code, message=message, delay_ms=delay, items=items)


def _entries(values: Iterable[str | bytes]) -> list[str]:
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    return [part for text in texts for part in text.split(",") if part.strip()]


def _code(value: str) -> str:
    if value.isdecimal():
        for code in grpc.StatusCode:
            if str(code.value[0]) == value:
                return str(code.name)
    name = value.upper()
    if name not in CODES:
        raise _unknown(f"{PREFER}: {value!r} is no gRPC status; use a name such as NOT_FOUND")
    return name


def _whole(name: str, value: str, most: int) -> int:
    if not value.isdecimal() or len(value) > 9 or int(value) > most:
        raise _unknown(f"{PREFER}: {name} {value!r} is no whole number from 0 to {most}")
    return int(value)


def _unknown(text: str) -> GrpcRefusal:
    return GrpcRefusal("INVALID_ARGUMENT", text, keeps_contract=False)
