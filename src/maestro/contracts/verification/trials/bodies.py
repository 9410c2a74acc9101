"""Request bodies that a document accepts: fresh ones, and those at its edges."""

import copy
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from maestro.contracts.openapi.operations import Operation
from maestro.contracts.samples import Sampler
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.values import NoValue, is_nullable, kinds, members, value

LONGEST = 20_000
"""Texts at a limit above it are not tried: servers may refuse bodies of that size."""
MOST_ITEMS = 2000
UNICODE = "Grüße, Ωmega 東京 🚀"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    value: Any
    about: str
    """What is particular about it."""
    rule: str = ""
    """The schema keyword it is at the edge of, or that it breaks."""
    pointer: str = ""


@dataclass(slots=True)
class BodyMaker:
    """Valid bodies of the operations of one API; texts differ from body to body."""

    api: ApiUnderTest
    first: int
    """Texts of another run must not be met again where entries are kept."""
    made: int = 0

    def fresh(self, operation: Operation) -> Any:
        """A generous valid body. Raises InvalidInput where none can be made."""
        schema = self.api.body(operation)
        made = Sampler(self.api.sent(schema), name=operation.operation_id).sample()
        if not isinstance(made, Mapping):
            return made
        properties = self.api.properties(schema)
        body = {n: v for n, v in made.items() if properties.get(n, {}).get("readOnly") is not True}
        self.made += 1
        for name, found in properties.items():
            if name in body:
                self._renew(operation, body, name, found)
        return body

    def lean(self, operation: Operation, body: Mapping[str, Any]) -> dict[str, Any]:
        """The same with nothing but what is required."""
        required = self.api.required(self.api.body(operation))
        return {name: entry for name, entry in body.items() if name in required}

    def valid(self, operation: Operation, body: Any) -> bool:
        return bool(self.api.accepts(self.api.body(operation)).is_valid(body))

    def another(self, operation: Operation, body: Mapping[str, Any], name: str) -> tuple[bool, Any]:
        """A further valid value for a field, and whether one was found."""
        schema = self.api.properties(self.api.body(operation)).get(name, {})
        for _ in range(4):
            self.made += 1
            for candidate in self._candidates(name, schema, body.get(name)):
                if candidate != body.get(name) and self.valid(operation, {**body, name: candidate}):
                    return True, candidate
        return False, None

    def _renew(
        self, operation: Operation, body: dict[str, Any], name: str, schema: Mapping[str, Any]
    ) -> None:
        before = body[name]
        for candidate in self._candidates(name, schema, before):
            body[name] = candidate
            if self.valid(operation, body):
                return
        body[name] = before

    def _candidates(self, name: str, schema: Mapping[str, Any], before: Any) -> Iterator[Any]:
        if members(schema) or not (set(kinds(schema)) & {"string", "integer", "number", "boolean"}):
            if members(schema):
                yield members(schema)[self.made % len(members(schema))]
            return
        if "string" in kinds(schema):
            yield from self._texts(name, schema, before)
        try:
            yield value(name, schema, self.made)
        except NoValue:
            return

    def _texts(self, name: str, schema: Mapping[str, Any], before: Any) -> Iterator[str]:
        token = self.token()
        form = schema.get("format")
        if form == "email":
            yield f"{token}@example.com"
        elif form in ("uri", "url", "uri-reference"):
            yield f"https://example.com/{token}"
        elif form == "uuid":
            yield f"00000000-0000-4000-8000-{self.first + self.made:012d}"
        elif form is None and "pattern" not in schema:
            yield f"{name.replace('_', ' ')} {token}"
            yield token
            yield token[-int(schema.get("maxLength", len(token))) :]
        elif form is None:
            yield token.upper()
            yield token
            yield f"{self.first + self.made}"
            if isinstance(before, str):
                yield _like(before, token)

    def token(self) -> str:
        """Letters that no other body of this or a near run has."""
        number, text = self.first + self.made, ""
        for _ in range(7):
            number, rest = divmod(number, 26)
            text = string.ascii_lowercase[rest] + text
        return text

    # at the edges

    def edges(self, operation: Operation) -> Iterator[Body]:
        """Valid bodies of which one field each is at a limit."""
        properties = self.api.properties(self.api.body(operation))
        for name, schema in properties.items():
            if schema.get("readOnly") is True:
                continue
            for edge in _edges(schema):
                body = self.fresh(operation)
                if not isinstance(body, dict):
                    return
                body[name] = edge.value
                if self.valid(operation, body):
                    about = f"{name} {edge.about}"
                    yield Body(value=body, about=about, rule=edge.rule, pointer=f"/{name}")
        body = self.fresh(operation)
        if isinstance(body, dict):
            lean = self.lean(operation, body)
            if lean != body and self.valid(operation, lean):
                yield Body(value=lean, about="only what is required", rule="required")


def _edges(schema: Mapping[str, Any]) -> Iterator[Body]:
    for member in members(schema):
        yield Body(value=member, about=f"= {member!r}", rule="enum")
    if is_nullable(schema):
        yield Body(value=None, about="= null", rule="type")
    if "string" in kinds(schema) and not members(schema) and "format" not in schema:
        yield from _text_edges(schema)
    for name in ("minimum", "maximum"):
        if name in schema and set(kinds(schema)) & {"integer", "number"}:
            yield Body(value=schema[name], about=f"at its {name} {schema[name]}", rule=name)


