"""Differences in what a schema says about the members of objects and arrays."""

from collections.abc import Callable, Iterator

from maestro.contracts.comparison.schemas_differences import (
    Difference,
    Harm,
    SchemaDirection,
    below,
    when,
)
from maestro.contracts.comparison.schemas_nodes import Node, Parts
from maestro.contracts.comparison.schemas_side import SchemaSide

REQUEST = SchemaDirection.REQUEST
ComparePair = Callable[[Parts, Parts, SchemaDirection], list[Difference]]
"""Compares two schemas deeper down."""


class ObjectComparison:
    """Two object schemas, for one direction."""

    def __init__(
        self,
        sides: tuple[SchemaSide, SchemaSide],
        nodes: tuple[Node, Node],
        direction: SchemaDirection,
        pair: ComparePair,
    ) -> None:
        self._sides = sides
        self._old, self._new = nodes
        self._direction = direction
        self._pair = pair

    def differences(self) -> Iterator[Difference]:
        before, after = self._old.declared(), self._new.declared()
        for name in before:
            if name in after:
                yield from self._kept(name)
            else:
                yield from self._removed(name, before[name])
        for name in after:
            if name not in before:
                yield from self._added(name, after[name])
        yield from self._required(set(after) - set(before), set(before) - set(after))
        yield from self._others()
        yield from self._patterns()
        yield from self._dependent()
        yield from below(
            "{names}",
            self._pair(tuple(self._old.names), tuple(self._new.names), self._direction),
        )

    def _kept(self, name: str) -> Iterator[Difference]:
        if self._unsent(self._sides[0], self._old, name) and self._unsent(
            self._sides[1], self._new, name
        ):
            return
        old, new = self._old.property_parts(name), self._new.property_parts(name)
        yield from below(name, self._pair(old, new, self._direction))

    def _removed(self, name: str, pointer: str) -> Iterator[Difference]:
        old, new = self._old.property_parts(name), self._new.property_parts(name)
        forbidden = self._sides[1].node(new).never
        needed = name in self._needed(self._sides[0], self._old)
        harm = Harm.RISK
        if self._unsent(self._sides[0], self._old, name):
            harm = Harm.NONE
        elif self._direction is REQUEST:
            worst = max((d.harm for d in self._pair(old, new, REQUEST)), default=Harm.NONE)
            harm = max(harm, worst)
        elif not forbidden or needed:
            harm = Harm.CERTAIN
        yield Difference(
            rule="required-property-removed" if needed else "property-removed",
            pointer=pointer,
            text="was removed",
            harm=harm,
            before=name,
            path=(name,),
        )

    def _added(self, name: str, pointer: str) -> Iterator[Difference]:
        harm = Harm.NONE
        explicit = self._old.property_parts(name)
        if self._direction is SchemaDirection.RESPONSE:
            new = self._new.property_parts(name)
            if not self._unsent(self._sides[1], self._new, name):
                found = self._pair(explicit, new, self._direction)
                harm = max((d.harm for d in found), default=Harm.NONE)
        elif explicit and not self._sides[0].node(explicit).never:
            found = self._pair(explicit, self._new.property_parts(name), self._direction)
            harm = max((d.harm for d in found), default=Harm.NONE)
            if all(entry.schema is True or entry.schema == {} for entry in explicit):
                harm = min(harm, Harm.RISK)  # allowed, as anything else was, but never described
        needed = name in self._needed(self._sides[1], self._new)
        yield Difference(
            rule="required-property-added" if needed else "property-added",
            pointer=pointer,
            text="was added" + (" and is required" if needed else ""),
            harm=Harm.CERTAIN if needed and self._direction is REQUEST else harm,
            after=name,
            path=(name,),
        )

    def _required(self, added: set[str], removed: set[str]) -> Iterator[Difference]:
        before = self._needed(self._sides[0], self._old)
        after = self._needed(self._sides[1], self._new)
        for name in (n for n in after if n not in before and n not in added):
            yield Difference(
                rule="property-became-required",
                pointer=after[name],
                text="is now required",
                harm=when(self._direction is REQUEST),
                before=False,
                after=True,
                path=(name,),
            )
        for name in (n for n in before if n not in after and n not in removed):
            yield Difference(
                rule="property-became-optional",
                pointer=self._new.declared().get(name, before[name]),
                text="is no longer required",
                harm=when(self._direction is not REQUEST),
                before=True,
                after=False,
                path=(name,),
            )

    def _needed(self, side: SchemaSide, node: Node) -> dict[str, str]:
        """Names that really have to be sent in this direction."""
        return {
            name: place
            for name, place in node.required.items()
            if isinstance(name, str) and not self._unsent(side, node, name)
        }

    def _unsent(self, side: SchemaSide, node: Node, name: str) -> bool:
        """Read-only in a request, write-only in a response."""
        marker = "readOnly" if self._direction is REQUEST else "writeOnly"
        parts = node.property_parts(name)
        return bool(parts) and side.node(parts).notes.get(marker) is True

    def _others(self) -> Iterator[Difference]:
        old, new = self._old.other_properties(), self._new.other_properties()
        never = (self._sides[0].node(old).never, self._sides[1].node(new).never)
        if never[0] is not never[1]:
            forbidden = never[1]
            yield Difference(
                rule=f"additional-properties-{'forbidden' if forbidden else 'allowed'}",
                pointer=(new if forbidden else old)[0].pointer,
                text=f"{'no longer' if forbidden else 'now'} allows undeclared properties",
                harm=when(forbidden is (self._direction is REQUEST)),
                before=not never[0],
                after=not never[1],
            )
        elif not never[0]:
            yield from below("{other}", self._pair(old, new, self._direction))

    def _patterns(self) -> Iterator[Difference]:
        old = {text: p for part in self._old.objects for text, p in part.patterns.items()}
        new = {text: p for part in self._new.objects for text, p in part.patterns.items()}
        for text in {**old, **new}:
            one = (old[text],) if text in old else self._old.other_properties()
            other = (new[text],) if text in new else self._new.other_properties()
            yield from below(f"{{{text}}}", self._pair(one, other, self._direction))

    def _dependent(self) -> Iterator[Difference]:
        before, after = self._old.dependent, self._new.dependent
        for name, needed in {**before, **after}:
            key = (name, needed)
            if (key in before) is (key in after):
                continue
            added = key in after
            implied = needed in (self._old if added else self._new).required
            yield Difference(
                rule=f"dependent-property-{'required' if added else 'optional'}",
                pointer=after.get(key) or before[key],
                text=f"is {'now' if added else 'no longer'} required beside `{name}`",
                harm=when(added is (self._direction is REQUEST) and not implied),
                path=(needed,),
            )


