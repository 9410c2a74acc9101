"""Everything decided before work starts."""

from dataclasses import dataclass

from maestro.domain.contract import Contract
from maestro.domain.requirement import Analysis
from maestro.domain.team import BlueprintMatch, Team
from maestro.domain.values import JsonValue, StepId
from maestro.domain.workflow import Step

WAITS = "waits"
"""Input of a work step: the steps it waits for only because of files, each with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    analysis: Analysis
    matches: tuple[BlueprintMatch, ...]
    """Best first; the team follows the first."""
    team: Team
    contracts: tuple[Contract, ...]
    steps: tuple[Step, ...]
    """The build workflow, after the planning steps."""
    parallel: bool
    """False: builders work one after the other, because the caller or the blueprint says so."""

    def waits(self) -> tuple["Wait", ...]:
        """Who works behind whom only because both may write the same file."""
        return tuple(
            Wait(step=step.id, earlier=StepId(earlier), reason=reason)
            for step in self.steps
            for earlier, reason in _entries(step.inputs.get(WAITS))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    step: StepId
    earlier: StepId
    reason: str


def _entries(value: JsonValue) -> list[tuple[str, str]]:
    entries = value.items() if isinstance(value, dict) else ()
    return [(earlier, reason) for earlier, reason in entries if isinstance(reason, str)]
