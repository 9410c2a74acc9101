"""What doors for many need of the store beside the journal: lists, keys, workflows, requests."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from maestro.domain.access import ApiKey
from maestro.domain.figures import FigureKey, ReadingPurpose, RunNews, Timings
from maestro.domain.history import SteeredStep, TriedStep, WorkInHand
from maestro.domain.overview import (
    AttemptRecord,
    Headline,
    RunOverview,
    RunQuery,
    StartRequest,
    StoredWorkflow,
    StoreFigures,
)
from maestro.domain.run import RunStatus
from maestro.domain.values import RunId, StepId


class CountingRepository(Protocol):
    """Reading the journals of all runs, each event once for each purpose, whoever does it."""

    def unread(self, purpose: ReadingPurpose, limit: int) -> Sequence[tuple[RunId, int]]:
        """Runs with events that were not read yet, and the last one that was."""
        ...

    def backlog(self, purpose: ReadingPurpose) -> int:
        """How many such runs there are."""
        ...

    def news(self, run_id: RunId, before: int, limit: int) -> RunNews:
        """Raises NotFound."""
        ...

    def advance(self, purpose: ReadingPurpose, cursors: Mapping[RunId, tuple[int, int]]) -> None:
        """Moves each run's cursor from one event to another.

        Raises Conflict when a run was read by somebody else meanwhile.
        """
        ...

    def add(self, figures: Mapping[FigureKey, float]) -> None: ...

    def totals(self) -> Mapping[FigureKey, float]: ...

    def oldest_waiting(self) -> Mapping[str, float]:
        """For how long the oldest attempt waits for a worker, in seconds, by capability."""
        ...


class Timed(Protocol):
    @property
    def write_times(self) -> Timings:
        """Of the commits made through this store."""
        ...


class ListingRepository(Protocol):
    """Runs as lists show them; nothing here reads a run's events, but for `counting`."""

    @property
    def counting(self) -> CountingRepository: ...

    def page(self, query: RunQuery, limit: int) -> Sequence[RunOverview]:
        """Newest first."""
        ...

    def overview(self, run_id: RunId) -> RunOverview:
        """Raises NotFound."""
        ...

    def last_sequence(self, run_id: RunId) -> tuple[RunStatus, int]:
        """Status and last event's number, at the same moment. Raises NotFound."""
        ...

    def put_headline(self, run_id: RunId, last_sequence: int, headline: Headline) -> None:
        """Keeps what the run came to in the state whose last event has this number."""
        ...

    def attempts(self, run_id: RunId, step_id: StepId) -> Sequence[AttemptRecord]:
        """In order."""
        ...

    def unfinished(self, limit: int) -> Sequence[RunId]:
        """PENDING and RUNNING runs, oldest first."""
        ...

    def figures(self) -> StoreFigures: ...


class HistoryRepository(Protocol):
    """What the journal keeps of runs, read over many of them at once."""

    def tried(self, run_ids: Sequence[RunId]) -> Sequence[TriedStep]:
        """Their steps that were tried, run by run in the workflow's order."""
        ...

    def resets(self, run_ids: Sequence[RunId]) -> Sequence[SteeredStep]:
        """What somebody had done again, run by run in order."""
        ...

    def in_hand(self, projects: Collection[str] | None, limit: int) -> Sequence[WorkInHand]:
        """Work of personas that goes on or waits for a place, oldest run first; of all projects
        where None.
        """
        ...


class KeyRepository(Protocol):
    def insert(self, key: ApiKey) -> None:
        """Raises Conflict if the id is taken."""
        ...

    def get(self, key_id: str) -> ApiKey:
        """Raises NotFound."""
        ...

    def update(self, key: ApiKey) -> None: ...

    def every(self) -> Sequence[ApiKey]: ...


class WorkflowRepository(Protocol):
    """Workflow files that were handed in, by project and name."""

    def insert(self, workflow: StoredWorkflow) -> None:
        """Raises Conflict if the project has one of that name."""
        ...

    def get(self, project: str, name: str) -> StoredWorkflow:
        """Raises NotFound."""
        ...

    def find(self, projects: Collection[str] | None) -> Sequence[StoredWorkflow]:
        """Of all projects where None."""
        ...


class RequestRepository(Protocol):
    def insert(self, request: StartRequest, *, forget_before: datetime) -> None:
        """Raises Conflict when the key was used before; older ones than that are forgotten."""
        ...

    def find(self, principal: str, key: str) -> StartRequest | None: ...