def array_differences(
    old: Node, new: Node, direction: SchemaDirection, pair: ComparePair
) -> Iterator[Difference]:
    length = max((len(part.prefix) for node in (old, new) for part in node.arrays), default=0)
    most = min(_most(old), _most(new))  # longer ones are refused for their length already
    for position in range(min(length, most)):
        one = tuple(p for part in old.arrays for p in part.of(position))
        other = tuple(p for part in new.arrays for p in part.of(position))
        yield from below(f"[{position}]", pair(one, other, direction))
    if most > length:
        one = tuple(p for part in old.arrays for p in part.rest)
        other = tuple(p for part in new.arrays for p in part.rest)
        yield from below("[]", pair(one, other, direction))
    before, after = bool(old.sets.get("uniqueItems")), bool(new.sets.get("uniqueItems"))
    if before is not after and most > 1:
        yield Difference(
            rule="unique-items-added" if after else "unique-items-removed",
            pointer=(new if after else old).place("uniqueItems"),
            text=f"{'must now' if after else 'need no longer'} hold distinct items",
            harm=when(after is (direction is REQUEST)),
            before=before,
            after=after,
        )


def _most(node: Node) -> int:
    bound = node.bounds.get("maxItems", (1_000_000, 0))[0]
    return max(int(min(bound, 1_000_000)), 0)
