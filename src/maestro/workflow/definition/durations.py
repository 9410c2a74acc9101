"""Spans of time as people write them: `90`, `"90s"`, `"5m"`, `"1h30m"`."""

import re

from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

MAX_SECONDS = 366 * 86_400.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PIECE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PIECE.pattern})+")


def seconds(value: JsonValue) -> float:
    """The length of a span in seconds; a number is one already.

    Raises:
        InvalidInput: it is no span, or longer than a year.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        total = value
    elif isinstance(value, str) and _WHOLE.fullmatch(value):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(value))
    else:
        raise InvalidInput(f"{value!r} is no span of time; write seconds, or '90s', '5m', '1h30m'")
    if not 0 <= total <= MAX_SECONDS:
        raise InvalidInput(f"{value!r:.40} lies outside 0 to {MAX_SECONDS:.0f} seconds")
    return float(total)
