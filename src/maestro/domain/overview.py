"""Runs as lists show them: short, and read without going through their events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from maestro.domain.run import Run, RunStatus, StepError
from maestro.domain.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What a run came to when it last came to rest, in figures."""

    partial: bool
    score: float | None
    """None where a term had no evidence."""
    band: str
    gates_passed: int
    gates_total: int
    contracts_verified: int
    contracts_total: int
    not_built: int
    cost: float | None
    """US dollars; None = unknown."""
    blueprint: str
    time_savings_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOverview:
    run: Run
    last_sequence: int
    """Of its last event: whoever knows this number knows this state."""
    steps: Mapping[str, int]
    """How many have which status."""
    headline: Headline | None = None
    """None unless it is of exactly this state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQuery:
    """Which runs a list shows; None leaves a field open."""

    projects: frozenset[str] | None = None
    status: RunStatus | None = None
    workflow: str | None = None
    since: datetime | None = None
    """Created at this moment or later."""
    ended: bool = False
    """Only those that have come to rest."""
    blueprint: str | None = None
    """Only those that came to rest with this one."""
    text: str = ""
    """In the id or the inputs, in whatever case."""
    before: tuple[datetime, str] | None = None
    """Behind the run with this moment of creation and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One try at a step, as the journal keeps it."""

    attempt: int
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    output: JsonValue
    error: StepError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWorkflow:
    """A workflow file that was handed in, to be run by its name."""

    name: str
    project: str
    source: str
    """The file's text."""
    digest: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """A start that its asker marked with a key, so that asking again starts nothing more."""

    principal: str
    key: str
    digest: str
    """Of what was asked."""
    run_id: str
    """The run it started."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFigures:
    """Counts over the whole store."""

    runs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By workflow and status."""
    projects: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By project and status."""
    steps: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Of runs that have not ended: by workflow and status."""
    work: Mapping[str, int] = field(default_factory=dict)
    """How many steps of personas have which status, in runs that have not ended."""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Attempts left to workers and not taken yet, by capability."""
