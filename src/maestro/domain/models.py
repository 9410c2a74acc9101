"""Language models: which plays whom, what may be spent, and one call of one as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from maestro.domain.values import Digest, JsonObject, JsonValue, RunId, StepId
from maestro.errors import InvalidInput

N = TypeVar("N", int, float)
EVERY_PERSONA = "*"


class WorkStyle(StrEnum):
    """How a model is asked to work."""

    TOOLS = "tools"
    """It calls tools until it says that it is done."""
    FILES = "files"
    """It is asked for one file at a time and answers with its text. For small models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float

    def __post_init__(self) -> None:
        if not (0 <= self.input < float("inf") and 0 <= self.output < float("inf")):
            raise InvalidInput(f"a price must be a number from 0 per million tokens, got {self!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """What is to be known of a model beyond its name."""

    style: WorkStyle | None = None
    """None: `files` for a server named by its URL, `tools` for a provider."""
    price: Price | None = None
    """Instead of the listed price; needed for a cost limit where none is listed."""
    timeout_seconds: float = 600.0
    """Longest wait for one answer."""
    output_tokens: int = 4096
    """Most tokens of one answer, which is one file at most."""
    concurrent: int = 2
    """Most calls of this process at once."""
    key_variable: str | None = None
    """Environment variable that holds the API key, instead of the provider's usual one."""
    base_url: str | None = None
    """Address to use instead of the provider's own."""

    def __post_init__(self) -> None:
        if self.output_tokens < 1 or self.concurrent < 1 or not 0 < self.timeout_seconds < 1e6:
            raise InvalidInput(
                "output_tokens and concurrent must be at least 1 and timeout_seconds above 0, "
                f"got {self!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What may be spent at most; None is no limit."""

    cost: float | None = None
    """US dollars."""
    tokens: int | None = None
    """Input and output together."""
    wall_seconds: float | None = None
    """From the first call on."""
    tool_calls: int | None = None

    def __post_init__(self) -> None:
        for name in ("cost", "tokens", "wall_seconds", "tool_calls"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise InvalidInput(f"a limit must be a number above 0, got {name} = {value!r}")

    def raised(self, more: "Caps") -> "Caps":
        """With what is given on top of each limit that there is."""
        return Caps(
            cost=_sum(self.cost, more.cost),
            tokens=_sum(self.tokens, more.tokens),
            wall_seconds=_sum(self.wall_seconds, more.wall_seconds),
            tool_calls=_sum(self.tool_calls, more.tool_calls),
        )

    def joined(self, more: "Caps") -> "Caps":
        """What is given twice, summed; for limits that were raised again."""
        return Caps(
            cost=_either(self.cost, more.cost),
            tokens=_either(self.tokens, more.tokens),
            wall_seconds=_either(self.wall_seconds, more.wall_seconds),
            tool_calls=_either(self.tool_calls, more.tool_calls),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Limits by what they are for; a call must fit all of them."""

    run: Caps = field(default_factory=Caps)
    phase: Caps = field(default_factory=Caps)
    step: Caps = field(default_factory=Caps)

    def raised(self, more: Caps) -> "Budgets":
        """With every limit raised by as much, wherever there is one."""
        return Budgets(
            run=self.run.raised(more), phase=self.phase.raised(more), step=self.step.raised(more)
        )

    @property
    def of_money(self) -> bool:
        """Whether some limit is one of cost, so that prices must be known."""
        return any(caps.cost is not None for caps in (self.run, self.phase, self.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTable:
    """Which models play which personas, and what they may spend. Holds no secret."""

    personas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Persona, or `*` for every one -> model and its fallbacks, first choice first."""
    planner: tuple[str, ...] = ()
    """The model that plans, and its fallbacks; empty: the offline planner does."""
    models: Mapping[str, ModelProfile] = field(default_factory=dict)
    """By the model's name as it is written in `personas`."""
    budgets: Budgets = field(default_factory=Budgets)
    samples: int = 4
    """Most fresh tries of a persona's work, the first one included."""
    repairs: int = 2
    """Most rounds of repair within one try."""

    def __post_init__(self) -> None:
        if not 1 <= self.samples <= 20 or not 0 <= self.repairs <= 20:
            raise InvalidInput(
                f"samples must lie between 1 and 20 and repairs between 0 and 20, got "
                f"{self.samples!r} and {self.repairs!r}"
            )

    def names(self, persona: str) -> tuple[str, ...]:
        """The model that plays the persona, and its fallbacks; empty where none does."""
        return self.personas.get(persona) or self.personas.get(EVERY_PERSONA) or ()

    def profile(self, model: str) -> ModelProfile:
        return self.models.get(model) or ModelProfile()

    def every_name(self) -> tuple[str, ...]:
        played = [name for names in self.personas.values() for name in names]
        return tuple(dict.fromkeys((*self.planner, *played)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    name: str
    description: str
    schema: JsonObject
    """JSON Schema of its arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    id: str
    name: str
    arguments: JsonValue
    """An object where the model kept to the schema; its text where it is not JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    call_id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a conversation: somebody's text, the model's answer, or tool outcomes."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    outcomes: tuple[ToolOutcome, ...] = ()
    by_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuestion:
    """What a model is asked: everything that decides about the answer."""

    instructions: str
    """The system position: ours alone, never text of others."""
    turns: tuple[Turn, ...]
    tools: tuple[ToolSpec, ...] = ()
    schema: JsonObject | None = None
    """JSON Schema that the answer must keep."""
    output_tokens: int = 4096
    temperature: float = 0.0
    seed: int = 0


class AnswerEnd(StrEnum):
    COMPLETE = "complete"
    CUT_OFF = "cut_off"  # at the limit of output tokens
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    model: str
    text: str
    calls: tuple[ToolCall, ...] = ()
    end: AnswerEnd = AnswerEnd.COMPLETE
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """US dollars; None = unknown."""
    seconds: float = 0.0


class JournaledCall(StrEnum):
    MODEL = "model"
    TOOL = "tool"
    CHECK = "check"  # of what was made; no call of the model's
    END = "end"  # the attempt came to a result; nothing of it is used again


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOwner:
    """Whose calls they are: one attempt of one step."""

    run_id: RunId
    step_id: StepId
    attempt: int
    phase: str
    persona: str
    """Or `planner`."""
    works_from: JsonObject
    """What its questions depend on: with something else, earlier answers are not used again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntry:
    """One line of the journal of calls."""

    run_id: RunId
    step_id: StepId
    attempt: int
    phase: str
    persona: str
    session: Digest
    """What the attempt works from: entries of another session are not used again."""
    kind: JournaledCall
    digest: Digest
    """Of the question, or of the tool call."""
    name: str
    """The model's or the tool's."""
    reserved_tokens: int = 0
    reserved_cost: float | None = 0.0
    """The most that the call can come to, counted until its answer is there; None = unknown."""
    longest_seconds: float = 0.0
    """After this long without an answer the call is not waited for any more."""
    answer: JsonValue = None
    """None: it was sent, and no answer was recorded."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    seconds: float = 0.0
    position: int = 0
    """Its place in the journal; the store gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a scope of a run has come to so far; sent calls without an answer at their most."""

    cost: float = 0.0
    tokens: int = 0
    tool_calls: int = 0
    model_calls: int = 0
    wall_seconds: float = 0.0
    unknown: int = 0
    """Calls whose cost nobody knows."""
    under_way: int = 0
    """Calls sent by a living attempt whose answer is not there yet."""

    def over(self, caps: Caps) -> str:
        """Which limit is reached, as a sentence; empty while there is room."""
        for name, unit in _LIMITS:
            cap, value = getattr(caps, name), getattr(self, name)
            if cap is not None and value >= cap:
                return f"{name.replace('_', ' ')} {value:g}{unit} of {cap:g}{unit} used"
        return ""


def _sum(own: N | None, more: N | None) -> N | None:
    return own if own is None or more is None else own + more


def _either(own: N | None, more: N | None) -> N | None:
    return more if own is None else own if more is None else own + more


_LIMITS = (("cost", " USD"), ("tokens", ""), ("wall_seconds", " s"), ("tool_calls", ""))
