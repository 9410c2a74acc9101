"""The first steps of every run; apart from their handlers, so that starting one loads no craft."""

from dataclasses import replace

from maestro.domain.values import StepId
from maestro.domain.workflow import RetryPolicy, Step, StepKind, Workflow

ANALYSE, MATCH, DESIGN, ASSEMBLE = (
    StepId(f"plan.{name}") for name in ("analyse", "match", "design", "assemble")
)


def planning_workflow(seconds: float = 0.0) -> Workflow:
    """The first steps of every run; the last one extends the run by the build.

    Args:
        seconds: what the steps in which a model plans get at least.
    """
    return Workflow(
        name="build",
        steps=(
            _patient(_step(ANALYSE, "Analyse the requirement"), seconds),
            _patient(_step(MATCH, "Choose blueprint and team", ANALYSE), seconds),
            _step(DESIGN, "Design the contracts", MATCH),
            _fixing("Assemble the workflow", DESIGN),
        ),
    )


def planned_workflow() -> Workflow:
    """The first step of a run whose plan the caller brought along."""
    return Workflow(name="build", steps=(_fixing("Adopt the plan"),))


def _fixing(title: str, *needs: StepId) -> Step:
    """The plan is what gates hold the run against, so nobody edits it behind their back."""
    return replace(_step(ASSEMBLE, title, *needs), kind=StepKind.INTERFACE)


def _patient(step: Step, seconds: float) -> Step:
    return replace(step, timeout_seconds=max(step.timeout_seconds, seconds))


def _step(step_id: StepId, title: str, *needs: StepId) -> Step:
    return Step(
        id=step_id,
        action=step_id,
        title=title,
        needs=needs,
        phase="planning",
        retry=RetryPolicy(max_attempts=3, retry_on=("interrupted", "step_timed_out")),
    )
