"""Values built from the rules of a schema, one decision at each place."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.sampling.flattening import HARD_DEPTH, Flattener, Impossible, turned
from maestro.contracts.sampling.merging import both
from maestro.contracts.sampling.patterns import matching
from maestro.contracts.sampling.scalars import number, texts
from maestro.contracts.sampling.texts import by_name
from maestro.domain.values import JsonValue

Path = tuple[str | int, ...]

_MAX_DEPTH = 8
"""Below it, only what a schema insists on is built."""

_MAX_VALUES = 1_500
"""Beyond it too: recursive schemas grow without end otherwise."""

_MAX_WORK = 6_000
"""Values tried and given up included; who needs more insists on containing itself."""

_MAX_RETURNS = 3
"""How often a reference is followed below itself where that is insisted on."""


@dataclass(slots=True)
class Course:
    """What was learned about a schema from values that did not fit."""

    attempts: dict[Path, int] = field(default_factory=dict)
    """How many candidates at a place were tried in vain."""
    forced: dict[Path, list[JsonValue]] = field(default_factory=dict)
    """Values that a rule asked for by name."""
    unwanted: set[Path] = field(default_factory=set)
    """Properties that are not allowed after all."""
    missing: dict[Path, list[str]] = field(default_factory=dict)
    """Properties that some rule asked for, by the place of their object."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a value stands, and how generous it may be."""

    path: Path
    name: str
    variant: int
    examples: bool = True
    optional: bool = True
    refs: tuple[str, ...] = ()
    """References that lead here; one that comes again is not followed further."""

    def into(
        self, step: str | int, name: str, variant: int, refs: tuple[str, ...] | None = None
    ) -> "Way":
        return Way(
            (*self.path, step), name, variant, self.examples, self.optional,
            self.refs if refs is None else refs,
        )  # fmt: skip