def _text_edges(schema: Mapping[str, Any]) -> Iterator[Body]:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(most, int) and 0 < most <= LONGEST:
        yield Body(value="x" * most, about=f"of {most} characters", rule="maxLength")
    if isinstance(least, int) and least <= LONGEST:
        yield Body(value="x" * least, about=f"of {least} characters", rule="minLength")
    yield Body(value=UNICODE, about="with letters of many scripts", rule="type")


# bodies that break one rule each


def broken(api: ApiUnderTest, operation: Operation, body: Mapping[str, Any]) -> Iterator[Body]:
    """Bodies that the schema refuses, each for one reason."""
    schema = api.body(operation)
    accepts = api.accepts(schema)
    for candidate in _broken(api, schema, body):
        if not accepts.is_valid(candidate.value):
            yield candidate


def _broken(api: ApiUnderTest, schema: Any, body: Mapping[str, Any]) -> Iterator[Body]:
    yield Body(value=[dict(body)], about="a list instead of an object", rule="type")
    yield Body(value="text", about="a text instead of an object", rule="type")
    yield Body(value={}, about="an empty object", rule="required")
    for name in body:
        rest = {n: v for n, v in body.items() if n != name}
        yield Body(value=rest, about=f"without {name}", rule="required", pointer=f"/{name}")
    yield Body(
        value={**body, "maestro_unknown": 1}, about="with an unknown property",
        rule="additionalProperties", pointer="/maestro_unknown",
    )  # fmt: skip
    for name, found in api.properties(schema).items():
        for wrong in _wrong_values(found, body.get(name)):
            about = f"{name} {wrong.about}"
            changed = {**body, name: wrong.value}
            yield Body(value=changed, about=about, rule=wrong.rule, pointer=f"/{name}")
        yield from _broken_inside(api, name, found, body)


def _broken_inside(
    api: ApiUnderTest, name: str, schema: Mapping[str, Any], body: Mapping[str, Any]
) -> Iterator[Body]:
    """One level deeper: a nested object, or the first entry of a list of objects."""
    present = body.get(name)
    if isinstance(present, list) and present and isinstance(present[0], Mapping):
        inner, place = schema.get("items"), 0
        nested = present[0]
    elif isinstance(present, Mapping):
        inner, place, nested = schema, None, present
    else:
        return
    for key, found in api.properties(inner).items():
        for wrong in _wrong_values(found, nested.get(key)):
            changed = copy.deepcopy(dict(body))
            target = changed[name] if place is None else changed[name][place]
            target[key] = wrong.value
            about = f"{name}/{key} {wrong.about}"
            yield Body(value=changed, about=about, rule=wrong.rule, pointer=f"/{name}/{key}")


_STRANGERS: Mapping[str, Any] = {
    "string": 12345, "integer": "maestro", "number": "maestro", "boolean": "maestro",
    "array": "maestro", "object": "maestro",
}  # fmt: skip
_NO_FORMAT = {
    "date": "31.12.2030", "date-time": "yesterday", "email": "nobody", "uuid": "not-a-uuid",
}  # fmt: skip


def _wrong_values(schema: Mapping[str, Any], present: Any) -> Iterator[Body]:
    """Values that break one rule of a field's schema."""
    for kind in kinds(schema)[:1]:
        stranger = _STRANGERS.get(kind)
        yield Body(value=stranger, about=f"= {stranger!r}", rule="type")
    if not is_nullable(schema):
        yield Body(value=None, about="= null", rule="type")
    if members(schema):
        yield Body(value="maestro-stranger", about="outside of its values", rule="enum")
    for rule, step in (("minimum", -1), ("maximum", 1)):
        if isinstance(schema.get(rule), int | float):
            beyond = schema[rule] + step
            yield Body(value=beyond, about=f"= {beyond} beyond its {rule}", rule=rule)
    if "string" in kinds(schema):
        yield from _wrong_texts(schema)
    if isinstance(present, list) and present:
        yield from _wrong_lengths(schema, present)


def _wrong_lengths(schema: Mapping[str, Any], present: list[Any]) -> Iterator[Body]:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if isinstance(least, int):
        few = present[: max(0, least - 1)]
        yield Body(value=few, about=f"with {len(few)} entries", rule="minItems")
    if isinstance(most, int) and most < MOST_ITEMS:
        many = (present * (most + 1))[: most + 1]
        yield Body(value=many, about=f"with {len(many)} entries", rule="maxItems")


def _wrong_texts(schema: Mapping[str, Any]) -> Iterator[Body]:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if isinstance(least, int) and least > 0:
        yield Body(value="x" * (least - 1), about="too short", rule="minLength")
    if isinstance(most, int) and most < LONGEST:
        yield Body(value="x" * (most + 1), about="too long", rule="maxLength")
    if "pattern" in schema:
        yield Body(value="§ \t§", about="not of its pattern", rule="pattern")
    if schema.get("format") in _NO_FORMAT:
        text = _NO_FORMAT[schema["format"]]
        yield Body(value=text, about=f"= {text!r}", rule="format")


def _like(text: str, token: str) -> str:
    """`text` with its letters and digits exchanged for others of the same kind."""
    made = []
    for position, letter in enumerate(text):
        mark = token[-1 - position % len(token)]
        number = string.ascii_lowercase.index(mark)
        if letter in string.digits:
            made.append(string.digits[number % 10])
        elif letter in string.ascii_uppercase:
            made.append(mark.upper())
        else:
            made.append(mark if letter in string.ascii_lowercase else letter)
    return "".join(made)
