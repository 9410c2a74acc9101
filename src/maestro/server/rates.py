"""How often somebody may ask."""

import time
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A bucket of requests that fills up again."""

    per_second: float
    burst: float


class Buckets:
    """One bucket per name; the names that asked last are kept."""

    def __init__(self, rate: Rate, most: int = 10_000) -> None:
        self._rate = rate
        self._most = most
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """0 where one more may pass, else the seconds until it may."""
        now = time.monotonic()
        left, at = self._known.pop(name, (self._rate.burst, now))
        left = min(self._rate.burst, left + (now - at) * self._rate.per_second)
        passes = left >= 1
        self._known[name] = (left - 1 if passes else left, now)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return 0.0 if passes else (1 - left) / self._rate.per_second
