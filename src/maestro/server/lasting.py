"""Connections that stay: whether who opened one may still have it is asked again and again."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import Message, Send


async def while_known(
    work: Awaitable[None], known: Callable[[], Awaitable[bool]], every_seconds: float
) -> bool:
    """Does `work` as long as its asker is known; False where it was ended because he is not."""
    working = asyncio.ensure_future(work)
    try:
        while True:
            done, _ = await asyncio.wait({working}, timeout=every_seconds)
            if done:
                working.result()
                return True
            if not await known():
                return False
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def within_a_second(send: Send, message: Message) -> None:
    """To who may have left, or not read any more; the connection does not stay for that."""
    try:
        async with asyncio.timeout(1):
            await send(message)
    except (TimeoutError, RuntimeError):
        return
