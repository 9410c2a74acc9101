"""The executor of agents elsewhere: hands an assignment out, and takes files back."""

import asyncio
import time
from dataclasses import dataclass, replace

from maestro.agents.executors.a2a.remote import met
from maestro.agents.executors.a2a.wire import (
    RemoteDelivery,
    RemoteLease,
    RemoteOrder,
    order_text,
    read_delivery,
)
from maestro.agents.executors.outside.claims import work_result
from maestro.agents.executors.outside.files import tree_files, write_files
from maestro.agents.executors.outside.house import house_rules, run_checks
from maestro.domain.work import Assignment, WorkResult
from maestro.domain.write_set import write_set
from maestro.errors import AgentFailed, InvalidInput, StepTimedOut
from maestro.ports import Report, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class A2aExecutor:
    """A PersonaExecutor. What comes back is data: it is written by us, into the write-set only,
    and its checks run in our sandbox.
    """

    agent: str
    card_url: str

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Raises AgentFailed for every answer that is not accepted, StepTimedOut, and Blocked
        when the agent asks something.
        """
        rules = await asyncio.to_thread(house_rules, assignment)
        begin = time.monotonic()
        try:
            order = RemoteOrder(
                lease=RemoteLease.of(assignment),
                assignment=assignment,
                upstream=await asyncio.to_thread(tree_files, sandbox.root),
                checks=rules.checks,
            )
            delivery = await self._ask(order, report)
        except InvalidInput as error:
            raise AgentFailed(f"agent {self.agent!r} is refused: {error}") from error
        await self._write(delivery, sandbox)
        await report(f"agent {self.agent} handed in {len(delivery.files)} files")
        checks = await run_checks(rules, assignment, sandbox, report)
        details = {"remote": {"agent": self.agent, "seconds": round(time.monotonic() - begin, 3)}}
        claims = replace(delivery.claims, usage=replace(delivery.claims.usage, cost=None))
        return work_result(claims, delivery.files, rules, checks, details)

    async def _write(self, delivery: RemoteDelivery, sandbox: Sandbox) -> None:
        try:
            await asyncio.to_thread(write_files, sandbox.root, delivery.files)
        except InvalidInput as error:
            raise AgentFailed(f"agent {self.agent!r} is refused: {error}") from error
        except OSError as error:
            raise AgentFailed(
                f"agent {self.agent!r} is refused: its files cannot be written: {error.strerror}"
            ) from error

    async def _ask(self, order: RemoteOrder, report: Report) -> RemoteDelivery:
        seconds = order.assignment.budget.wall_seconds
        text = await asyncio.to_thread(order_text, order)
        try:
            async with (
                asyncio.timeout(seconds),
                met(self.card_url, read_seconds=seconds) as remote,
            ):
                document = await remote.do(text, report)
        except TimeoutError as error:
            raise StepTimedOut(
                f"agent {self.agent!r} had no result after {seconds:g} s; its task is cancelled"
            ) from error
        allowed = write_set(order.assignment.provides)
        return await asyncio.to_thread(read_delivery, document, order.lease, allowed)
