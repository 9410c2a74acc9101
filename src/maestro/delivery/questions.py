"""Questions that personas ask people: an approval each, whose comment is the answer."""

from collections.abc import Mapping

from maestro.domain.quotation import one_line
from maestro.domain.values import StepId
from maestro.domain.work import Assignment, question_key
from maestro.domain.workflow import Step, StepKind
from maestro.errors import QuestionAsked
from maestro.ports import Clock, StepContext, Store
from maestro.workflow.control import RESUMES, ask

_PREFIX = "question."
_NO_WORDS = "approved, without a comment"
_SHOWN = 300


async def ask_people(
    store: Store, clock: Clock, context: StepContext, assignment: Assignment, asked: QuestionAsked
) -> None:
    """The run waits for the answer; approving starts the asking step again.

    Raises:
        Blocked: somebody refused to answer it.
    """
    persona = assignment.persona
    step = Step(
        id=StepId(f"{_prefix(context)}{question_key(asked.question)}"),
        kind=StepKind.APPROVAL,
        title=f"{persona.id} asks: {one_line(asked.question)[:_SHOWN]} (the comment is the answer)",
        phase=context.step.phase,
        persona=persona.id,
        inputs={RESUMES: context.step.id, "question": asked.question},
    )
    await store.write(lambda tx: ask(tx, context.run_id, step, clock.now()), about=context.run_id)


def answers_of(context: StepContext) -> Mapping[str, str]:
    """What was answered to the step's questions so far."""
    prefix = _prefix(context)
    return {
        step_id.removeprefix(prefix): str(output.get("comment") or _NO_WORDS)
        for step_id, output in context.outputs.items()
        if step_id.startswith(prefix) and isinstance(output, Mapping)
    }


def _prefix(context: StepContext) -> str:
    return f"{_PREFIX}{context.step.id}."
