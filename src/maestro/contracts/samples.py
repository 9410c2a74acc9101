"""Deterministic values that a JSON Schema 2020-12 accepts.

Preference: examples, default, const, enumeration, then a value built from the rules. Every choice
is checked by a real validator: an example that does not fit its own schema is never handed out.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maestro.contracts.openapi.bundling import DIALECT, compiled, standalone
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.sampling.merging import both, merged
from maestro.contracts.sampling.patterns import matching
from maestro.contracts.sampling.texts import by_format, by_name
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_MAX_DEPTH = 8
"""Below it, only what a schema insists on is built."""

_HARD_DEPTH = 60
"""Below it nothing is built: the schema insists on containing itself."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How generous a sample is; the next way is tried when a value does not fit as a whole."""

    examples: bool
    optional: bool
    depth: int = 0
    variant: int = 0
    name: str = ""

    def into(self, name: str, variant: int | None = None) -> "_Way":
        chosen = self.variant if variant is None else variant
        return replace(self, depth=self.depth + 1, name=name, variant=chosen)


_WAYS = (
    _Way(examples=True, optional=True),
    _Way(examples=False, optional=True),
    _Way(examples=True, optional=False),
    _Way(examples=False, optional=False),
)


class _Impossible(Exception):
    """This way leads to no value."""


def sample(
    document: OpenApiDocument, schema: Schema, *, name: str = "", variant: int = 0
) -> JsonValue:
    """A value of a schema that stands in a document. Raises InvalidInput when none is found."""
    return Sampler(standalone(document, schema), name=name).sample(variant=variant)


