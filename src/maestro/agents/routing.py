"""Which agent gets an assignment: a pure choice with its score, factors, fallbacks and reason."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, NamedTuple

from maestro.agents.vocabulary import asked_for
from maestro.domain.agent import (
    LOCAL_REGION,
    PRIOR_SUCCESS,
    Agent,
    AgentState,
    RoutingRules,
    RoutingWeights,
)
from maestro.domain.work import Assignment
from maestro.errors import NoAgentAvailable

FALLBACKS = 3
NAMED_REFUSALS = 5
EQUAL_WITHIN = 0.02
"""Scores this close are equal: measured rates differ a little between agents that are alike."""
_TWICE = 2.0
_QUICK_SECONDS = 1.0
"""Nobody is quicker than that in a way that matters."""
_GENERALIST = 0.5
"""Skill match of an agent that says nothing about what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkDemand:
    """What of an assignment matters to routing."""

    persona: str
    languages: tuple[str, ...] = ()
    """An agent that works in named languages has to have all of these."""
    text: str = ""
    """Untrusted: looked through for words, nothing more."""
    models: tuple[str, ...] = ()
    """The run wants one of these to play the persona, the first one first; empty = whoever can."""

    @staticmethod
    def of(assignment: Assignment) -> "WorkDemand":
        table = assignment.table
        return WorkDemand(
            persona=assignment.persona.id,
            languages=assignment.languages,
            text=f"{assignment.goal}\n{assignment.requirement}",
            models=() if table is None else table.names(assignment.persona.id),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An agent at the moment of the choice."""

    agent: Agent
    in_hand: int = 0
    given: int = 0
    """Assignments it was given lately; the one with fewest is the first among equals."""
    success: float = PRIOR_SUCCESS
    seconds: float | None = None
    unavailable: str = ""
    """Why it cannot take anything for now, e.g. that its process is gone; empty when it can."""

    @property
    def free(self) -> int:
        return max(0, self.agent.capacity - self.in_hand)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What the score is made of, each 0 to 1."""

    skill: float
    free: float
    success: float
    speed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    agent: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChoice:
    agent: Agent
    score: float
    """0 to 1."""
    factors: Factors
    must_wait: bool
    """Whether all who can do it are full."""
    reason: str
    fallbacks: tuple[Fallback, ...] = ()
    """The next best, best first."""
    excluded: tuple[str, ...] = ()
    """Agents that could have done it and were left out, because they had failed at it."""


def choose_agent(
    demand: WorkDemand,
    candidates: Sequence[Candidate],
    *,
    rules: RoutingRules | None = None,
    excluded: Collection[str] = (),
) -> AgentChoice:
    """The best of those who can do it and have a free place; the best of all when nobody has one.

    The same arguments always give the same choice: among equals the one that plays fewer
    personas, then the one with fewer assignments given, then by id.

    Raises:
        NoAgentAvailable: nobody can do it; the message says what is missing at whom.
    """
    rules = rules or RoutingRules()
    able, refused = _sorted_out(demand, candidates, rules, excluded)
    if not able:
        raise NoAgentAvailable(_missing(demand, candidates, refused))
    wanted = _wanted(demand, able)
    quickest = min((one.seconds for one in able if one.seconds is not None), default=0.0)
    skill_of = _SkillMatch(wanted)
    rated = [_rate(one, skill_of(one.agent), quickest, rules.weights) for one in able]
    first = _first_choice(demand, rated)
    with_room = [rating for rating in first if rating.free]
    best = _first_among_equals(with_room or first)
    others = [rating for rating in rated if rating is not best]
    return AgentChoice(
        agent=best.candidate.agent,
        score=round(best.score, 4),
        factors=best.factors(),
        must_wait=not with_room,
        reason=_reason(demand, best.candidate, wanted, len(able)),
        fallbacks=tuple(
            Fallback(agent=one.candidate.agent.id, score=round(one.score, 4))
            for one in nsmallest(FALLBACKS, others, key=_order(demand))
        ),
        excluded=tuple(sorted(id_ for id_, why in refused.items() if why == _FAILED)),
    )


_FAILED = "it failed at this before"


def _sorted_out(
    demand: WorkDemand,
    candidates: Sequence[Candidate],
    rules: RoutingRules,
    excluded: Collection[str],
) -> tuple[list[Candidate], Mapping[str, str]]:
    """Who can do it, and of those who play the persona why the others cannot."""
    able: list[Candidate] = []
    refused: dict[str, str] = {}
    for candidate in candidates:
        if demand.persona not in candidate.agent.personas:
            continue
        why = _refusal(demand, candidate, rules)
        if not why and excluded and candidate.agent.id in excluded:
            why = _FAILED
        if why:
            refused[candidate.agent.id] = why
        else:
            able.append(candidate)
    return able, refused


def _refusal(demand: WorkDemand, candidate: Candidate, rules: RoutingRules) -> str:
    agent = candidate.agent
    if agent.state is not AgentState.ACTIVE:
        return f"it is {agent.state.value}"
    if candidate.unavailable:
        return candidate.unavailable
    if agent.languages:
        for word in demand.languages:
            if word not in agent.languages:
                return f"it does not work in {word}"
    if agent.on_request or demand.models:
        why = _unasked(demand, agent)
        if why:
            return why
    unlimited = rules.cost_limit is None and not rules.regions
    return "" if unlimited else _over_limits(agent, rules)


def _unasked(demand: WorkDemand, agent: Agent) -> str:
    if agent.on_request and not demand.models:
        return "it works only for runs that name its model"
    if demand.models and agent.model not in demand.models:
        return f"the run wants to be played by {' or '.join(demand.models)}"
    return ""


def _over_limits(agent: Agent, rules: RoutingRules) -> str:
    if rules.cost_limit is not None and (agent.cost is None or agent.cost > rules.cost_limit):
        cost = "unknown" if agent.cost is None else f"{agent.cost:g}"
        return f"its cost is {cost}, the limit is {rules.cost_limit:g}"
    if rules.regions and agent.region not in (LOCAL_REGION, *rules.regions):
        return f"data may not go to {agent.region}"
    return ""


def _missing(
    demand: WorkDemand, candidates: Sequence[Candidate], refused: Mapping[str, str]
) -> str:
    if not refused:
        known = sorted({name for one in candidates for name in one.agent.personas})
        return (
            f"no agent plays the persona {demand.persona!r}; {len(candidates)} registered, "
            f"playing: {', '.join(known) or 'nothing'}; see 'maestro agents add'"
        )
    told = [f"{agent_id}: {why}" for agent_id, why in refused.items()]
    more = f"; and {len(told) - NAMED_REFUSALS} more" if len(told) > NAMED_REFUSALS else ""
    return (
        f"no agent that plays the persona {demand.persona!r} can take this: "
        f"{'; '.join(told[:NAMED_REFUSALS])}{more}; see 'maestro agents list'"
    )


def _wanted(demand: WorkDemand, able: Sequence[Candidate]) -> frozenset[str]:
    said = {(one.agent.skills, one.agent.languages) for one in able}
    declared = {term for skills, languages in said for term in (*skills, *languages)}
    return asked_for(demand.text, declared) | frozenset(demand.languages)


class _Rating(NamedTuple):
    score: float
    candidate: Candidate
    skill: float
    free: float
    success: float
    speed: float

    def factors(self) -> Factors:
        return Factors(
            skill=round(self.skill, 4),
            free=round(self.free, 4),
            success=round(self.success, 4),
            speed=round(self.speed, 4),
        )

    def rank(self) -> tuple[bool, float, str]:
        return not self.free, -self.score, self.candidate.agent.id


def _rate(candidate: Candidate, skill: float, quickest: float, weights: RoutingWeights) -> _Rating:
    free = candidate.free / candidate.agent.capacity
    success, speed = candidate.success, _speed(candidate.seconds, quickest)
    score = (
        weights.skill * skill
        + weights.free * free
        + weights.success * success
        + weights.speed * speed
    )
    return _Rating(score, candidate, skill, free, success, speed)


def _speed(seconds: float | None, quickest: float) -> float:
    """Assignments differ among themselves, so that only more than twice as long tells anything."""
    if seconds is None or seconds <= _QUICK_SECONDS:
        return 1.0
    return min(1.0, _TWICE * max(quickest, _QUICK_SECONDS) / seconds)


class _SkillMatch:
    """From 0.5 up by the share of what was asked for that an agent names; a specialist of something
    else comes after those who say nothing. Many agents say the same of themselves.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], float] = {}

    def __call__(self, agent: Agent) -> float:
        said = (agent.skills, agent.languages)
        match = self._known.get(said)
        if match is None:
            match = self._known[said] = self._match(*said)
        return match

    def _match(self, skills: tuple[str, ...], languages: tuple[str, ...]) -> float:
        if not self._wanted or not (skills or languages):
            return _GENERALIST
        named = self._wanted & {*skills, *languages}
        return _GENERALIST * (bool(named) + len(named) / len(self._wanted))


def _first_among_equals(ratings: Sequence[_Rating]) -> _Rating:
    least = max(rating.score for rating in ratings) - EQUAL_WITHIN
    return min(
        (rating for rating in ratings if rating.score >= least),
        key=lambda rating: (
            len(rating.candidate.agent.personas),
            rating.candidate.given,
            -rating.score,
            rating.candidate.agent.id,
        ),
    )


def _first_choice(demand: WorkDemand, ratings: Sequence[_Rating]) -> Sequence[_Rating]:
    """Those of the model that comes first in the run's own order; without one all."""
    if not demand.models:
        return ratings
    first = min(_place(demand, rating) for rating in ratings)
    return [rating for rating in ratings if _place(demand, rating) == first]


def _order(demand: WorkDemand) -> Callable[[_Rating], tuple[Any, ...]]:
    """What sorts ratings, the best one first."""
    if not demand.models:
        return _Rating.rank
    return lambda rating: (_place(demand, rating), rating.rank())


def _place(demand: WorkDemand, rating: _Rating) -> int:
    model = rating.candidate.agent.model
    return demand.models.index(model) if model in demand.models else len(demand.models)


def _reason(demand: WorkDemand, best: Candidate, wanted: frozenset[str], able: int) -> str:
    agent = best.agent
    named = sorted(wanted & {*agent.skills, *agent.languages})
    parts = [f"plays {demand.persona}"]
    if demand.models:
        parts.append(f"with {agent.model}, which the run names")
    if named:
        parts.append(f"knows {', '.join(named)}")
    parts.append(f"{best.free} of {agent.capacity} places free")
    parts.append("the only one who can" if able == 1 else f"best of {able}")
    return "; ".join(parts)
