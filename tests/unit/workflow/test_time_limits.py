"""Limits share a timer; each ends its own task, and only that."""

import asyncio

import pytest

from maestro.workflow.time_limits import TimeLimit, TimeLimits

LONG = 600.0
SHORT = 0.01


async def held(limits: TimeLimits, seconds: float) -> None:
    """Waits for ever within a limit."""
    with limits.limit(seconds):
        await asyncio.Event().wait()


def test_what_takes_longer_is_ended() -> None:
    async def scenario() -> TimeLimit:
        limit = TimeLimits().limit(SHORT)
        with pytest.raises(TimeoutError):
            with limit:
                await asyncio.Event().wait()
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0  # it goes on as if nobody had cancelled it
        return limit

    assert asyncio.run(scenario()).expired


def test_what_ends_in_time_is_left_alone() -> None:
    async def scenario() -> None:
        limits = TimeLimits()
        with limits.limit(SHORT) as early:
            pass
        with pytest.raises(TimeoutError):
            await held(limits, 2 * SHORT)  # the timer of the first one has rung by then
        assert not early.expired

    asyncio.run(scenario())


def test_a_shorter_limit_that_comes_later_does_not_wait_for_a_longer_one() -> None:
    async def scenario() -> None:
        limits = TimeLimits()
        async with asyncio.TaskGroup() as group:
            long = group.create_task(held(limits, LONG))
            await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                await held(limits, SHORT)
            with pytest.raises(TimeoutError):
                await held(limits, SHORT)
            assert not long.done()
            long.cancel()

    asyncio.run(scenario())


def test_a_task_cancelled_by_others_stays_cancelled() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(held(TimeLimits(), LONG))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_cancelled_by_others_after_the_limit_it_stays_cancelled() -> None:
    async def scenario() -> None:
        limits, both = TimeLimits(), asyncio.Event()

        async def stubborn() -> None:
            with limits.limit(SHORT):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    both.set()
                    await asyncio.Event().wait()

        task = asyncio.create_task(stubborn())
        await both.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_what_takes_no_notice_is_told_when_it_leaves() -> None:
    async def scenario() -> TimeLimit:
        with TimeLimits().limit(SHORT) as limit:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                assert not limit.expired
        return limit

    assert asyncio.run(scenario()).expired


def test_an_error_of_its_own_is_not_hidden_by_the_limit() -> None:
    async def failing() -> None:
        with TimeLimits().limit(SHORT):
            try:
                await asyncio.Event().wait()
            finally:
                raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(failing())


def test_limits_hold_after_no_more_are_taken() -> None:
    async def scenario() -> None:
        limits = TimeLimits()
        task = asyncio.create_task(held(limits, SHORT))
        await asyncio.sleep(0)
        limits.close()
        with pytest.raises(TimeoutError):
            await task

    asyncio.run(scenario())
