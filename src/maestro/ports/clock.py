"""Time, as the engine sees it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the engine sees it; tests bring a clock they can move."""

    def now(self) -> datetime:
        """The present moment, timezone-aware UTC."""
        ...

    async def sleep(self, seconds: float) -> None: ...