class Sampler:
    """Samples one schema that stands alone; compiled once."""

    def __init__(self, schema: Schema, *, name: str = "") -> None:
        """Raises InvalidInput when the schema itself is broken."""
        self._schema = schema
        self._name = name
        self._definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
        self._validator = compiled(schema)
        self._checks: dict[int, tuple[Schema, Any]] = {}

    def sample(self, *, variant: int = 0) -> JsonValue:
        """Variants differ where the schema leaves a choice.

        Raises:
            InvalidInput: no way led to a value that fits, as for a schema nothing can fit.
        """
        for way in _WAYS:
            try:
                value = self._value(self._schema, replace(way, variant=variant, name=self._name))
            except _Impossible:
                continue
            if self._validator.is_valid(value):
                return value
        if variant:
            return self.sample()
        raise InvalidInput(
            f"no value was found for the schema of {self._name or 'a body'!r}; "
            "give it an example that fits"
        )

    def _fits(self, schema: Schema, value: JsonValue) -> bool:
        """Whether a part fits its own schema; validators are kept as long as the sampler."""
        known = self._checks.get(id(schema))
        if known is None:
            whole = schema
            if isinstance(schema, Mapping):
                whole = {"$schema": DIALECT, **schema, "$defs": self._definitions}
            try:
                known = (schema, compiled(whole))
            except InvalidInput:
                raise _Impossible from None
            self._checks[id(schema)] = known
        return bool(known[1].is_valid(value))

    def _value(self, schema: Schema, way: _Way) -> JsonValue:
        if schema is False or way.depth > _HARD_DEPTH:
            raise _Impossible
        if not isinstance(schema, Mapping) or not schema:
            return by_name(way.name, way.variant)
        for candidate in self._candidates(schema, way):
            if self._fits(schema, candidate):
                return candidate
        raise _Impossible

    def _candidates(self, schema: Mapping[str, Any], way: _Way) -> Iterator[JsonValue]:
        yield from _given(schema, way)
        for choice in self._choices(schema, way):
            try:
                yield self._built(choice, way)
            except _Impossible:
                continue
        if "not" in schema or "if" in schema or "type" not in schema:
            yield from ("sample", 1, 1.5, True, {}, [], None)
        if "null" in _kinds(schema):
            yield None

    def _choices(self, schema: Mapping[str, Any], way: _Way) -> Iterator[Mapping[str, Any]]:
        """The schema with references, compositions and alternatives written into it."""
        plain = self._flat(schema, way.depth)
        for key in ("oneOf", "anyOf"):
            options = plain.get(key)
            if isinstance(options, list):
                rest = {k: v for k, v in plain.items() if k != key}
                for option in _turned(options, way.variant):
                    yield from self._with(rest, option, way)
                return
        if isinstance(plain.get("if"), Mapping):
            rest = {k: v for k, v in plain.items() if k not in ("if", "then", "else")}
            yield from self._with(rest, both(plain["if"], plain.get("then", True)), way)
            yield from self._with(rest, plain.get("else", True), way)
            return
        yield plain

    def _with(
        self, rest: Mapping[str, Any], option: Schema, way: _Way
    ) -> Iterator[Mapping[str, Any]]:
        if option is True:
            yield rest
        elif isinstance(option, Mapping):
            yield from self._choices(
                merged(rest, self._flat(option, way.depth)), way.into(way.name)
            )

    def _flat(self, schema: Mapping[str, Any], depth: int) -> Mapping[str, Any]:
        """References and `allOf` merged into one schema."""
        if depth > _HARD_DEPTH:
            raise _Impossible
        made: Mapping[str, Any] = schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = self._definitions.get(reference.removeprefix("#/$defs/"), False)
            if not isinstance(target, Mapping):
                target = {} if target else {"not": {}}
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            made = merged(self._flat(target, depth + 1), rest)
        parts = made.get("allOf")
        if isinstance(parts, list):
            made = {k: v for k, v in made.items() if k != "allOf"}
            for part in parts:
                if isinstance(part, Mapping):
                    made = merged(made, self._flat(part, depth + 1))
        return made

    def _built(self, schema: Mapping[str, Any], way: _Way) -> JsonValue:
        """A value of a schema without references, compositions and alternatives."""
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return _turned(schema["enum"], way.variant)[0]
        kinds = [kind for kind in _kinds(schema) if kind != "null"] or ["null"]
        kind = kinds[0]
        if kind == "object":
            return self._object(schema, way)
        if kind == "array":
            return self._array(schema, way)
        if kind == "string":
            return _text(schema, way)
        if kind in ("integer", "number"):
            return _number(schema, kind, way.variant)
        return (way.variant % 2 == 0) if kind == "boolean" else None

    def _object(self, schema: Mapping[str, Any], way: _Way) -> dict[str, JsonValue]:
        known = schema.get("properties")
        known = known if isinstance(known, Mapping) else {}
        required = _needed(schema)
        made: dict[str, JsonValue] = {}
        generous = way.optional and way.depth < _MAX_DEPTH
        wanted = [*known, *(n for n in required if n not in known)]
        most = schema.get("maxProperties", math.inf)
        spare = most - len(required)
        for name in wanted:
            if name not in required and (not generous or spare <= 0):
                continue
            try:
                made[name] = self._value(_property_schema(schema, name), way.into(name))
                spare -= name not in required
            except _Impossible:
                if name in required:
                    raise
        self._fill(schema, made, known, way)
        return made

    def _fill(
        self,
        schema: Mapping[str, Any],
        made: dict[str, JsonValue],
        known: Mapping[str, Any],
        way: _Way,
    ) -> None:
        """Reaches `minProperties`, first with known names, then with invented ones."""
        least = schema.get("minProperties", 0)
        names = [name for name in known if name not in made]
        number = 0
        while len(made) < least and number < 1000:
            number += 1
            fresh = self._free_name(schema, number, way)
            name = names.pop(0) if names else fresh
            made[name] = self._value(_property_schema(schema, name), way.into(name))

    def _free_name(self, schema: Mapping[str, Any], number: int, way: _Way) -> str:
        rule = schema.get("propertyNames")
        if isinstance(rule, Mapping):
            named = self._value({"type": "string", **rule}, way.into("key", number))
            return str(named)
        patterns = schema.get("patternProperties")
        for pattern in patterns if isinstance(patterns, Mapping) else ():
            text = matching(pattern, least=number)
            if text is not None:
                return text
        return f"key{number}"

    def _array(self, schema: Mapping[str, Any], way: _Way) -> list[JsonValue]:
        leading = schema.get("prefixItems")
        leading = leading if isinstance(leading, list) else []
        entry: Schema = schema.get("items", True)
        made: list[JsonValue] = []
        least = max(schema.get("minItems", 0), 1 if way.optional and way.depth < _MAX_DEPTH else 0)
        length = min(max(least, len(leading) if way.optional else 0), schema.get("maxItems", least))
        if length > 10_000:
            raise _Impossible
        contained = schema.get("contains")
        for position in range(int(max(length, schema.get("minItems", 0)))):
            own = leading[position] if position < len(leading) else entry
            if contained is not None and position >= len(leading):
                own = both(own, contained)
            try:
                made.append(self._value(own, way.into(way.name, way.variant + position)))
            except _Impossible:
                if position < schema.get("minItems", 0):
                    raise
                break
        if contained is not None and len(made) < schema.get("minContains", 1):
            count = range(len(made), schema.get("minContains", 1))
            made += [self._value(contained, way.into(way.name, way.variant + n)) for n in count]
        return made


