"""A model plans: it fills in forms, and each is drawn again until the checks take it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from maestro.domain.entities import DomainModel
from maestro.domain.models import AnswerEnd, ModelAnswer, ModelQuestion, ModelTable
from maestro.domain.requirement import (
    Analysis,
    Constraints,
    PartKind,
    Requirement,
    RequirementPart,
    RequirementType,
)
from maestro.domain.team import BlueprintMatch, Team
from maestro.domain.values import JsonObject
from maestro.errors import Blocked
from maestro.planning.by_model.forms import (
    ContractForm,
    DomainForm,
    Form,
    TeamForm,
    UnderstandingForm,
    Unusable,
    filled,
    schema_of,
)
from maestro.planning.by_model.proposals import proposed_contract, proposed_domain
from maestro.planning.by_model.questions import (
    CONTRACT,
    DOMAIN,
    TEAM,
    UNDERSTANDING,
    outline,
    question,
)
from maestro.planning.by_model.tracing import assumptions, traced, unplanned
from maestro.planning.catalogue import Catalogue
from maestro.planning.compose import compose
from maestro.planning.estimate import estimate
from maestro.planning.match import match
from maestro.ports import Consultation, Report

T = TypeVar("T")
F = TypeVar("F", bound=Form)
_TOKENS = {UnderstandingForm: 900, DomainForm: 3000, ContractForm: 1200, TeamForm: 300}
"""Most tokens of each answer."""
_WHAT = {
    UnderstandingForm: "what is asked for",
    DomainForm: "the domain model",
    ContractForm: "the contracts",
    TeamForm: "the team",
}
_VAGUE = 0.5
_ASK = (
    "What things should the software keep, and what is known about each of them? "
    "For example: 'books have a title, an author and a year; members borrow books'."
)


@dataclass(slots=True, kw_only=True)
class ModelPlanner:
    """One attempt at planning."""

    model: str
    """Asked first; the others that the table names are asked where it gives no answer."""
    table: ModelTable
    consultation: Consultation
    report: Report
    tries: list[JsonObject] = field(default_factory=list)
    _turn: int = 0
    _answering: str = ""
    """Whose answer was the last one."""
    _taken: dict[str, None] = field(default_factory=dict)
    """Whose answers passed the checks, in order."""

    async def analyse(self, requirement: Requirement) -> Analysis:
        """What is asked for, the domain model and what the contracts offer.

        Raises:
            Blocked: no answer passed the checks.
            ModelFailed, BudgetExceeded.
        """
        text = requirement.text
        said = [("The requirement", text)]
        understood = await self._drawn(UnderstandingForm, UNDERSTANDING, said, lambda form: form)
        if not _feature(understood):
            return await asyncio.to_thread(self._refused, understood, text)
        domain = await self._drawn(
            DomainForm, DOMAIN, said, lambda form: proposed_domain(form, understood, text)
        )
        said.append(("The entities, as they were planned", outline(domain)))
        domain = await self._drawn(
            ContractForm, CONTRACT, said, lambda form: proposed_contract(form, domain, text)
        )
        return await asyncio.to_thread(self._analysis, understood, domain, text)

    async def compose(
        self,
        analysis: Analysis,
        catalogue: Catalogue,
        constraints: Constraints,
        check: Callable[[Team], None],
    ) -> tuple[tuple[BlueprintMatch, ...], Team]:
        """Blueprint and team. What the rules say is needed stays needed: a model only adds.

        Args:
            check: raises InvalidInput for a team that the plan cannot be made with.

        Raises: as `analyse`.
        """
        matches = match(analysis, catalogue, constraints)
        offered = [found.blueprint for found in matches]
        known = sorted({e for p in catalogue.personas.values() for e in p.expertise})
        told = "\n".join(f"{b.id}: {b.summary}" for b in map(catalogue.blueprint, offered))
        parts = [
            ("What is planned", f"{analysis.domain.title}\n{outline(analysis.domain)}"),
            ("Blueprints, the one the rules prefer first", told),
            ("Expertise that is needed anyway", ", ".join(analysis.expertise)),
        ]

        def read(form: TeamForm) -> tuple[tuple[BlueprintMatch, ...], Team]:
            unknown = sorted(set(form.expertise) - set(known))
            if form.blueprint not in offered or unknown:
                raise Unusable(
                    f"blueprint must be one of {', '.join(offered)}; unknown expertise: "
                    f"{', '.join(unknown) or 'none'}"
                )
            asked = tuple(dict.fromkeys((*analysis.expertise, *form.expertise)))
            team = compose(
                catalogue.blueprint(form.blueprint), replace(analysis, expertise=asked), catalogue
            )
            check(team)
            return _chosen(matches, form, self._answering), team

        choices = {"blueprint": offered, "expertise": known}
        return await self._drawn(TeamForm, TEAM, parts, read, choices)

    async def _drawn(
        self,
        form: type[F],
        instructions: str,
        parts: Sequence[tuple[str, str]],
        read: Callable[[F], T],
        choices: dict[str, list[str]] | None = None,
    ) -> T:
        """Asks until what was filled in passes the checks, each time with the last faults told."""
        complaints: tuple[str, ...] = ()
        schema, most = schema_of(form, choices), min(_TOKENS[form], self._most())
        for sample in range(self.table.samples):
            await self.report(f"{self.model} plans {_WHAT[form]} (try {sample + 1})")
            asked = question(instructions, parts, complaints, schema, most)
            answer = await self.consultation.ask(self._seeded(asked, sample))
            self._answering = answer.model
            try:
                taken = await asyncio.to_thread(_read, form, answer, read)
            except Unusable as error:
                complaints = error.reasons
                self.tries.append(
                    {"of": _WHAT[form], "try": sample + 1, "failed": list(complaints)}
                )
            else:
                self._taken[answer.model] = None
                return taken
        await self.consultation.end()
        raise Blocked(
            f"what {self._answering!r} plans as {_WHAT[form]} does not pass the checks of a plan "
            f"after {self.table.samples} tries",
            reasons=complaints,
            detail={"tries": self.tries, "planner": self._answering},
        )

    def _seeded(self, asked: ModelQuestion, sample: int) -> ModelQuestion:
        self._turn += 1
        temperature = 0.0 if sample == 0 else min(0.9, 0.3 + 0.2 * sample)
        seed = self.consultation.seed(sample, self._turn)
        return replace(asked, temperature=temperature, seed=seed)

    def _most(self) -> int:
        return min(self.table.profile(name).output_tokens for name in self.table.planner)

    @property
    def _planner(self) -> str:
        return " and ".join(self._taken)

    def _analysis(self, understood: UnderstandingForm, domain: DomainModel, text: str) -> Analysis:
        parts = traced(domain, understood.cannot_be_built, text)
        why = f"Read as feature development by {self._planner}."
        made = self._made(understood, domain, parts, why)
        return replace(
            made,
            confidence=_confidence(understood.confidence, parts),
            assumptions=assumptions(domain, self._planner),
            buildable=True,
        )

    def _refused(self, understood: UnderstandingForm, text: str) -> Analysis:
        """Work on existing code has no model of its own; guessing one would invite a fake app."""
        name = understood.type.value.replace("_", " ")
        reason = f"{name} changes existing code, and no code was given"
        empty = DomainModel(title=understood.title, entities=(), has_page=False)
        made = self._made(understood, empty, unplanned(text, reason), f"Read as {name}.")
        ask = f"This reads as {name} of existing code, and no code was given."
        return replace(made, open_questions=(ask, *made.open_questions), buildable=False)

    def _made(
        self,
        understood: UnderstandingForm,
        domain: DomainModel,
        parts: tuple[RequirementPart, ...],
        why: str,
    ) -> Analysis:
        rated = estimate(understood.type, domain, parts, why)
        questions = tuple(q.strip() for q in understood.questions if q.strip())
        return Analysis(
            type=understood.type,
            complexity=rated.complexity,
            parallelizability=rated.parallelizability,
            expertise=rated.expertise,
            effort_hours=rated.effort_hours,
            risks=rated.risks,
            dependencies=rated.dependencies,
            rationale=rated.rationale,
            confidence=understood.confidence,
            domain=domain,
            parts=parts,
            open_questions=questions or ((_ASK,) if understood.confidence < _VAGUE else ()),
            planner=self._planner,
        )


def _feature(understood: UnderstandingForm) -> bool:
    return understood.type is RequirementType.FEATURE_DEVELOPMENT


def _read(form: type[F], answer: ModelAnswer, read: Callable[[F], T]) -> T:
    """Raises Unusable."""
    if answer.end is AnswerEnd.REFUSED:
        raise Unusable("the model refused to answer")
    if answer.end is AnswerEnd.CUT_OFF:
        raise Unusable("the answer was cut off; it must be shorter")
    return read(filled(form, answer.text))


def _confidence(said: float, parts: Sequence[RequirementPart]) -> float:
    """What the model says, lowered by the share of parts that nothing was made of."""
    if not parts:
        return min(said, 0.3)
    unknown = sum(part.kind is PartKind.UNKNOWN for part in parts) / len(parts)
    return round(said * (1.0 - 0.8 * unknown), 2)


def _chosen(
    matches: Sequence[BlueprintMatch], form: TeamForm, model: str
) -> tuple[BlueprintMatch, ...]:
    """The model's choice first, with its reason; the scores stay what the rules give."""
    chosen = next(found for found in matches if found.blueprint == form.blueprint)
    others = (found for found in matches if found is not chosen)
    reason = f"chosen by {model}: {form.reason.strip() or 'no reason given'}"
    return (replace(chosen, reasons=(reason, *chosen.reasons)), *others)
