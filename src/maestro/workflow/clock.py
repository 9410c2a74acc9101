"""The machine's clock."""

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """The Clock port on the machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
