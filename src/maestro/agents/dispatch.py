"""The dispatcher: registry -> router -> executor, itself a PersonaExecutor."""

import asyncio
from collections.abc import Mapping

from maestro.agents.registry import AgentRegistry
from maestro.agents.routing import choose_agent
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import InvalidInput
from maestro.ports import PersonaExecutor, Report, Sandbox


class Dispatcher:
    """Gives each assignment to an agent and keeps every agent within its capacity.

    One dispatcher belongs to one event loop.
    """

    def __init__(self, registry: AgentRegistry, executors: Mapping[str, PersonaExecutor]) -> None:
        """
        Args:
            executors: by the name that Agent.executor uses.

        Raises:
            InvalidInput: an agent's executor is not among them.
        """
        for agent in registry.agents:
            if agent.executor not in executors:
                raise InvalidInput(
                    f"agent {agent.id!r} needs the executor {agent.executor!r}; "
                    f"known: {', '.join(sorted(executors)) or 'none'}"
                )
        self._registry = registry
        self._executors = dict(executors)
        self._busy = {agent.id: 0 for agent in registry.agents}
        self._places = {agent.id: asyncio.Semaphore(agent.capacity) for agent in registry.agents}

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Waits for a place at the chosen agent. Raises NoAgentAvailable when nobody can do it."""
        choice = choose_agent(assignment.persona.id, self._registry.agents, self._busy)
        agent = choice.agent
        await report(f"agent {agent.id} (score {choice.score:g}: {'; '.join(choice.reasons)})")
        self._busy[agent.id] += 1
        try:
            async with self._places[agent.id]:
                return await self._executors[agent.executor].execute(assignment, sandbox, report)
        finally:
            self._busy[agent.id] -= 1
