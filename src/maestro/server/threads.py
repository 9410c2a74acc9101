"""The threads of a server's loop: steps have their own, so that none of them holds up requests."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from maestro.log_fields import log_fields

P = ParamSpec("P")
T = TypeVar("T")
FOR_STEPS, FOR_OTHERS = 32, 32


class PartedThreads(ThreadPoolExecutor):
    """Who asks from within a step gets a thread of those that are for steps."""

    def __init__(self) -> None:
        super().__init__(FOR_OTHERS, "maestro")
        self._steps = ThreadPoolExecutor(FOR_STEPS, "maestro-step")

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        if "step_id" in log_fields():
            return self._steps.submit(fn, *args, **kwargs)
        return super().submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._steps.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)
