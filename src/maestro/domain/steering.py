"""What people and programs may ask of a run, and when that is legal."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.run import ENDED_RUNS, FINISHED_STEPS, RunStatus, StepStatus
from maestro.domain.values import JsonValue, StepId
from maestro.errors import Conflict


class Verb(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    RERUN = "rerun"
    APPROVE = "approve"
    REJECT = "reject"
    SIGNAL = "signal"
    EDIT_OUTPUT = "edit-output"
    REWORK = "rework"


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """One request. Asking again for what was already done changes nothing and is no error."""

    verb: Verb
    by: str
    """Who asks; told by the event."""
    step_id: StepId | None = None
    """None where the verb concerns the whole run; RETRY without one means every step."""
    comment: str = ""
    payload: JsonValue = None
    """The signal's content, the new output, or for a rework the reasons by step."""


_GOING = frozenset({RunStatus.RUNNING, RunStatus.PAUSED})
_BAD_ENDS = frozenset({StepStatus.FAILED, StepStatus.BLOCKED, StepStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Rule:
    """When a verb is legal."""

    runs: frozenset[RunStatus]
    steps: frozenset[StepStatus] = frozenset()
    """Of the step it concerns; empty for verbs that concern the run."""


LEGAL: Mapping[Verb, Rule] = {
    Verb.PAUSE: Rule(_GOING),
    Verb.RESUME: Rule(_GOING),
    Verb.CANCEL: Rule(frozenset(RunStatus) - {RunStatus.SUCCEEDED}),
    Verb.RETRY: Rule(_GOING | {RunStatus.BLOCKED, RunStatus.FAILED}, _BAD_ENDS),
    Verb.RERUN: Rule(_GOING | ENDED_RUNS - {RunStatus.CANCELLED}, FINISHED_STEPS),
    Verb.APPROVE: Rule(_GOING, frozenset({StepStatus.AWAITING})),
    Verb.REJECT: Rule(_GOING, frozenset({StepStatus.AWAITING})),
    Verb.SIGNAL: Rule(
        _GOING | {RunStatus.PENDING}, frozenset({StepStatus.PENDING, StepStatus.AWAITING})
    ),
    Verb.EDIT_OUTPUT: Rule(
        _GOING | ENDED_RUNS - {RunStatus.CANCELLED}, frozenset({StepStatus.SUCCEEDED})
    ),
    Verb.REWORK: Rule(_GOING | ENDED_RUNS - {RunStatus.CANCELLED}, FINISHED_STEPS),
}
"""The one table of legal requests. Where a run goes from there: maestro.domain.run.LEGAL_MOVES."""


def check_verb(verb: Verb, run: RunStatus) -> None:
    """Raises Conflict when the verb cannot be asked of a run in this status."""
    if run not in LEGAL[verb].runs:
        allowed = ", ".join(sorted(LEGAL[verb].runs))
        raise Conflict(f"the run is {run.value}; {verb.value!r} is for runs that are: {allowed}")


def check_step_verb(verb: Verb, step_id: StepId, step: StepStatus) -> None:
    """Raises Conflict when the verb cannot be asked of a step in this status."""
    if step not in LEGAL[verb].steps:
        allowed = ", ".join(sorted(LEGAL[verb].steps))
        raise Conflict(
            f"step {step_id!r} is {step.value}; {verb.value!r} is for steps that are: {allowed}"
        )
