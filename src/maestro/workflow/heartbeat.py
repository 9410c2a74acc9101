"""A heartbeat that goes on while the event loop is busy with something else."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager


@asynccontextmanager
async def heartbeat(beat: Callable[[], Awaitable[None]], seconds: float) -> AsyncIterator[None]:
    """Awaits `beat` every `seconds`, on an event loop in a thread of its own, while it is entered.

    An error that `beat` raises ends the heartbeat and is raised on leaving.
    """
    stop = threading.Event()

    async def once() -> None:
        await beat()

    def go_on() -> None:
        with asyncio.Runner() as runner:
            while not stop.wait(seconds):
                runner.run(once())

    with ThreadPoolExecutor(1, thread_name_prefix="maestro-heartbeat") as pool:
        beating = asyncio.get_running_loop().run_in_executor(pool, go_on)
        try:
            yield
        finally:
            stop.set()
            await beating
