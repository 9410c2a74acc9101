"""Step handlers that are loaded when the first step runs, so that looking at runs stays quick."""

import asyncio
import os
from collections.abc import Callable, Mapping
from functools import cache

from maestro.delivery.actions import FLOW_ACTIONS
from maestro.domain.tracing import trace_id
from maestro.log_fields import telling
from maestro.ports import Clock, StepContext, StepHandler, StepResult, Store


class LateHandlers:
    """Stand-ins for the handlers that `load` gives; it is called once, on a thread of its own."""

    def __init__(
        self, load: Callable[[], Mapping[str, StepHandler]], store: Store, clock: Clock
    ) -> None:
        self._load = load
        self._store = store
        self._clock = clock
        self._loading = asyncio.Lock()
        self._loaded: Mapping[str, StepHandler] | None = None

    def of(self, action: str) -> StepHandler:
        if action in FLOW_ACTIONS:
            return _late_flow_handler(action)

        async def handle(context: StepContext, /) -> StepResult:
            from maestro.delivery.enlisting import enlist_offline  # noqa: PLC0415 -- slow to load

            async with self._loading:
                if self._loaded is None:
                    await enlist_offline(self._store, self._clock)
                    self._loaded = await asyncio.to_thread(self._load)
            return await self._loaded[action](context)

        return _telling(handle)


def _late_flow_handler(action: str) -> StepHandler:
    async def handle(context: StepContext, /) -> StepResult:
        return await flow_handlers()[action](context)

    return _telling(handle)


def _telling(handler: StepHandler) -> StepHandler:
    """What is logged meanwhile says of which attempt it is."""

    async def handle(context: StepContext, /) -> StepResult:
        with telling(
            run_id=context.run_id,
            step_id=context.step.id,
            attempt=context.attempt,
            trace_id=trace_id(context.run_id),
        ):
            return await handler(context)

    return handle


@cache
def flow_handlers() -> Mapping[str, StepHandler]:
    """The actions that need no craft but the engine's own."""
    from maestro.delivery.flow_steps import FlowSteps  # noqa: PLC0415 -- slow to load

    return FlowSteps(environment=dict(os.environ)).handlers()