class Builder:
    """Builds one value.

    With `fits`, every part is checked as it is made, which is thorough and slow; without, the
    course says which candidate to take at which place.
    """

    def __init__(
        self,
        definitions: Mapping[str, Schema],
        course: Course,
        fits: Callable[[Schema, JsonValue], bool] | None = None,
    ) -> None:
        self.decided: set[Path] = set()
        """Places where there was a choice."""
        self._flattener = Flattener(definitions)
        self._course = course
        self._touched = course.attempts.keys() | course.forced.keys()
        self._fits = fits
        self._made = 0

    def value(self, schema: Schema, way: Way) -> JsonValue:
        """Raises Impossible."""
        self._made += 1
        if schema is False or len(way.path) > HARD_DEPTH or self._made > _MAX_WORK:
            raise Impossible
        if not isinstance(schema, Mapping) or not schema:
            return by_name(way.name, way.variant)
        self.decided.add(way.path)
        if self._fits is not None:
            return self._fitting(schema, way, self._fits)
        if way.path not in self._touched and _COMPLEX.isdisjoint(schema):
            made = _leaf(schema, way)
            if made is not _NOTHING:
                return made
        tried = self._course.attempts.get(way.path, 0)
        for candidate in islice(self._candidates(schema, way), tried, None):
            return candidate
        raise Impossible

    def _fitting(
        self, schema: Mapping[str, Any], way: Way, fits: Callable[[Schema, JsonValue], bool]
    ) -> JsonValue:
        for candidate in self._candidates(schema, way):
            if fits(schema, candidate):
                return candidate
        raise Impossible

    def _candidates(self, schema: Mapping[str, Any], way: Way) -> Iterator[JsonValue]:
        yield from self._course.forced.get(way.path, ())
        yield from _given(schema, way)
        reference = schema.get("$ref")
        if isinstance(reference, str):
            if way.refs.count(reference) >= _MAX_RETURNS:
                return
            way = Way(
                way.path, way.name, way.variant, way.examples, way.optional,
                (*way.refs, reference),
            )  # fmt: skip
        modes = (True, False) if way.optional else (False,)
        for optional in modes:
            deep = len(way.path) >= _MAX_DEPTH
            for choice in self._flattener.choices(schema, way.variant, simple_first=deep):
                if choice is not schema:
                    yield from _given(choice, way)
                yield from self._built(choice, way, optional)
            if not _is_structured(schema):
                break
        if "not" in schema or "if" in schema or "type" not in schema:
            yield from ("sample", 1, 1.5, True, {}, [], None)

    def _built(self, schema: Mapping[str, Any], way: Way, optional: bool) -> Iterator[JsonValue]:
        """Values of a schema without references, compositions and alternatives."""
        if "const" in schema or isinstance(schema.get("enum"), list):
            return  # these were among what the schema gives
        kinds = kinds_of(schema)
        for kind in [kind for kind in kinds if kind != "null"] or ["null"]:
            try:
                yield from self._of_kind(kind, schema, way, optional)
            except Impossible:
                continue
        if "null" in kinds and len(kinds) > 1:
            yield None

    def _of_kind(
        self, kind: str, schema: Mapping[str, Any], way: Way, optional: bool
    ) -> Iterator[JsonValue]:
        if kind == "object":
            yield self._object(schema, way, optional)
        elif kind == "array":
            yield self._array(schema, way, optional)
        elif kind == "string":
            yield from texts(schema, way.name, way.variant)
        elif kind in ("integer", "number"):
            yield number(schema, kind, way.name, way.variant)
        elif kind == "boolean":
            yield from turned([True, False], way.variant)
        else:
            yield None

    def _object(self, schema: Mapping[str, Any], way: Way, optional: bool) -> dict[str, Any]:
        known = schema.get("properties")
        known = known if isinstance(known, Mapping) else {}
        required = _needed(schema, self._course.missing.get(way.path, ()))
        generous = optional and len(way.path) < _MAX_DEPTH and self._made < _MAX_VALUES
        made: dict[str, JsonValue] = {}
        spare = schema.get("maxProperties", math.inf) - len(required)
        for name in (*known, *(n for n in required if n not in known)):
            insisted = name in required
            inner = property_schema(schema, name)
            if not insisted and (not generous or spare <= 0 or self._unwanted(inner, name, way)):
                continue
            try:
                made[name] = self.value(inner, way.into(name, name, way.variant))
                spare -= not insisted
            except Impossible:
                if insisted:
                    raise
        self._fill(schema, made, known, way)
        return made

    def _unwanted(self, schema: Schema, name: str, way: Way) -> bool:
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        return (*way.path, name) in self._course.unwanted or way.refs.count(str(reference)) > 0

    def _fill(
        self, schema: Mapping[str, Any], made: dict[str, JsonValue], known: Mapping[str, Any],
        way: Way,
    ) -> None:  # fmt: skip
        """Reaches `minProperties`, first with known names, then with invented ones."""
        least = schema.get("minProperties", 0)
        names = [name for name in known if name not in made]
        number_of = 0
        while len(made) < least and number_of < 1000:
            number_of += 1
            name = names.pop(0) if names else self._free_name(schema, number_of, way)
            made[name] = self.value(
                property_schema(schema, name), way.into(name, name, way.variant)
            )

    def _free_name(self, schema: Mapping[str, Any], position: int, way: Way) -> str:
        rule = schema.get("propertyNames")
        if isinstance(rule, Mapping):
            inner = way.into("propertyNames", "key", position)
            return str(self.value({"type": "string", **rule}, inner))
        patterns = schema.get("patternProperties")
        for pattern in patterns if isinstance(patterns, Mapping) else ():
            text = matching(pattern, least=position)
            if text is not None:
                return text
        return f"key{position}"

    def _array(self, schema: Mapping[str, Any], way: Way, optional: bool) -> list[JsonValue]:
        leading = schema.get("prefixItems")
        leading = leading if isinstance(leading, list) else []
        entry: Schema = schema.get("items", True)
        insisted = int(schema.get("minItems", 0))
        length = _length(schema, len(leading), optional and len(way.path) < _MAX_DEPTH)
        contained = schema.get("contains")
        reference = entry.get("$ref") if isinstance(entry, Mapping) else None
        if reference in way.refs and not leading:
            length = insisted
        made: list[JsonValue] = []
        for position in range(max(length, insisted)):
            own = leading[position] if position < len(leading) else entry
            if contained is not None and position >= len(leading):
                own = both(own, contained)
            try:
                inner = way.into(position, way.name, way.variant + position)
                made.append(self.value(own, inner))
            except Impossible:
                if position < insisted:
                    raise
                break
        for position in range(len(made), _least_contained(schema)):
            inner = way.into(position, way.name, way.variant + position)
            made.append(self.value(both(entry, contained), inner))
        return made


