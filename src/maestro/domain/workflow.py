"""A workflow is a directed acyclic graph of steps; building one refuses what cannot run."""

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from maestro.domain.encoding import canonical, concise
from maestro.domain.values import JsonObject, StepId, first_duplicate, is_identifier
from maestro.errors import InvalidInput


class StepKind(StrEnum):
    """What a step is for. All but APPROVAL and SIGNAL run the handler of their action."""

    ACTION = "action"
    INTERFACE = "interface"
    """Fixes a contract or a plan that others work from; it cannot be edited."""
    GATE = "gate"
    """Gathers or judges evidence; what it found cannot be edited."""
    APPROVAL = "approval"
    """Waits until a person approves or rejects; a rejection blocks the step."""
    SIGNAL = "signal"
    """Waits for a signal sent to the step; its payload is the step's output."""
    NOTIFICATION = "notification"


AWAITING_KINDS = frozenset({StepKind.APPROVAL, StepKind.SIGNAL})
"""Kinds whose steps wait for somebody: no handler, no attempt at work, no place in the run."""


class OnUnmet(StrEnum):
    """What a step does about a need that was skipped or failed."""

    SKIP = "skip"
    RUN = "run"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRule:
    """What a step does when one particular need ended otherwise than well."""

    skipped: OnUnmet = OnUnmet.SKIP
    failed: OnUnmet = OnUnmet.SKIP
    """Also for a need that was blocked or cancelled."""
    alone: bool = False
    """When this need is unmet the rules of the others do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Waiting time before attempt n+1 is min(delay * backoff**(n-1), max_delay), times a jitter
    factor drawn once per attempt from [1 - jitter, 1 + jitter].
    """

    max_attempts: int = 1
    delay_seconds: float = 1.0
    backoff: float = 2.0
    max_delay_seconds: float = 60.0
    jitter: float = 0.1
    retry_on: tuple[str, ...] = ()
    """Error codes worth another attempt; empty = every error marked retryable."""

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise InvalidInput(f"retry.max_attempts must be at least 1, got {self.max_attempts!r}")
        if self.delay_seconds < 0 or self.max_delay_seconds < 0 or self.backoff < 1:
            raise InvalidInput(
                f"retry delays must not be negative and backoff at least 1, got {self!r}"
            )
        if not 0 <= self.jitter <= 1:
            raise InvalidInput(f"retry.jitter must lie in 0..1, got {self.jitter!r}")
        for name in ("delay_seconds", "backoff", "max_delay_seconds", "jitter"):
            object.__setattr__(self, name, float(getattr(self, name)))  # see Step.__post_init__


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    id: StepId
    action: str = ""
    """Name of the registered handler, e.g. `persona.work`; empty for APPROVAL and SIGNAL."""
    kind: StepKind = StepKind.ACTION
    needs: tuple[StepId, ...] = ()
    edges: Mapping[str, EdgeRule] = field(default_factory=dict)
    """Rules for single needs; the others follow `on_unmet`. With several unmet needs FAIL wins
    over SKIP and SKIP over RUN."""
    parent: StepId | None = None
    """The step that waits for this one as if it had it among its needs; for steps that extend a
    run and on whose results an earlier step was always meant to wait."""
    inputs: JsonObject = field(default_factory=dict)
    title: str = ""
    """For people; the id where empty."""
    phase: str = ""
    persona: str = ""
    when: str | None = None
    """CEL condition; false skips the step. Refers to earlier outputs as `outputs.<step>.<field>`,
    with `_` for every `-` and `.` of the step's id; the field must be in that step's `yields`."""
    yields: Mapping[str, str] = field(default_factory=dict)
    """Output fields that conditions may use: name -> `bool`, `int`, `double` or `string`."""
    on_unmet: OnUnmet = OnUnmet.SKIP
    """Applies to every need that ended skipped, failed or blocked. SKIP and RUN are for optional
    work; a need that failed or was blocked still keeps the run from succeeding."""
    retry: RetryPolicy = RetryPolicy()
    timeout_seconds: float = 600.0
    """Of one attempt."""
    expires_seconds: float | None = None
    """How long an APPROVAL or SIGNAL is waited for before the step fails; None = for ever."""
    priority: int = 0
    """Higher starts first among ready steps."""
    capability: str = ""
    """Who may run it: a worker that offers this capability; empty = whoever drives the run."""
    concurrency: str = ""
    """Key of `Workflow.concurrency` that limits how many such steps run at once."""
    _definition: str = field(default="", init=False, repr=False, compare=False)
    """What `definition` gave before: it is asked for several times in the life of a step."""
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # 10 and 10.0 are the same definition, so they must give the same digest.
        object.__setattr__(self, "timeout_seconds", float(self.timeout_seconds))
        if self.expires_seconds is not None:
            object.__setattr__(self, "expires_seconds", float(self.expires_seconds))

    @property
    def awaits(self) -> bool:
        return self.kind in AWAITING_KINDS

    def reaction(self, need: StepId, *, skipped: bool) -> OnUnmet:
        """What it does about a need that ended skipped, or otherwise not well."""
        rule = self.edges.get(need)
        if rule is None:
            return self.on_unmet
        return rule.skipped if skipped else rule.failed

    @property
    def label(self) -> str:
        return self.title or self.id

    def summary(self) -> JsonObject:
        """What a watcher of the event stream needs to know of the step."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "title": self.label,
            "phase": self.phase,
            "persona": self.persona,
            "action": self.action,
            "needs": list(self.needs),
        }

    def definition(self) -> str:
        """Canonical JSON of the definition, without the fields that are at their default.

        So a later Maestro with more fields writes the same text for the same step.
        """
        if not self._definition:
            object.__setattr__(self, "_definition", canonical(concise(self)))
        return self._definition

    def digest(self) -> str:
        """sha256 over the definition; the journal keeps it so that a replay cannot mix steps up."""
        if not self._digest:
            digest = hashlib.sha256(self.definition().encode()).hexdigest()
            object.__setattr__(self, "_digest", digest)
        return self._digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    steps: tuple[Step, ...]
    concurrency: Mapping[str, int] = field(default_factory=dict)
    """Most steps of one run with this `Step.concurrency` key at work at once."""
    _needs: Mapping[StepId, tuple[StepId, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What `needs` gave before: many runs share a workflow."""

    def __post_init__(self) -> None:
        check_graph(self.steps)
        for key, limit in self.concurrency.items():
            if limit < 1:
                raise InvalidInput(f"concurrency {key!r} must be at least 1, got {limit!r}")
        for step in self.steps:
            if step.concurrency and step.concurrency not in self.concurrency:
                known = ", ".join(self.concurrency) or "none"
                raise InvalidInput(
                    f"step {step.id!r}: unknown concurrency key {step.concurrency!r}; the "
                    f"workflow's keys: {known}"
                )

    def step(self, step_id: StepId) -> Step:
        for step in self.steps:
            if step.id == step_id:
                return step
        raise InvalidInput(f"workflow {self.name!r} has no step {step_id!r}")

    def needs(self) -> Mapping[StepId, tuple[StepId, ...]]:
        """What each step waits for; see `all_needs`."""
        if not self._needs:
            object.__setattr__(self, "_needs", all_needs(self.steps))
        return self._needs

    def extended(self, steps: tuple[Step, ...]) -> "Workflow":
        """This workflow with more steps; refuses the same things as building it whole."""
        return replace(self, steps=self.steps + steps)


