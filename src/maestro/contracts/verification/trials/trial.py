"""What a trial is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from maestro.contracts.verification.trials.lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTrial:
    """One thing that the document promises, and how to try it. May be run again at will."""

    rule: str
    """Stable slug, e.g. `limit_kept`."""
    subject: str
    """The operation, with what of it is tried where there are several: `GET /x ?limit`."""
    statement: str
    run: Callable[[Lab], Awaitable[None]]
    """Raises Complaint or Untestable."""
    kind: str = "state"
    """`state` (acceptance), `negative` or `reply`."""
    repeats: int = 1
    """How often it is run again before what it found is dropped; races need more than one."""

    @property
    def id(self) -> str:
        return f"{self.rule} {self.subject}"

    @property
    def operation(self) -> str:
        """`GET /x`."""
        return " ".join(self.subject.split(" ")[:2])
