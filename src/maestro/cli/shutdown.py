"""Ends a command in order: the first signal lets what runs end, the second ends it at once."""

import asyncio
import gc
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from maestro.errors import InvalidInput

GRACE_SECONDS = 10.0
CLEANUP_SECONDS = 10.0
"""For ending processes and closing the store. A process that takes longer just ends: the journal
takes that, and the kernel ends the sandboxes of a dead process."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(Exception):
    """The command was told to end before its work was done."""

    def __init__(self, message: str, asked: signal.Signals) -> None:
        super().__init__(message)
        self.exit_code = 128 + asked


class Departure:
    """What signals asked of the work in a task, so far."""

    def __init__(self, leave: Callable[[], None], told: str, within: float | None) -> None:
        """See `departing`."""
        self.asked: signal.Signals | None = None
        """The first one."""
        self.at_once: signal.Signals | None = None
        """The second one."""
        self._leave = leave
        self._told = told
        self._within = within
        self._task = asyncio.current_task()

    def take(self, number: signal.Signals) -> None:
        if self.asked is None:
            self.asked = number
            _tell(f"{number.name}: {self._told}; once more ends it at once")
            if self._within is not None:
                _end_anyway(self._within + CLEANUP_SECONDS, number)
            self._leave()
        elif self.at_once is None and self._task is not None:
            self.at_once = number
            _tell(f"{number.name} again: ending at once")
            _end_anyway(CLEANUP_SECONDS, number)
            self._task.cancel()
        else:
            os._exit(128 + number)

    def interrupted(self, kept: str) -> Interrupted | None:
        """What to raise when the work was cancelled; None when not for a second signal."""
        if self.at_once is None or self._task is None:
            return None
        self._task.uncancel()
        return Interrupted(f"ended at once; {kept}", self.at_once)


@contextmanager
def departing(
    leave: Callable[[], None], *, told: str, kept: str, within: float | None
) -> Iterator[Departure]:
    """Inside, SIGTERM and SIGINT end the current task's work in order.

    Every command that stays comes by here with all it needs loaded. That is taken out of the
    garbage collector's rounds, which else go over it again and again.

    Args:
        leave: called on the first signal; the work inside should come to its end then.
        told: what the person is told on the first signal.
        kept: what the person is told when the work was ended at once.
        within: seconds after which the work inside has ended, None when it takes care itself.

    Raises:
        Interrupted: after a second signal, once the cancelled work has cleaned up.
    """
    gc.freeze()
    departure = Departure(leave, told, within)
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, departure.take, number)
    try:
        yield departure
    except (asyncio.CancelledError, BaseExceptionGroup):
        interrupted = departure.interrupted(kept)
        if interrupted is None:
            raise
        raise interrupted from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextmanager
def stopping(stop: asyncio.Event) -> Iterator[Departure]:
    """Inside, the first SIGTERM or SIGINT sets `stop`, the second ends everything at once."""
    with departing(
        stop.set,
        told="nothing more is taken",
        kept="what was under way is taken up by others when its lease has run out",
        within=None,
    ) as departure:
        yield departure


def checked_grace(seconds: float) -> float:
    """Raises InvalidInput for a time nobody can wait."""
    if not 0 <= seconds < math.inf:
        raise InvalidInput(f"--grace must be a number of seconds from 0, got {seconds!r}")
    return seconds


def _tell(text: str) -> None:
    sys.stderr.write(f"maestro: {text}\n")
    sys.stderr.flush()


def _end_anyway(seconds: float, asked: signal.Signals) -> None:
    """Ends the process after `seconds`, whatever a thread of it may still be busy with."""
    timer = threading.Timer(seconds, os._exit, (128 + asked,))
    timer.daemon = True
    timer.start()
