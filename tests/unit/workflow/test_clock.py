"""The machine's clock."""

import asyncio
import time
from datetime import UTC, timedelta

from maestro.workflow.clock import SystemClock


def test_it_tells_utc_and_sleeps_for_real() -> None:
    clock = SystemClock()
    before, start = clock.now(), time.monotonic()
    asyncio.run(clock.sleep(0.02))
    assert time.monotonic() - start >= 0.02
    assert before.tzinfo is UTC
    assert clock.now() - before >= timedelta(seconds=0.01)
