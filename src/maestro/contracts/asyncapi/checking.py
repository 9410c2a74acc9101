"""Whether a message is one of those a channel allows; what is wrong names pointer and rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from maestro.contracts.asyncapi.model import EventMessage
from maestro.contracts.openapi.bundling import compiled
from maestro.contracts.openapi.pointers import join
from maestro.contracts.openapi.schemas import Schema
from maestro.domain.values import JsonObject, JsonValue

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageProblem:
    """One way in which a message breaks its contract."""

    pointer: str
    """`/total` in the payload, `headers/x-tenant` in the headers."""
    rule: str
    """Keyword of the schema, e.g. `required`, or a rule of ours."""
    detail: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.detail} ({self.rule})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    message: EventMessage | None
    """The message it is or comes nearest to; None where nothing may be said there."""
    problems: tuple[MessageProblem, ...] = ()
    unverifiable: str = ""
    """Why it could not be judged: neither good nor bad."""

    @property
    def fits(self) -> bool:
        return self.message is not None and not self.problems and not self.unverifiable

    @property
    def text(self) -> str:
        """Everything that is wrong in one line, empty for a message that fits."""
        if self.unverifiable:
            return f"unverifiable: {self.unverifiable}"
        return "; ".join(str(problem) for problem in self.problems)


class MessageCheck:
    """Holds values against one message; compiled when it is first asked."""

    def __init__(self, message: EventMessage) -> None:
        self.message = message

    @cached_property
    def _payload(self) -> Any:
        return compiled(self.message.payload, where=self.message.pointer)

    @cached_property
    def _headers(self) -> Any:
        return compiled(self.message.headers, where=self.message.pointer)

    def problems(self, payload: JsonValue, headers: JsonObject) -> tuple[MessageProblem, ...]:
        found = list(_problems(self._payload, payload, ""))
        if self.message.has_headers:
            found += _problems(self._headers, dict(headers), "headers")
        return tuple(dict.fromkeys(found))[:MAX_PROBLEMS]


class Judge:
    """Holds values against the messages that are allowed in one place."""

    def __init__(self, messages: Sequence[EventMessage]) -> None:
        self._checks = [MessageCheck(message) for message in messages]

    def judge(self, payload: JsonValue, headers: JsonObject, *, named: str = "") -> Judgement:
        """The first message that fits, or the nearest one with what is wrong.

        Args:
            payload: the decoded payload.
            headers: the message's own headers.
            named: only the message of this name counts.
        """
        checks = [c for c in self._checks if not named or c.message.name == named]
        if not checks:
            return Judgement(message=None, problems=(self._not_allowed(named),))
        nearest: tuple[int, MessageCheck, tuple[MessageProblem, ...]] | None = None
        for check in checks:
            if check.message.unverifiable:
                continue
            problems = check.problems(payload, headers)
            if not problems:
                return Judgement(message=check.message)
            distance = sum(10 if p.rule in ("const", "enum", "type") else 1 for p in problems)
            if nearest is None or distance < nearest[0]:
                nearest = (distance, check, problems)
        silent = next((c.message for c in checks if c.message.unverifiable), None)
        if silent is not None:
            return Judgement(message=silent, unverifiable=silent.unverifiable)
        assert nearest is not None
        return Judgement(message=nearest[1].message, problems=nearest[2])

    def _not_allowed(self, named: str) -> MessageProblem:
        if not self._checks:
            return MessageProblem(
                pointer="", rule="direction", detail="nobody may publish here but the application"
            )
        known = ", ".join(check.message.name for check in self._checks)
        return MessageProblem(
            pointer="", rule="message-name", detail=f"no message {named!r}; allowed are {known}"
        )


def schema_problems(schema: Schema, value: JsonValue, start: str) -> tuple[MessageProblem, ...]:
    """What is wrong with one value, e.g. of an address parameter."""
    return tuple(_problems(compiled(schema, where=start), value, start))


def _problems(validator: Any, value: JsonValue, start: str) -> Iterator[MessageProblem]:
    for error in validator.iter_errors(value):
        for leaf in _leaves(error):
            path = [str(token) for token in leaf.schema_path if not isinstance(token, int)]
            yield MessageProblem(
                pointer=join(start, *leaf.instance_path),
                rule=path[-1] if path else "false",
                detail=_brief(leaf.message),
            )


def _leaves(error: Any) -> Iterator[Any]:
    """Of a choice, the branch that comes nearest; `fits none of them` helps nobody."""
    branches = [list(branch) for branch in getattr(error.kind, "context", None) or () if branch]
    if not branches:
        yield error
        return
    for inner in min(branches, key=_distance):
        yield from _leaves(inner)


def _distance(branch: list[Any]) -> int:
    return sum(10 if _keyword(error) in ("const", "enum", "type") else 1 for error in branch)


def _keyword(error: Any) -> str:
    return str(error.schema_path[-1]) if error.schema_path else ""


def _brief(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:140]} ... {message[-140:]}"


def header_values(headers: Mapping[str, str], schema: Schema) -> JsonObject:
    """Texts as the values a schema asks for: headers on a wire have no types of their own."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    known = properties if isinstance(properties, Mapping) else {}
    names = {str(name).lower(): str(name) for name in known}
    made: dict[str, JsonValue] = {}
    for name, text in headers.items():
        own = names.get(name.lower(), name)
        made[own] = _typed(text, known.get(own))
    return made


def _typed(text: str, schema: Any) -> JsonValue:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    kinds = kind if isinstance(kind, list) else [kind]
    try:
        if "integer" in kinds:
            return int(text)
        if "number" in kinds:
            return float(text)
    except ValueError:
        return text
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    return text
