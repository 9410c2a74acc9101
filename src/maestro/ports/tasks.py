"""The attempts that are left to workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from maestro.domain.values import JsonObject, RunId, StepId


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An attempt that is left to workers."""

    run_id: RunId
    step_id: StepId
    attempt: int
    token: int = 0
    """Grows with every claim; only the last claimant's result is taken."""
    worker: str = ""


class TaskRepository(Protocol):
    """The attempts that wait for, or are with, workers; their rows end with the attempt."""

    def claim(self, capabilities: Sequence[str], worker: str, lease_seconds: float) -> Task | None:
        """The waiting task of highest priority, then longest waiting, that one of these
        capabilities can do; two workers never get the same one.
        """
        ...

    def renew(self, task: Task, lease_seconds: float) -> bool:
        """False when the task was taken back: its worker must end the work at once."""
        ...

    def finish(self, task: Task, result: JsonObject) -> None:
        """Raises LeaseLost when the task is no longer this worker's."""
        ...

    def finished(self, run_id: RunId) -> Sequence[tuple[Task, JsonObject]]:
        """Tasks with a result that the run's driver has not recorded yet."""
        ...

    def expired(self, run_id: RunId) -> Sequence[Task]:
        """Tasks whose worker has not renewed its lease in time."""
        ...

    def of_run(self, run_id: RunId) -> Sequence[Task]:
        """Every task of the run that has not been recorded."""
        ...
