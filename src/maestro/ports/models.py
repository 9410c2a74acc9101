"""Language models, and the journal of what was asked of them."""

from collections.abc import Sequence
from typing import Protocol

from maestro.domain.models import (
    Budgets,
    CallEntry,
    CallOwner,
    ModelAnswer,
    ModelQuestion,
    ModelTable,
)
from maestro.domain.values import Digest, RunId, StepId
from maestro.ports.agents import Report


class LanguageModel(Protocol):
    @property
    def name(self) -> str:
        """As the user wrote it; holds no secret."""
        ...

    async def ask(self, question: ModelQuestion) -> ModelAnswer:
        """One call. Raises ModelFailed when there is no usable answer, after own retries."""
        ...

    def ceiling(self, question: ModelQuestion) -> tuple[int, float | None]:
        """The most tokens and US dollars that the call can come to; None = no price is known."""
        ...


class CallJournal(Protocol):
    """Every call of every attempt, durable before its answer is acted on."""

    async def open(self, run_id: RunId, step_id: StepId, session: Digest) -> Sequence[CallEntry]:
        """The answered calls of an attempt with this session that ended without a result, in
        order: a crashed one. What it had sent without an answer counts as spent from now on.
        """
        ...

    async def samples(self, run_id: RunId, step_id: StepId) -> int:
        """How many attempts of the step came to a result before."""
        ...

    async def begin(self, entry: CallEntry, budgets: Budgets) -> int:
        """Records that a call is about to be made; its position. Waits while calls under way may
        use up what is left. Raises BudgetExceeded, and nothing is recorded, when a limit is
        reached.
        """
        ...

    async def finish(self, position: int, entry: CallEntry) -> None:
        """Records what came of it."""
        ...

    async def end(self, entry: CallEntry) -> None:
        """Records that the attempt came to a result: nothing of it is used again."""
        ...


class Consultation(Protocol):
    """The questions of one attempt: each is in the journal and within the budgets, and one that
    was answered before the process died is not asked again.
    """

    async def ask(self, question: ModelQuestion) -> ModelAnswer:
        """Raises ModelFailed, BudgetExceeded."""
        ...

    def seed(self, sample: int, turn: int = 0) -> int: ...

    async def end(self) -> None:
        """The attempt came to a result: the next one asks afresh."""
        ...


class Consultants(Protocol):
    """What opens consultations with models."""

    async def consult(
        self, caller: CallOwner, table: ModelTable, names: Sequence[str], report: Report
    ) -> Consultation:
        """With the first of the models; the others are fallbacks. Raises InvalidInput for a model
        that cannot be used here.
        """
        ...