_COMPLEX = frozenset(("$ref", "allOf", "anyOf", "oneOf", "if", "not"))
_NOTHING = object()


def _leaf(schema: Mapping[str, Any], way: Way) -> Any:
    """The first candidate of the most frequent kinds of schemas, by a short way."""
    for given in _given(schema, way):
        return given
    kind = schema.get("type")
    if kind == "string":
        return next(texts(schema, way.name, way.variant), _NOTHING)
    if kind in ("integer", "number"):
        return number(schema, kind, way.name, way.variant)
    if kind == "boolean":
        return way.variant % 2 == 0
    return _NOTHING


def _least_contained(schema: Mapping[str, Any]) -> int:
    return int(schema.get("minContains", 1)) if "contains" in schema else 0


def _length(schema: Mapping[str, Any], leading: int, generous: bool) -> int:
    least = max(schema.get("minItems", 0), 1 if generous else 0)
    length = min(max(least, leading if generous else 0), schema.get("maxItems", math.inf))
    if length > 10_000:
        raise Impossible
    return int(length)


def _given(schema: Mapping[str, Any], way: Way) -> Iterator[JsonValue]:
    """What the schema itself offers."""
    if "const" in schema:
        yield schema["const"]
    if way.examples:
        examples = schema.get("examples")
        if isinstance(examples, list) and examples and way.variant < len(examples):
            yield from turned(examples, way.variant)
        if "example" in schema and not way.variant:
            yield schema["example"]
        if "default" in schema and not way.variant:
            yield schema["default"]
    if isinstance(schema.get("enum"), list):
        yield from turned([v for v in schema["enum"] if v is not None], way.variant)
        yield from [None for value in schema["enum"][:100] if value is None][:1]


_HINTS = (
    ("object", ("properties", "required", "additionalProperties", "minProperties",
                "patternProperties", "propertyNames", "dependentRequired",
                "dependentSchemas", "unevaluatedProperties")),
    ("array", ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains",
               "unevaluatedItems")),
    ("string", ("pattern", "format", "minLength", "maxLength")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)  # fmt: skip
_STRUCTURED = frozenset(("$ref", "allOf", "anyOf", "oneOf", "if", *_HINTS[0][1], *_HINTS[1][1]))


def _is_structured(schema: Mapping[str, Any]) -> bool:
    """Whether leaving out what is optional could make a difference."""
    return not _STRUCTURED.isdisjoint(schema)


def kinds_of(schema: Mapping[str, Any]) -> list[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list) and named:
        return [str(kind) for kind in named]
    return [next((kind for kind, hints in _HINTS if any(h in schema for h in hints)), "string")]


def _needed(schema: Mapping[str, Any], more: list[str] | tuple[str, ...]) -> dict[str, None]:
    """Required names, with those they require in turn."""
    listed = schema.get("required")
    names = [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    names += more
    dependent = schema.get("dependentRequired")
    if isinstance(dependent, Mapping):
        for name in names:  # grows while it is walked
            names += [n for n in dependent.get(name, ()) if n not in names]
    return dict.fromkeys(names)


def property_schema(schema: Mapping[str, Any], name: str) -> Schema:
    known = schema.get("properties")
    if isinstance(known, Mapping) and name in known:
        return known[name]
    extra: Schema = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
    patterns = schema.get("patternProperties")
    if isinstance(patterns, Mapping) and patterns:
        return next(iter(patterns.values()))
    return extra