def _given(schema: Mapping[str, Any], way: _Way) -> Iterator[JsonValue]:
    """What the schema itself offers."""
    if "const" in schema:
        yield schema["const"]
    if way.examples:
        examples = schema.get("examples")
        if isinstance(examples, list) and examples and way.variant < len(examples):
            yield from _turned(examples, way.variant)
        if "example" in schema:
            yield schema["example"]
        if "default" in schema and not way.variant:
            yield schema["default"]
    if isinstance(schema.get("enum"), list):
        yield from _turned([v for v in schema["enum"] if v is not None], way.variant)


def _turned(options: list[Any], start: int) -> list[Any]:
    """The options, beginning with another one for each variant."""
    if not options:
        return []
    turn = start % len(options)
    return options[turn:] + options[:turn]


_HINTS = (
    ("object", ("properties", "required", "additionalProperties", "minProperties",
                "patternProperties", "propertyNames", "dependentRequired")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains")),
    ("string", ("pattern", "format", "minLength", "maxLength")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)  # fmt: skip


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list) and named:
        return [str(kind) for kind in named]
    return [next((kind for kind, hints in _HINTS if any(h in schema for h in hints)), "string")]


def _needed(schema: Mapping[str, Any]) -> list[str]:
    """Required names, with those they require in turn."""
    listed = schema.get("required")
    names = [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    dependent = schema.get("dependentRequired")
    for name in names:  # grows while it is walked
        more = dependent.get(name, ()) if isinstance(dependent, Mapping) else ()
        names += [n for n in more if n not in names]
    return list(dict.fromkeys(names))


def _property_schema(schema: Mapping[str, Any], name: str) -> Schema:
    known = schema.get("properties")
    if isinstance(known, Mapping) and name in known:
        return known[name]
    extra: Schema = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
    patterns = schema.get("patternProperties")
    if isinstance(patterns, Mapping) and patterns:
        return next(iter(patterns.values()))
    return extra


def _text(schema: Mapping[str, Any], way: _Way) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if least > 1_000_000:
        raise _Impossible
    pattern = schema.get("pattern")
    formatted = by_format(str(schema.get("format")), way.variant)
    if isinstance(pattern, str):
        text = matching(pattern, least=least + way.variant)
        if text is None:
            raise _Impossible
        return text
    if formatted is not None:
        return formatted
    text = by_name(way.name, way.variant)
    if len(text) > most:
        text = str(way.variant)[: int(most)] if way.variant else text[: int(most)].rstrip() or "a"
    return text.ljust(int(least), "x")[: int(min(most, 1_000_000))]


def _number(schema: Mapping[str, Any], kind: str, variant: int) -> int | float:
    """The least number from 1 (or the nearest allowed one), moved on by `variant` steps."""
    step = schema.get("multipleOf", 1 if kind == "integer" else None)
    least = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    most = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    open_low = least == schema.get("exclusiveMinimum")
    open_high = most == schema.get("exclusiveMaximum")
    if step is None:
        step = 1.0 if most - least > 4 else (most - least) / 4 or 1.0
    whole_step = kind == "integer" and float(step).is_integer()
    unit = int(step) if whole_step else step
    start = 1 if least <= 1 <= most else (least if math.isfinite(least) else most)
    count = math.ceil(start / unit) if start != most else math.floor(start / unit)
    if open_low and count * unit <= least:
        count += 1
    if open_high and count * unit >= most:
        count -= 1
    moved = count + variant
    if moved * unit < most or (moved * unit == most and not open_high):
        count = moved
    value = count * unit
    return int(value) if kind == "integer" else _rounded(value)


def _rounded(value: float) -> int | float:
    """Without the dust of binary fractions: 0.30000000000000004 is 0.3."""
    near = round(value, 10)
    return int(near) if float(near).is_integer() else near
