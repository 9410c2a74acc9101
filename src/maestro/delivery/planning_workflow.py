"""The first steps of every run; apart from their handlers, so that starting one loads no craft."""

from maestro.domain.values import StepId
from maestro.domain.workflow import RetryPolicy, Step, Workflow

ANALYSE, MATCH, DESIGN, ASSEMBLE = (
    StepId(f"plan.{name}") for name in ("analyse", "match", "design", "assemble")
)


def planning_workflow() -> Workflow:
    """The first steps of every run; the last one extends the run by the build."""
    return Workflow(
        name="build",
        steps=(
            _step(ANALYSE, "Analyse the requirement"),
            _step(MATCH, "Choose blueprint and team", ANALYSE),
            _step(DESIGN, "Design the contracts", MATCH),
            _step(ASSEMBLE, "Assemble the workflow", DESIGN),
        ),
    )


def planned_workflow() -> Workflow:
    """The first step of a run whose plan the caller brought along."""
    return Workflow(name="build", steps=(_step(ASSEMBLE, "Adopt the plan"),))


def _step(step_id: StepId, title: str, *needs: StepId) -> Step:
    return Step(
        id=step_id,
        action=step_id,
        title=title,
        needs=needs,
        phase="planning",
        retry=RetryPolicy(max_attempts=3, retry_on=("interrupted", "step_timed_out")),
    )
