"""Registered agents that are models: each plays with its own."""

from dataclasses import dataclass, replace

from maestro.domain.agent import Agent
from maestro.domain.models import EVERY_PERSONA, ModelTable
from maestro.domain.work import Assignment, WorkResult
from maestro.errors import InvalidInput, ModelFailed, NoAgentAvailable
from maestro.ports import PersonaExecutor, Report, Sandbox


@dataclass(frozen=True, slots=True)
class ModelAgents:
    """Executors of agents of the kind `llm`, by the agent's model."""

    executor: PersonaExecutor

    def of(self, agent: Agent) -> PersonaExecutor:
        """Raises NoAgentAvailable for an agent without a model."""
        if agent.model is None:
            raise NoAgentAvailable(f"agent {agent.id!r} names no model; register it again with one")
        return _Playing(self.executor, agent.model)


@dataclass(frozen=True, slots=True)
class _Playing:
    executor: PersonaExecutor
    model: str

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Limits, fallbacks and what is known of models are those of the run.

        Raises:
            ModelFailed: also where this process lacks what the model needs; another agent may do.
            InvalidInput: the same of a model that the run names, as nobody else was asked for.
        """
        table = assignment.table or ModelTable()
        named = table.names(assignment.persona.id)
        others = tuple(name for name in named if name != self.model)
        chosen = replace(table, personas={EVERY_PERSONA: (self.model, *others)})
        playing = replace(assignment, table=chosen)
        try:
            return await self.executor.execute(playing, sandbox, report)
        except InvalidInput as error:
            if named:
                raise
            raise ModelFailed(
                f"model {self.model!r} cannot be used here: {error}", unpaid=True
            ) from error
