"""One timer rings for all drives, and is gone with the last of them."""

import asyncio
import weakref

import pytest

from maestro.workflow.shared_timers import SharedTimers

SHORT = 0.005


def test_the_bell_rings_again_and_again_for_all_who_joined() -> None:
    async def scenario() -> None:
        timers, rung = SharedTimers(SHORT), asyncio.Queue[str]()

        def first() -> None:
            rung.put_nowait("first")

        def second() -> None:
            rung.put_nowait("second")

        assert timers.join(first) is timers.join(second)
        assert {await rung.get() for _ in range(2)} == {"first", "second"}
        timers.leave(first)
        assert [await rung.get() for _ in range(2)] == ["second", "second"]
        timers.leave(second)

    asyncio.run(scenario())


def test_no_timer_is_left_when_all_have_left() -> None:
    def ring() -> None: ...

    async def scenario() -> "weakref.ref[SharedTimers]":
        timers = SharedTimers(600)
        for _ in range(2):
            with timers.join(ring).limit(600):
                pass
            timers.leave(ring)
            timers.leave(ring)
        return weakref.ref(timers)  # a timer that was not cancelled would hold it

    with asyncio.Runner() as runner:
        assert runner.run(scenario())() is None


def test_a_limit_holds_when_its_drive_has_left() -> None:
    def ring() -> None: ...

    async def scenario() -> None:
        timers = SharedTimers(600)
        with timers.join(ring).limit(SHORT):
            timers.leave(ring)
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())


def test_drives_on_another_loop_get_a_timer_of_theirs() -> None:
    timers = SharedTimers(SHORT)

    async def scenario() -> None:
        rung = asyncio.Event()
        timers.join(rung.set)
        await rung.wait()
        timers.leave(rung.set)

    for _ in range(2):
        asyncio.run(scenario())
