"""Differences in keywords whose effect depends on the value: `not`, `if`, `contains` and such."""

import math
from collections.abc import Callable, Iterator

from maestro.contracts.comparison.schemas_differences import (
    Difference,
    Harm,
    SchemaDirection,
    below,
    doubted,
    when,
)
from maestro.contracts.comparison.schemas_nodes import (
    LocatedSchema,
    Node,
    Parts,
    is_number,
    named,
    same,
    single,
)
from maestro.contracts.comparison.schemas_structure import ComparePair

REQUEST = SchemaDirection.REQUEST
_Rule = Callable[[LocatedSchema, LocatedSchema, SchemaDirection, ComparePair], Iterator[Difference]]


def condition_differences(
    old: Node, new: Node, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    for key in dict.fromkeys(key for key, _ in (*old.conditions, *new.conditions)):
        before = [placed for name, placed in old.conditions if name == key]
        after = [placed for name, placed in new.conditions if name == key]
        for one, other in zip(before, after, strict=False):
            rule = _RULES.get(key, _monotone(key))
            yield from doubted(rule(one, other, direction, pair))
        for gone in before[len(after) :]:
            yield _loose(key, "removed", gone, direction)
        for made in after[len(before) :]:
            yield _loose(key, "added", made, direction)


def _loose(key: str, verb: str, placed: LocatedSchema, direction: SchemaDirection) -> Difference:
    return Difference(
        rule=f"condition-{verb}",
        pointer=f"{placed.pointer}/{key}",
        text=f"has {'a new' if verb == 'added' else 'lost its'} condition `{key}`",
        harm=when((verb == "added") is (direction is REQUEST), Harm.PERHAPS),
    )


def _of(placed: LocatedSchema, key: str) -> Parts:
    found = single(placed.schema, key, placed.pointer)
    return (found,) if found else ()


def _monotone(key: str) -> _Rule:
    def compare(
        old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
    ) -> Iterator[Difference]:
        yield from below(f"{{{key}}}", pair(_of(old, key), _of(new, key), direction))

    return compare


def _not(
    old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    """What is excluded more tightly lets more through."""
    yield from below("{not}", pair(_of(old, "not"), _of(new, "not"), direction.flipped))


def _if(
    old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    test = (_of(old, "if"), _of(new, "if"))
    if pair(*test, direction) or pair(*test, direction.flipped):
        yield _changed("if", old, new)
    for key in ("then", "else"):
        yield from below(f"{{{key}}}", pair(_of(old, key), _of(new, key), direction))


def _contains(
    old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    for key, nothing, slug in (("minContains", 1, "min"), ("maxContains", math.inf, "max")):
        before, after = old.schema.get(key, nothing), new.schema.get(key, nothing)
        if before != after and is_number(before) and is_number(after):
            raised = after > before
            yield Difference(
                rule=f"{slug}-contains-{'raised' if raised else 'lowered'}",
                pointer=f"{new.pointer}/{key}",
                text=f"has {key} {after} instead of {before}",
                harm=when((raised is (slug == "min")) is (direction is REQUEST), Harm.PERHAPS),
            )
    found = pair(_of(old, "contains"), _of(new, "contains"), direction)
    if "maxContains" in old.schema or "maxContains" in new.schema:  # no longer one way only
        found = found + pair(_of(old, "contains"), _of(new, "contains"), direction.flipped)
    yield from below("{contains}", found)


def _dependent(
    old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    before = named(old.schema, "dependentSchemas", old.pointer)
    after = named(new.schema, "dependentSchemas", new.pointer)
    for name in {**before, **after}:
        one: Parts = (before[name],) if name in before else ()
        other: Parts = (after[name],) if name in after else ()
        yield from below(f"{{beside {name}}}", pair(one, other, direction))


def _opaque(
    old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    if not same(old.schema, new.schema):
        yield _changed(next(iter(new.schema), "condition"), old, new)


def _changed(key: str, old: LocatedSchema, new: LocatedSchema) -> Difference:
    return Difference(
        rule="condition-changed",
        pointer=f"{new.pointer}/{key}",
        text=f"has another condition `{key}`",
        harm=Harm.PERHAPS,
        before=dict(old.schema),
        after=dict(new.schema),
    )


_RULES: dict[str, _Rule] = {
    "not": _not,
    "if": _if,
    "contains": _contains,
    "dependentSchemas": _dependent,
    "dependencies": _opaque,
    "$dynamicRef": _opaque,
}
