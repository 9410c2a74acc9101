"""Everything decided before work starts."""

from dataclasses import dataclass

from maestro.domain.contract import Contract
from maestro.domain.requirement import Analysis
from maestro.domain.team import BlueprintMatch, Team
from maestro.domain.workflow import Step


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
