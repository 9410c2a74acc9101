"""The built-in agent, and what of a registered one this process can use."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from maestro.domain.agent import OFFLINE, Agent, AgentRecord


def offline_agent(personas: Collection[str], capacity: int) -> Agent:
    """The built-in agent: plays every persona for which a template package exists."""
    return Agent(
        id=OFFLINE, executor=OFFLINE, personas=tuple(sorted(set(personas))), capacity=capacity
    )


@dataclass(frozen=True, slots=True)
class Reachable:
    """Which registered agents a process can give work to."""

    executors: Collection[str]
    process: str
    own: bool
    """Whether agents live in this process; then it works for them only."""

    @staticmethod
    def of(records: Iterable[AgentRecord], executors: Collection[str], process: str) -> "Reachable":
        own = any(process and record.agent.home == process for record in records)
        return Reachable(executors, process, own)

    def refusal(self, record: AgentRecord) -> str:
        """Why it cannot be given anything here; empty when it can."""
        agent = record.agent
        if not record.alive:
            return f"its process {agent.home!r} gives no sign any more"
        if agent.home not in ("", self.process):
            return f"it lives in process {agent.home!r}"
        if self.own and not agent.home:
            return "this process works for the agents that live in it"
        if agent.executor not in self.executors:
            known = ", ".join(sorted(self.executors)) or "none"
            return f"this process has no executor {agent.executor!r}, only: {known}"
        return ""
