"""Values that one schema allows and another refuses: the proof that a change breaks."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from maestro.contracts.comparison.schemas_differences import SchemaDirection
from maestro.contracts.comparison.schemas_nodes import Node, Parts, is_number
from maestro.contracts.comparison.schemas_side import SchemaSide
from maestro.contracts.openapi.bundling import compiled, standalone, without_marked
from maestro.contracts.openapi.schemas import rebuild, subschemas
from maestro.contracts.sampling.patterns import matching
from maestro.contracts.sampling.texts import by_format
from maestro.errors import InvalidInput

_MOST = 600
"""Values that are tried at most for one pair of schemas."""
_DEEP = 5
_WIDE = 40
_LONG = 300


def validator(side: SchemaSide, parts: Parts, direction: SchemaDirection) -> Any:
    """What decides single values, the same that mocks and verification use.

    Raises:
        InvalidInput: the schema cannot be compiled.
    """
    whole = {"allOf": [part.schema for part in parts]}
    alone = standalone(side.document, rebuild(whole, _by_discriminator))
    marker = "readOnly" if direction is SchemaDirection.REQUEST else "writeOnly"
    return compiled(without_marked(alone, marker))


def _by_discriminator(schema: Any) -> Any:
    """With a discriminator nobody counts how many variants would fit."""
    made = rebuild(schema, _by_discriminator)
    if isinstance(made, Mapping) and "discriminator" in made and "oneOf" in made:
        rest = {key: value for key, value in made.items() if key != "oneOf"}
        return {**rest, "allOf": [*rest.get("allOf", []), {"anyOf": made["oneOf"]}]}
    return made


def witness(
    sender: tuple[SchemaSide, Parts], receiver: tuple[SchemaSide, Parts], direction: SchemaDirection
) -> tuple[Any] | None:
    """A value the sender's schema allows and the receiver's refuses, in a tuple of one."""
    hints = _Hints()
    for side, parts in (sender, receiver):
        hints.gather(side, parts)
    with suppress(InvalidInput, RecursionError):
        allowed = validator(*sender, direction)
        taken = validator(*receiver, direction)
        found = _Candidates(sender[0], hints).of(sender[1], _DEEP)
        for value in islice(found, _MOST):
            if allowed.is_valid(value) and not taken.is_valid(value):
                return (value,)
    return None


class _Hints:
    """Numbers and values both schemas mention: faults sit at their edges."""

    def __init__(self) -> None:
        self.numbers: dict[float, None] = dict.fromkeys((0, 1, -1, 0.5))
        self.counts: dict[int, None] = dict.fromkeys((0, 1, 2))
        self.values: list[Any] = []
        self.patterns: dict[str, None] = {}
        self.formats: dict[str, None] = {}
        self._seen: set[str] = set()

    def gather(self, side: SchemaSide, parts: Parts) -> None:
        waiting = [part.schema for part in parts]
        while waiting and len(self._seen) < 200:
            schema = waiting.pop()
            if not isinstance(schema, Mapping):
                continue
            self._note(schema)
            reference = schema.get("$ref")
            if isinstance(reference, str) and (key := f"{id(side)}{reference}") not in self._seen:
                self._seen.add(key)
                waiting.append(side.target(reference, "").schema)
            waiting.extend(entry for _, entry in subschemas(schema))

    def _note(self, schema: Mapping[str, Any]) -> None:
        for key, value in schema.items():
            if is_number(value) and key.startswith(("min", "max", "exclusive", "multiple")):
                self.numbers.update(dict.fromkeys((value, value - 1, value + 1)))
                if value == int(value) and 0 <= value <= _LONG and "Of" not in key:
                    whole = int(value)
                    self.counts.update(dict.fromkeys((whole, max(whole - 1, 0), whole + 1)))
        self.values += [schema["const"]] if "const" in schema else []
        self.values += schema["enum"] if isinstance(schema.get("enum"), list) else []
        for key, texts in (("pattern", self.patterns), ("format", self.formats)):
            if isinstance(schema.get(key), str):
                texts[schema[key]] = None


class _Candidates:
    def __init__(self, side: SchemaSide, hints: _Hints) -> None:
        self._side = side
        self._hints = hints

    def of(self, parts: Parts, depth: int) -> Iterator[Any]:
        """Values that probably fit; the caller checks them."""
        node = self._side.node(parts)
        if node.never or depth < 0:
            return
        if node.enum is not None:
            yield from node.enum
            return
        for key, branches in node.unions[:1]:
            rest = self._side.without_union(parts, key, branches)
            runs = [self.of((*rest, branch), depth) for branch in branches]
            yield from _in_turns(runs)
            return
        yield from _in_turns([self._kind(kind, node, depth) for kind in sorted(node.types)])

    def _kind(self, kind: str, node: Node, depth: int) -> Iterator[Any]:
        if kind == "null":
            yield None
        elif kind == "boolean":
            yield from (True, False)
        elif kind == "string":
            yield from self._texts(node)
        elif kind == "array":
            yield from self._arrays(node, depth)
        elif kind == "object":
            yield from self._objects(node, depth)
        else:
            yield from self._numbers(node, whole=kind == "integer")

    def _numbers(self, node: Node, *, whole: bool) -> Iterator[Any]:
        found: dict[float, None] = {}
        for key in ("minimum", "maximum"):
            if key in node.bounds:
                value = node.bounds[key][0]
                found.update(dict.fromkeys((value, value + 1, value - 1, value + 0.5)))
        steps = [step for step in node.sets.get("multipleOf", {}) if is_number(step)]
        for number in (*found, *self._hints.numbers):
            for step in (None, *steps):
                value = number if step is None or not step else round(number / step) * step
                if whole and value == value // 1:
                    yield int(value)
                elif not whole:
                    yield value if value != value // 1 else value + 0.5
        yield from (entry for entry in self._hints.values if is_number(entry))
        yield 2**31 if whole else 1e300
        yield 2**63 if whole else -1e300

    def _texts(self, node: Node) -> Iterator[Any]:
        least = int(node.bounds.get("minLength", (0, 0))[0])
        own = [p for p in node.sets.get("pattern", {}) if isinstance(p, str)]
        for pattern in (*own, *self._hints.patterns):
            for length in (0, least, *self._hints.counts):
                text = matching(pattern, least=length)
                if text is not None:
                    yield text
        for name in (*node.sets.get("format", {}), *self._hints.formats):
            if isinstance(name, str) and (text := by_format(name, 0)) is not None:
                yield text
        yield from (entry for entry in self._hints.values if isinstance(entry, str))
        for length in (least, *self._hints.counts):
            yield from ("a" * length, "é" * length, "1" * length)
        yield from ("?!", "a b", "A1", "-")

    def _arrays(self, node: Node, depth: int) -> Iterator[Any]:
        longest = max((len(part.prefix) for part in node.arrays), default=0)
        prefix = []
        for position in range(min(longest, _WIDE)):
            parts = tuple(p for part in node.arrays for p in part.of(position))
            prefix.append(list(islice(self.of(parts, depth - 1), _WIDE)))
        rest = tuple(p for part in node.arrays for p in part.rest)
        items = list(islice(self.of(rest, depth - 1), _WIDE)) or [None]
        first = [options[0] for options in prefix if options]
        for count in self._hints.counts:
            yield [*first, *items[:1] * (count - len(first))][:count]
            yield [*first, *(items * count)[: max(count - len(first), 0)]][:count]
        for position, options in enumerate(prefix):
            yield from ([*first[:position], entry, *first[position + 1 :]] for entry in options)
        least = max(int(node.bounds.get("minItems", (1, 0))[0]), len(first) + 1)
        if least < _LONG:
            yield from ([*first, *([entry] * (least - len(first)))] for entry in items)

    def _objects(self, node: Node, depth: int) -> Iterator[Any]:
        options: dict[str, list[Any]] = {}
        for name in dict.fromkeys((*node.required, *node.declared())):
            found = self.of(node.property_parts(str(name)), depth - 1)
            options[str(name)] = list(islice(found, _WIDE))
        options = {name: values for name, values in options.items() if values}
        least = {name: values[0] for name, values in options.items() if name in node.required}
        whole = {name: values[0] for name, values in options.items()}
        yield from (least, whole)
        for name in whole:
            yield {key: value for key, value in whole.items() if key != name}
            yield {**least, name: whole[name]}
        yield from self._others(node, whole, depth)
        runs = [self._varied(least, whole, name, values) for name, values in options.items()]
        yield from _in_turns(runs)

    def _varied(
        self, least: dict[str, Any], whole: dict[str, Any], name: str, values: list[Any]
    ) -> Iterator[Any]:
        for value in values:
            yield {**whole, name: value}
            yield {**least, name: value}

    def _others(self, node: Node, whole: dict[str, Any], depth: int) -> Iterator[Any]:
        """Undeclared properties are only sent where the schema speaks of them."""
        if node.is_open:
            return
        values = list(islice(self.of(node.other_properties(), depth - 1), _WIDE))
        for value in values:
            yield {**whole, "other": value}
        for count in self._hints.counts if values else ():
            yield {**whole, **{f"other{n}": values[0] for n in range(count)}}


def _in_turns(runs: list[Iterator[Any]]) -> Iterator[Any]:
    """One of each in turn, so that no source uses up the limit alone."""
    waiting = list(runs)
    while waiting:
        going = []
        for run in waiting:
            for value in islice(run, 1):
                yield value
                going.append(run)
        waiting = going
