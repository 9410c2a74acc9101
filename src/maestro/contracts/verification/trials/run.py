"""Runs every trial, runs again those that found something, and believes only what shows twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from maestro.contracts.verification.trials.access import access_trials
from maestro.contracts.verification.trials.edges import edge_trials
from maestro.contracts.verification.trials.lab import Lab, Untestable
from maestro.contracts.verification.trials.life import life_trials
from maestro.contracts.verification.trials.lists import list_trials
from maestro.contracts.verification.trials.narrowing import narrowing_trials
from maestro.contracts.verification.trials.refusals import refusal_trials
from maestro.contracts.verification.trials.sameness import sameness_trials
from maestro.contracts.verification.trials.trial import ApiTrial
from maestro.contracts.verification.trials.wire import Complaint
from maestro.domain.contract import Finding
from maestro.errors import InvalidInput
from maestro.ports import Report

FINDINGS_PER_RULE = 3
GROUPS = (
    ("entries", life_trials),
    ("lists", list_trials),
    ("filters", narrowing_trials),
    ("uniqueness", sameness_trials),
    ("access", access_trials),
    ("valid requests", edge_trials),
    ("invalid requests", refusal_trials),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    trial: ApiTrial
    findings: tuple[Finding, ...] = ()
    unverified: str = ""
    """Why it could not be tried; empty where it was."""
    dropped: int = 0
    """Findings that did not show again."""


async def run_trials(lab: Lab, report: Report) -> tuple[TrialResult, ...]:
    """All trials of the document, in order."""
    results: list[TrialResult] = []
    for name, group in GROUPS:
        trials = list(_readable(group(lab)))
        if trials:
            await report(f"trying {name}: {len(trials)} trials")
        for trial in trials:
            results.append(await _settled(lab, trial))
    return tuple(results)


def _readable(trials: Iterator[ApiTrial]) -> Iterator[ApiTrial]:
    yield from trials


async def _settled(lab: Lab, trial: ApiTrial) -> TrialResult:
    """What is known already needs no proof again: one fault shows in many trials."""
    first = await _once(lab, trial)
    places = {(f.rule, f.operation) for f in first.findings}
    if places <= lab.confirmed:
        return first
    for _ in range(trial.repeats):
        again = await _once(lab, trial)
        lab.confirmed |= places & {(f.rule, f.operation) for f in again.findings}
        if places <= lab.confirmed:
            break
    kept = tuple(f for f in first.findings if (f.rule, f.operation) in lab.confirmed)
    return replace(first, findings=kept, dropped=len(first.findings) - len(kept))


async def _once(lab: Lab, trial: ApiTrial) -> TrialResult:
    lab.findings.clear()
    lab.wire.trail.clear()
    lab.rule, lab.blamed = trial.rule, trial.operation
    unverified = ""
    try:
        await trial.run(lab)
    except Complaint as complaint:
        lab.complain(complaint.finding)
    except (Untestable, InvalidInput) as error:
        unverified = str(error)
    findings = tuple(lab.findings)
    await lab.clean()
    return TrialResult(trial=trial, findings=findings, unverified=unverified)


def distinct(results: Iterable[TrialResult]) -> tuple[Finding, ...]:
    """Findings as people want to read them: the same fault is not told again and again."""
    kept: dict[tuple[str, str], list[Finding]] = {}
    for finding in (f for result in results for f in result.findings):
        alike = kept.setdefault((finding.rule, finding.operation), [])
        if len(alike) < FINDINGS_PER_RULE and finding.message not in {f.message for f in alike}:
            alike.append(finding)
    return tuple(f for alike in kept.values() for f in alike)
