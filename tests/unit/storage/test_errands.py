"""Errands of one turn of a loop are taken up together; none waits for another loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from maestro.storage.errands import Errand, Inbox
from maestro.storage.transaction import SqlTransaction


def nothing(transaction: SqlTransaction) -> None:
    """Never called: only where errands go is looked at."""


def test_errands_of_one_turn_come_together_and_in_order() -> None:
    async def scenario() -> None:
        inbox = Inbox(10)
        with ThreadPoolExecutor(1) as pool:
            taking = asyncio.get_running_loop().run_in_executor(pool, inbox.take)
            put = [Errand(nothing) for _ in range(3)]
            for errand in put:
                inbox.put(errand)
            taken, over = await taking
        assert taken == put
        assert not over

    asyncio.run(scenario())


def test_no_more_than_the_most_at_once_and_the_rest_after() -> None:
    async def scenario() -> None:
        inbox = Inbox(2)
        put = [Errand(nothing) for _ in range(5)]
        for errand in put:
            inbox.put(errand)
        inbox.close()
        taken: list[Errand] = []
        over = False
        while not over:
            some, over = inbox.take()
            assert len(some) <= 2
            taken += some
        assert taken == put

    asyncio.run(scenario())


def test_every_taker_is_told_to_end() -> None:
    async def scenario() -> None:
        inbox = Inbox(2)
        inbox.put(Errand(nothing))
        inbox.close(2)
        first, second = inbox.take(), inbox.take()
        assert (len(first[0]), first[1]) == (1, True)
        assert second == ([], True)

    asyncio.run(scenario())


def test_a_busy_loop_keeps_nothing_back_from_another_one() -> None:
    inbox, put, taken = Inbox(10), Event(), Event()

    async def busy() -> None:
        inbox.put(Errand(nothing))
        put.set()
        assert taken.wait(30)  # blocks its loop, which therefore does not ring

    async def other() -> None:
        inbox.put(Errand(nothing))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(asyncio.run, busy())
        assert put.wait(30)
        pool.submit(asyncio.run, other()).result(30)
        assert len(inbox.take()[0]) == 2
        taken.set()
        first.result(30)
