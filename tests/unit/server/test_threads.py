"""A step that takes every thread it can get leaves the others theirs."""

import asyncio
import threading

from maestro.log_fields import telling
from maestro.server.threads import FOR_STEPS, PartedThreads


def test_a_step_that_takes_every_thread_leaves_those_of_requests() -> None:
    held, over = threading.Semaphore(0), threading.Event()

    def hold() -> None:
        held.release()
        over.wait(60)

    async def play() -> None:
        asyncio.get_running_loop().set_default_executor(PartedThreads())
        with telling(run_id="run-1", step_id="greedy", attempt=1):
            holding = [asyncio.create_task(asyncio.to_thread(hold)) for _ in range(2 * FOR_STEPS)]
        try:
            async with asyncio.timeout(20):
                for _ in range(FOR_STEPS):
                    while not held.acquire(blocking=False):
                        await asyncio.sleep(0.01)
                assert await asyncio.to_thread(lambda: 7) == 7
        finally:
            over.set()
        await asyncio.gather(*holding)

    asyncio.run(play())