def check_graph(steps: Iterable[Step]) -> None:
    """Refuses bad ids, duplicates, unknown needs, limits out of range and cycles.

    Raises:
        InvalidInput: names the step and the rule; for a cycle, the whole way round.
    """
    ordered = tuple(steps)
    for step in ordered:
        _check_step(step)
    duplicate = first_duplicate([step.id for step in ordered])
    if duplicate is not None:
        raise InvalidInput(f"step id {duplicate!r} is used twice")
    known = {step.id for step in ordered}
    for step in ordered:
        _check_needs(step, known)
    cycle = _find_cycle(ordered)
    if cycle:
        raise InvalidInput("steps need each other in a circle: " + " -> ".join(cycle))


def _check_step(step: Step) -> None:
    if not is_identifier(step.id):
        raise InvalidInput(
            f"step id {step.id!r}: use a small letter, then letters, digits, '.', '_', '-'"
        )
    if step.awaits and step.action:
        raise InvalidInput(
            f"step {step.id!r}: {step.kind.value} steps have no action, got {step.action!r}"
        )
    if not step.awaits and not step.action:
        raise InvalidInput(f"step {step.id!r}: action is empty; name a registered action")
    if step.timeout_seconds <= 0:
        raise InvalidInput(f"step {step.id!r}: timeout must be positive")
    if step.expires_seconds is not None and (not step.awaits or step.expires_seconds <= 0):
        raise InvalidInput(
            f"step {step.id!r}: expires is for approval and signal steps and must be positive, "
            f"got {step.expires_seconds!r}"
        )


