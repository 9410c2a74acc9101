"""Does one order from elsewhere: a work tree, mocks and a sandbox of our own, then the files."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from maestro.agents.executors.a2a.wire import RemoteDelivery, RemoteOrder
from maestro.agents.executors.outside.claims import Claims
from maestro.agents.executors.outside.files import changed, tree_files, write_files
from maestro.domain.team import Persona
from maestro.domain.work import Assignment, ConsumedContract
from maestro.errors import Conflict, InvalidInput, StepTimedOut
from maestro.ports import MockProvider, PersonaExecutor, Report, SandboxProvider

MAX_SECONDS = 7_200.0


@dataclass(slots=True, kw_only=True)
class OrderDesk:
    """One per process; takes as many orders at once as it has places, and lets as many wait."""

    personas: Mapping[str, Persona]
    """Those that are served, as our own catalogue describes them."""
    executor: PersonaExecutor
    sandboxes: SandboxProvider
    mocks: MockProvider
    places: int
    _free: asyncio.Semaphore = field(init=False)
    _taken: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.places)

    async def do(self, order: RemoteOrder, report: Report) -> RemoteDelivery:
        """Raises what the executor raises; InvalidInput for a persona that is not served, Conflict
        when too many orders wait already.
        """
        persona = self.personas.get(order.assignment.persona.id)
        if persona is None:
            raise InvalidInput(
                f"persona {order.assignment.persona.id[:80]!r} is not served here; served: "
                f"{', '.join(sorted(self.personas))}"
            )
        if self._taken >= 2 * self.places:
            raise Conflict(f"{self._taken} orders are in hand or waiting already; ask again later")
        self._taken += 1
        try:
            if self._free.locked():
                await report("waiting for a free place")
            async with self._free:
                return await self._within_time(order, persona, report)
        finally:
            self._taken -= 1

    async def _within_time(
        self, order: RemoteOrder, persona: Persona, report: Report
    ) -> RemoteDelivery:
        seconds = min(order.assignment.budget.wall_seconds, MAX_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                return await self._work(order, persona, report)
        except TimeoutError as error:
            raise StepTimedOut(f"not done within the order's {seconds:g} s") from error

    async def _work(self, order: RemoteOrder, persona: Persona, report: Report) -> RemoteDelivery:
        async with self.sandboxes.lend() as root:
            await asyncio.to_thread(write_files, root, order.upstream)
            async with AsyncExitStack() as stack:
                assignment = replace(
                    order.assignment,
                    persona=persona,  # instructions are ours, whatever the caller wrote there
                    consumes=tuple(
                        [
                            await self._mocked(stack, consumed, persona.id, root)
                            for consumed in order.assignment.consumes
                        ]
                    ),
                )
                sandbox = await stack.enter_async_context(self.sandboxes.open(root))
                result = await self.executor.execute(assignment, sandbox, report)
            files = changed(order.upstream, await asyncio.to_thread(tree_files, root))
        return RemoteDelivery(files=files, claims=Claims.of(result))

    async def _mocked(
        self, stack: AsyncExitStack, consumed: ConsumedContract, consumer: str, root: Path
    ) -> ConsumedContract:
        """The contract with a mock of our own: the caller's addresses are never called."""
        if not consumed.url and not consumed.environment:
            return consumed
        server = await stack.enter_async_context(
            self.mocks.serve(consumed.contract, consumer=consumer, folder=root)
        )
        return ConsumedContract(
            contract=consumed.contract, url=server.url, environment=server.environment
        )


def needs(assignment: Assignment) -> str:
    """One line for the log of whoever serves."""
    return (
        f"{assignment.persona.id[:80]} for {assignment.component[:80]}: run "
        f"{assignment.run_id[:80]}, step {assignment.step_id[:80]}, attempt {assignment.attempt}"
    )
