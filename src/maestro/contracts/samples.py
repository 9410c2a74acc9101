"""Deterministic values that a JSON Schema 2020-12 accepts.

Preference: examples, default, const, enumeration, then a value built from the rules. Whatever
comes of it is checked by a real validator before it is handed out: what does not fit is mended
where the validator says so, and an example that does not fit its own schema is never handed out.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from maestro.contracts.openapi.bundling import DIALECT, compiled, standalone
from maestro.contracts.openapi.document import OpenApiDocument
from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.sampling.building import Builder, Course, Path, Way
from maestro.contracts.sampling.flattening import Impossible
from maestro.domain.values import JsonValue
from maestro.errors import InvalidInput

_ROUNDS = 40
"""How often a value is mended before the thorough way is taken."""

_ERRORS = 12
"""How many errors are mended in one round."""

_MAX_CHECKS = 400
"""Validators of parts that the thorough way may compile."""

_SEED_STEPS = 97
"""Seeds start at so many different variants."""


def sample(
    document: OpenApiDocument, schema: Schema, *, name: str = "", variant: int = 0, seed: int = 0
) -> JsonValue:
    """A value of a schema that stands in a document. Raises InvalidInput when none is found."""
    return Sampler(standalone(document, schema), name=name, seed=seed).sample(variant=variant)


class Sampler:
    """Samples one schema that stands alone; compiled once."""

    def __init__(
        self, schema: Schema, *, name: str = "", seed: int = 0, validator: Any = None
    ) -> None:
        """
        Args:
            schema: JSON Schema 2020-12 whose references all lead into its own `$defs`.
            name: of the property or resource, for what the value is about.
            seed: 0 prefers what documents show; others give other values, always the same.
            validator: the compiled schema, if it is at hand.

        Raises:
            InvalidInput: the schema itself is broken.
        """
        self._schema = schema
        self._name = name
        self._start = seed * 31 % _SEED_STEPS
        self._definitions = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
        self._validator = validator or compiled(schema)
        self._checks: dict[int, tuple[Schema, Any]] = {}

    def sample(self, *, variant: int = 0) -> JsonValue:
        """Variants differ where the schema leaves a choice.

        Raises:
            InvalidInput: no way led to a value that fits, as for a schema nothing can fit.
        """
        try:
            return self._found(self._start + variant)
        except (Impossible, RecursionError):
            pass
        if self._start + variant:
            try:
                return self._found(0)
            except (Impossible, RecursionError):
                pass
        raise InvalidInput(
            f"no value was found for the schema of {self._name or 'a body'!r}; "
            "give it an example that fits"
        )

    def _found(self, variant: int) -> JsonValue:
        found, value = self._mended(Way((), self._name, variant))
        return value if found else self._thorough(variant)

    def _mended(self, way: Way) -> tuple[bool, JsonValue]:
        """Whether a value was found, and the value."""
        course = Course()
        for _ in range(_ROUNDS):
            builder = Builder(self._definitions, course)
            try:
                value = builder.value(self._schema, way)
            except Impossible:
                break
            if self._validator.is_valid(value):
                return True, value
            _mend(course, islice(self._validator.iter_errors(value), _ERRORS), builder.decided)
        return False, None

    def _thorough(self, variant: int) -> JsonValue:
        """Every part is checked as it is made. Raises Impossible."""
        for examples, optional in ((True, True), (False, True), (True, False), (False, False)):
            builder = Builder(self._definitions, Course(), self._fits)
            try:
                value = builder.value(
                    self._schema, Way((), self._name, variant, examples, optional)
                )
            except Impossible:
                continue
            if self._validator.is_valid(value):
                return value
        raise Impossible

    def _fits(self, schema: Schema, value: JsonValue) -> bool:
        """Whether a part fits its own schema; validators are kept as long as the sampler."""
        known = self._checks.get(id(schema))
        if known is None:
            if len(self._checks) > _MAX_CHECKS:
                raise Impossible
            whole = schema
            if isinstance(schema, Mapping):
                whole = {"$schema": DIALECT, **schema, "$defs": self._definitions}
            try:
                known = (schema, compiled(whole))
            except InvalidInput:
                raise Impossible from None
            self._checks[id(schema)] = known
        return bool(known[1].is_valid(value))


def _mend(course: Course, errors: Iterable[Any], decided: set[Path]) -> None:
    """Lets the next value differ where this one did not fit."""
    bumped: set[Path] = set()
    for error in errors:
        path = tuple(error.instance_path)
        if not _named_remedy(course, path, error.kind):
            while path and path not in decided:
                path = path[:-1]
            bumped.add(path)
    for path in bumped:
        if any(path[:length] in bumped for length in range(len(path))):
            continue  # what is around it changes anyway
        course.attempts[path] = course.attempts.get(path, 0) + 1
        for known in (course.attempts, course.forced, course.missing):
            for inner in [p for p in known if len(p) > len(path) and p[: len(path)] == path]:
                del known[inner]


def _named_remedy(course: Course, path: Path, kind: Any) -> bool:
    """Errors that name what would be right. Whether it was not known before."""
    rule = type(kind).__name__.rpartition("_")[2]
    if rule in ("Constant", "Enum"):
        wanted = [kind.expected_value] if rule == "Constant" else list(kind.options)
        fresh = path not in course.forced
        course.forced.setdefault(path, wanted)
        return fresh
    if rule in ("AdditionalProperties", "UnevaluatedProperties"):
        places = {(*path, name) for name in kind.unexpected}
        fresh = not places <= course.unwanted
        course.unwanted |= places
        return fresh
    if rule == "Required":
        known = course.missing.setdefault(path, [])
        fresh = kind.property not in known
        known.append(kind.property)
        return fresh
    return False