def _check_needs(step: Step, known: Set[StepId]) -> None:
    for need in step.needs:
        if need not in known:
            raise InvalidInput(f"step {step.id!r} needs {need!r}, which is not a step")
    if step.parent is not None and step.parent not in known:
        raise InvalidInput(f"step {step.id!r} has the parent {step.parent!r}, which is not a step")
    for edge in step.edges:
        if edge not in step.needs:
            raise InvalidInput(
                f"step {step.id!r} has a rule for {edge!r}, which is not among its needs"
            )


def all_needs(steps: Iterable[Step]) -> dict[StepId, tuple[StepId, ...]]:
    """What each step waits for: its needs, then the steps that name it as their parent."""
    ordered = tuple(steps)
    children: dict[StepId, list[StepId]] = {}
    for step in ordered:
        if step.parent is not None:
            children.setdefault(step.parent, []).append(step.id)
    return {
        step.id: tuple(dict.fromkeys((*step.needs, *children.get(step.id, ())))) for step in ordered
    }


def generations(steps: Iterable[Step]) -> tuple[tuple[StepId, ...], ...]:
    """Steps grouped by the longest chain of needs before them: what can at best run together."""
    needs_of = all_needs(steps)
    depth: dict[StepId, int] = {}
    for step_id in _in_order(needs_of):
        needs = needs_of[step_id]
        depth[step_id] = 1 + max((depth[n] for n in needs if n in depth), default=-1)
    groups: dict[int, list[StepId]] = {}
    for step_id, level in depth.items():
        groups.setdefault(level, []).append(step_id)
    return tuple(tuple(groups[level]) for level in sorted(groups))


def topological_order(steps: Iterable[Step]) -> tuple[StepId, ...]:
    """Every step after what it waits for; needs outside `steps` count as met."""
    return _in_order(all_needs(steps))


def _in_order(needs_of: Mapping[StepId, tuple[StepId, ...]]) -> tuple[StepId, ...]:
    """Kahn's algorithm; steps in a circle are left out."""
    waiting = {step: sum(need in needs_of for need in needs) for step, needs in needs_of.items()}
    dependants: dict[StepId, list[StepId]] = {}
    for step_id, needs in needs_of.items():
        for need in needs:
            dependants.setdefault(need, []).append(step_id)
    ready = [step_id for step_id, count in waiting.items() if count == 0]
    result: list[StepId] = []
    for step_id in ready:  # grows while it is walked
        result.append(step_id)
        for dependant in dependants.get(step_id, ()):
            waiting[dependant] -= 1
            if waiting[dependant] == 0:
                ready.append(dependant)
    return tuple(result)


def _find_cycle(steps: Iterable[Step]) -> list[StepId]:
    """One way round a cycle (first step repeated at the end), or an empty list."""
    needs_of = all_needs(steps)
    finished = set(_in_order(needs_of))
    if len(finished) == len(needs_of):
        return []
    trail: list[StepId] = []
    current = next(step_id for step_id in needs_of if step_id not in finished)
    while current not in trail:
        trail.append(current)
        current = next(need for need in needs_of[current] if need not in finished)
    return [*trail[trail.index(current) :], current]
