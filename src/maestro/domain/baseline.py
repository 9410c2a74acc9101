"""What the last passing run of a product measured, for gates that allow only so much of a drop."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from maestro.domain.quality import PhaseVerdict, Verdict
from maestro.domain.requirement import Requirement
from maestro.domain.values import JsonScalar, RunId

DEFAULT_PROJECT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    project: str
    subject: str
    """See subject_of."""
    phase: str
    run_id: RunId
    at: datetime
    """When that run ended."""
    metrics: Mapping[str, JsonScalar]

    def after(self, last: "Baseline | None") -> "Baseline":
        """With the marks of the last one that this run did not set anew: what was waived, or was
        not measured this time, keeps the value it may not fall behind.
        """
        return self if last is None else replace(self, metrics={**last.metrics, **self.metrics})


def subject_of(requirement: Requirement) -> str:
    """What a run's measurements may be compared with: a named project is one product; in the
    project nobody named, only the same requirement is.
    """
    if requirement.project != DEFAULT_PROJECT:
        return ""
    return hashlib.sha256(requirement.text.encode()).hexdigest()


def baselines(
    requirement: Requirement, run_id: RunId, at: datetime, verdicts: Sequence[PhaseVerdict]
) -> tuple[Baseline, ...]:
    """One per phase with a value. What a waiver let pass is no mark to be measured by."""
    found: list[Baseline] = []
    for verdict in verdicts:
        passed = [result for result in verdict.results if result.verdict is Verdict.PASS]
        metrics = {name: value for result in passed for name, value in result.observed.items()}
        if metrics:
            found.append(
                Baseline(
                    project=requirement.project,
                    subject=subject_of(requirement),
                    phase=verdict.phase,
                    run_id=run_id,
                    at=at,
                    metrics=metrics,
                )
            )
    return tuple(found)
