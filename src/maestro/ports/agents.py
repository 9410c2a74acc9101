"""Who does an assignment."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from maestro.domain.work import Assignment, WorkResult
from maestro.ports.sandboxes import Sandbox

Report = Callable[[str], Awaitable[None]]
"""Tells watchers one line of progress."""


class PersonaExecutor(Protocol):
    """Does an assignment in a sandbox. Dispatchers, limiters and recorders have this same shape."""

    async def execute(self, assignment: Assignment, sandbox: Sandbox, report: Report) -> WorkResult:
        """Writes the deliverables below `sandbox.root` and runs the persona's own checks there.

        Raises NoAgentAvailable when nobody can do it; ExecutionError when the work broke.
        """
        ...
