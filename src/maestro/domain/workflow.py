"""A workflow is a directed acyclic graph of steps; building one refuses what cannot run."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject, StepId, first_duplicate, is_identifier
from maestro.errors import InvalidInput


class OnUnmet(StrEnum):
    """What a step does about a need that was skipped or failed."""

    SKIP = "skip"
    RUN = "run"
    FAIL = "fail"


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
    action: str
    """Name of the registered handler, e.g. `persona.work`."""
    needs: tuple[StepId, ...] = ()
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
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_seconds: float = 600.0
    priority: int = 0
    """Higher starts first among ready steps."""

    def __post_init__(self) -> None:
        # 10 and 10.0 are the same definition, so they must give the same digest.
        object.__setattr__(self, "timeout_seconds", float(self.timeout_seconds))

    @property
    def label(self) -> str:
        return self.title or self.id

    def summary(self) -> JsonObject:
        """What a watcher of the event stream needs to know of the step."""
        return {
            "id": self.id,
            "title": self.label,
            "phase": self.phase,
            "persona": self.persona,
            "action": self.action,
            "needs": list(self.needs),
        }

    def digest(self) -> str:
        """sha256 over the definition; the journal keeps it so that a replay cannot mix steps up."""
        text = json.dumps(encode(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        check_graph(self.steps)

    def step(self, step_id: StepId) -> Step:
        for step in self.steps:
            if step.id == step_id:
                return step
        raise InvalidInput(f"workflow {self.name!r} has no step {step_id!r}")

    def extended(self, steps: tuple[Step, ...]) -> "Workflow":
        """This workflow with more steps; refuses the same things as building it whole."""
        return Workflow(name=self.name, steps=self.steps + steps)


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
    by_id = {step.id: step for step in ordered}
    for step in ordered:
        for need in step.needs:
            if need not in by_id:
                raise InvalidInput(f"step {step.id!r} needs {need!r}, which is not a step")
    cycle = _find_cycle(by_id)
    if cycle:
        raise InvalidInput("steps need each other in a circle: " + " -> ".join(cycle))


def _check_step(step: Step) -> None:
    if not is_identifier(step.id):
        raise InvalidInput(
            f"step id {step.id!r}: use a small letter, then letters, digits, '.', '_', '-'"
        )
    if not step.action:
        raise InvalidInput(f"step {step.id!r}: action is empty; name a registered action")
    if step.timeout_seconds <= 0:
        raise InvalidInput(f"step {step.id!r}: timeout must be positive")


def generations(steps: Iterable[Step]) -> tuple[tuple[StepId, ...], ...]:
    """Steps grouped by the longest chain of needs before them: what can at best run together."""
    by_id = {step.id: step for step in steps}
    depth: dict[StepId, int] = {}
    for step_id in topological_order(by_id.values()):
        needs = by_id[step_id].needs
        depth[step_id] = 1 + max((depth[n] for n in needs if n in depth), default=-1)
    groups: dict[int, list[StepId]] = {}
    for step_id, level in depth.items():
        groups.setdefault(level, []).append(step_id)
    return tuple(tuple(groups[level]) for level in sorted(groups))


def topological_order(steps: Iterable[Step]) -> tuple[StepId, ...]:
    """Every step after its needs (Kahn's algorithm); needs outside `steps` count as met."""
    ordered = tuple(steps)
    known = {step.id for step in ordered}
    waiting = {step.id: sum(need in known for need in step.needs) for step in ordered}
    dependants: dict[StepId, list[StepId]] = {}
    for step in ordered:
        for need in step.needs:
            dependants.setdefault(need, []).append(step.id)
    ready = [step.id for step in ordered if waiting[step.id] == 0]
    result: list[StepId] = []
    for step_id in ready:  # grows while it is walked
        result.append(step_id)
        for dependant in dependants.get(step_id, ()):
            waiting[dependant] -= 1
            if waiting[dependant] == 0:
                ready.append(dependant)
    return tuple(result)


def _find_cycle(by_id: Mapping[StepId, Step]) -> list[StepId]:
    """One way round a cycle (first step repeated at the end), or an empty list."""
    finished = set(topological_order(by_id.values()))
    if len(finished) == len(by_id):
        return []
    trail: list[StepId] = []
    current = next(step_id for step_id in by_id if step_id not in finished)
    while current not in trail:
        trail.append(current)
        current = next(need for need in by_id[current].needs if need not in finished)
    return [*trail[trail.index(current) :], current]
