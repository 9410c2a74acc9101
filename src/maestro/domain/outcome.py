"""What a finished run came to."""

from dataclasses import dataclass

from maestro.domain.quality import PhaseVerdict, Score, TracedPart
from maestro.domain.values import RunId
from maestro.domain.work import NotBuilt, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Measured from the run's own events, in seconds."""

    wall: float
    sequential: float
    """Sum of all finished attempts' durations: what one worker would have taken."""
    critical_path: float
    """Longest chain of steps through the graph, by measured durations."""
    critical_steps: tuple[str, ...]

    @property
    def time_savings_percent(self) -> float:
        """How much shorter than one after the other; negative when it took longer."""
        return 0.0 if self.sequential <= 0 else 100.0 * (1.0 - self.wall / self.sequential)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    run_id: RunId
    status: str
    """The run's status; `partial` below tells a full success from one with parts left out."""
    partial: bool
    timing: Timing
    score: Score | None
    """None where a term has no evidence: unknown is never shown as a number."""
    verdicts: tuple[PhaseVerdict, ...]
    trace: tuple[TracedPart, ...]
    not_built: tuple[NotBuilt, ...]
    contracts_verified: int
    contracts_total: int
    usage: Usage
    reasons: tuple[str, ...]
    """Why it is blocked or failed."""
