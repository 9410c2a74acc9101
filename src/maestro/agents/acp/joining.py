"""How a coding agent joins: it is started once and greeted, before its command is kept."""

from collections.abc import Mapping, Sequence

from maestro.agents.acp.conversation import greeted
from maestro.agents.acp.desk import CodingDesk
from maestro.ports import Reach, SandboxProvider


async def greet(
    command: Sequence[str], sandboxes: SandboxProvider, environment: Mapping[str, str]
) -> None:
    """Raises AgentFailed when it cannot be started or does not speak the protocol."""
    async with sandboxes.lend() as tree, sandboxes.open(tree) as sandbox:
        desk = CodingDesk(sandbox=sandbox, allowed=(), env={}, reach=Reach(), report=_unheard)
        async with greeted(command, desk, cwd=tree, environment=environment):
            return


async def _unheard(line: str) -> None:
    """Nobody watches a greeting."""
