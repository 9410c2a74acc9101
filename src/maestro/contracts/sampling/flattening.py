"""Schemas with their references, compositions and alternatives written into one."""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.contracts.openapi.schemas import Schema
from maestro.contracts.sampling.merging import ALTERNATIVES, both, merged

HARD_DEPTH = 60
"""Below it nothing is built: the schema insists on containing itself."""


class Impossible(Exception):
    """This way leads to no value."""


class Flattener:
    """Looks through what stands between a schema and its rules."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def choices(
        self, schema: Mapping[str, Any], variant: int, depth: int = 0, *, simple_first: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        """Schemas without references, compositions and alternatives, whose values may fit.

        Args:
            schema: what is looked through.
            variant: which of the alternatives comes first.
            depth: of the looking through.
            simple_first: alternatives that contain nothing come first, to find an end.
        """
        plain = self.flat(schema, depth)
        for key in ("oneOf", "anyOf"):
            options = plain.get(key)
            if isinstance(options, list):
                rest = {k: v for k, v in plain.items() if k != key}
                ordered = sorted(options, key=_size) if simple_first else turned(options, variant)
                for option in ordered:
                    yield from self._with(rest, option, variant, depth)
                return
        more = plain.get(ALTERNATIVES)
        if more:
            rest = {**plain, ALTERNATIVES: more[1:]}
            for option in turned(more[0], variant):
                yield from self._with(rest, option, variant, depth)
            return
        if isinstance(plain.get("if"), Mapping | bool) and "if" in plain:
            rest = {k: v for k, v in plain.items() if k not in ("if", "then", "else")}
            chosen = both(plain["if"], plain.get("then", True))
            yield from self._with(rest, chosen, variant, depth)
            yield from self._with(rest, plain.get("else", True), variant, depth)
            return
        yield plain

    def _with(
        self, rest: Mapping[str, Any], option: Schema, variant: int, depth: int
    ) -> Iterator[Mapping[str, Any]]:
        if option is True or option == {}:
            yield from self.choices(rest, variant, depth + 1)
        elif isinstance(option, Mapping):
            yield from self.choices(merged(rest, self.flat(option, depth)), variant, depth + 1)

    def flat(self, schema: Mapping[str, Any], depth: int = 0) -> Mapping[str, Any]:
        """References and `allOf` merged into one schema."""
        if depth > HARD_DEPTH:
            raise Impossible
        made: Mapping[str, Any] = schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            target = self._definitions.get(reference.removeprefix("#/$defs/"), False)
            if not isinstance(target, Mapping):
                target = {} if target else {"not": {}}
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            inside = self.flat(target, depth + 1)
            made = merged(inside, rest) if rest else inside
        parts = made.get("allOf")
        if isinstance(parts, list):
            made = {k: v for k, v in made.items() if k != "allOf"}
            for part in parts:
                if isinstance(part, Mapping):
                    made = merged(made, self.flat(part, depth + 1))
                elif part is False:
                    raise Impossible
        return made


def _size(schema: Schema) -> bool:
    return isinstance(schema, Mapping) and any(
        key in schema for key in ("$ref", "properties", "items", "allOf", "anyOf", "oneOf")
    )


def turned(options: list[Any], start: int) -> list[Any]:
    """The options, beginning with another one for each variant."""
    if not options:
        return []
    turn = start % len(options)
    return options[turn:] + options[:turn]
