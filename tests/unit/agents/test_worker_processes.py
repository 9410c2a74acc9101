"""Workers as real processes below a supervisor, which are asked to end."""

import asyncio
import os
import sys

from maestro.agents.worker_processes import worker_process

ENDLESS = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")


def test_one_that_is_asked_to_end_before_it_has_begun_ends_too() -> None:
    async def scenario() -> int:
        async with worker_process(ENDLESS, os.environ) as worker:
            worker.leave()  # its supervisor has only just been started
            async with asyncio.timeout(30):
                return await worker.ended()

    assert asyncio.run(scenario()) != 0


def test_one_that_has_begun_is_asked_itself() -> None:
    async def scenario() -> int:
        async with worker_process(ENDLESS, os.environ) as worker:
            async with asyncio.timeout(30):
                while worker.process_id is None:
                    await asyncio.sleep(0.01)
                worker.leave()
                return await worker.ended()

    assert asyncio.run(scenario()) in (128 + 15, 1)
