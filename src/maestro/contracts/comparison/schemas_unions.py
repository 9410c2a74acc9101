"""Differences between choices (`anyOf`, `oneOf`), matched by what they are, not by position."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from maestro.contracts.comparison.schemas_differences import (
    Difference,
    Harm,
    SchemaDirection,
    below,
    doubted,
    when,
)
from maestro.contracts.comparison.schemas_nodes import Node, Parts, same
from maestro.contracts.comparison.schemas_side import SchemaSide
from maestro.contracts.comparison.schemas_structure import ComparePair

REQUEST = SchemaDirection.REQUEST
_MOST_PAIRS = 400
"""More combinations than this are not tried out; leftovers count as removed and added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The branches of one union; a schema without a union is a choice of one."""

    kind: str
    branches: tuple[Parts, ...]
    pointer: str


def choice_of(side: SchemaSide, node: Node) -> Choice:
    """The node as a choice, what stands beside the union folded into each branch."""
    if not node.unions:
        return Choice(kind="", branches=(node.parts,), pointer=node.pointer)
    kind, branches = node.unions[0]
    rest = side.without_union(node.parts, kind, branches)
    return Choice(
        kind=kind,
        branches=tuple((*rest, branch) for branch in branches),
        pointer=branches[0].pointer.rpartition("/")[0],
    )


def bare_choice(node: Node, position: int) -> Choice:
    kind, branches = node.unions[position]
    return Choice(
        kind=kind,
        branches=tuple((branch,) for branch in branches),
        pointer=branches[0].pointer.rpartition("/")[0],
    )


class UnionComparison:
    """Two choices, for one direction."""

    def __init__(
        self,
        sides: tuple[SchemaSide, SchemaSide],
        choices: tuple[Choice, Choice],
        direction: SchemaDirection,
        pair: ComparePair,
    ) -> None:
        self._sides = sides
        self._old, self._new = choices
        self._direction = direction
        self._pair = pair

    def differences(self) -> Iterator[Difference]:
        matches = self._matches()
        for i, j in sorted(matches.items()):
            old, new = self._old.branches[i], self._new.branches[j]
            found = self._pair(old, new, self._direction)
            if max(len(self._old.branches), len(self._new.branches)) > 1:
                label = self._label(self._sides[1], new)
                found = doubted(below(f"({label})" if label else f"({j})", found))
            yield from found
        for i, gone in enumerate(self._old.branches):
            if i not in matches:
                yield self._loose("removed", gone, self._sides[0])
        taken = set(matches.values())
        for j, made in enumerate(self._new.branches):
            if j not in taken:
                yield self._loose("added", made, self._sides[1])
        yield from self._kind()

    def _kind(self) -> Iterator[Difference]:
        kinds = (self._old.kind, self._new.kind)
        if kinds not in (("anyOf", "oneOf"), ("oneOf", "anyOf")):
            return
        narrowed = self._new.kind == "oneOf"
        yield Difference(
            rule=f"choice-became-{'exclusive' if narrowed else 'inclusive'}",
            pointer=self._new.pointer,
            text=f"is a choice by {self._new.kind} instead of {self._old.kind}",
            harm=when(narrowed is (self._direction is REQUEST), Harm.PERHAPS),
            before=self._old.kind,
            after=self._new.kind,
        )

    def _loose(self, verb: str, branch: Parts, side: SchemaSide) -> Difference:
        """A branch without a counterpart harms where values of it now meet nobody."""
        harm = Harm.NONE
        if (verb == "removed") is (self._direction is REQUEST):
            covered = any(self._covers(verb, branch, other) for other in self._opposite(verb))
            harm = when(not covered, Harm.PERHAPS)
        label = self._label(side, branch)
        return Difference(
            rule=f"variant-{verb}",
            pointer=branch[-1].pointer if branch else "",
            text=f"has lost the variant {label}"
            if verb == "removed"
            else f"has a new variant {label}",
            harm=harm,
            before=label if verb == "removed" else None,
            after=label if verb == "added" else None,
        )

    def _opposite(self, verb: str) -> tuple[Parts, ...]:
        return self._new.branches if verb == "removed" else self._old.branches

    def _covers(self, verb: str, branch: Parts, other: Parts) -> bool:
        old, new = (branch, other) if verb == "removed" else (other, branch)
        return _worst(self._pair(old, new, self._direction)) <= Harm.RISK

    def _matches(self) -> dict[int, int]:
        old, new = self._old.branches, self._new.branches
        if len(old) == len(new) == 1:
            return {0: 0}
        found: dict[int, int] = {}
        for test in (self._same_name, _same_text, self._same_tag):
            for i, one in enumerate(old):
                for j, other in enumerate(new):
                    if i not in found and j not in found.values() and test(one, other):
                        found[i] = j
        self._match_by_likeness(found)
        return found

    def _match_by_likeness(self, found: dict[int, int]) -> None:
        left = [i for i in range(len(self._old.branches)) if i not in found]
        right = [j for j in range(len(self._new.branches)) if j not in found.values()]
        if len(left) * len(right) > _MOST_PAIRS:
            return
        scored = []
        for i in left:
            for j in right:
                score = self._likeness(self._old.branches[i], self._new.branches[j])
                if score is not None:
                    scored.append((score, i, j))
        for _, i, j in sorted(scored):
            if i not in found and j not in found.values():
                found[i] = j

    def _likeness(self, old: Parts, new: Parts) -> tuple[int, int] | None:
        """Smaller is more alike; None where one is no version of the other."""
        one, other = self._sides[0].node(old), self._sides[1].node(new)
        if not one.types & other.types:
            return None
        first, second = set(one.declared()), set(other.declared())
        if (first or second) and not first & second:
            return None
        if self._tag(self._sides[0], old) != self._tag(self._sides[1], new):
            return None
        differences = self._pair(old, new, self._direction)
        return _worst(differences), len(differences)

    def _same_name(self, old: Parts, new: Parts) -> bool:
        name = _reference(old)
        return bool(name) and name == _reference(new)

    def _same_tag(self, old: Parts, new: Parts) -> bool:
        tag = self._tag(self._sides[0], old)
        return bool(tag) and tag == self._tag(self._sides[1], new)

    def _tag(self, side: SchemaSide, parts: Parts) -> str:
        """Constants of required properties, which tell variants apart."""
        node = side.node(parts)
        found = []
        for name in sorted(n for n in node.required if isinstance(n, str)):
            values = side.node(node.property_parts(name)).enum
            if values is not None and len(values) == 1:
                found.append(f"{name}={values[0]!r}")
        return ",".join(found)

    def _label(self, side: SchemaSide, parts: Parts) -> str:
        name = _reference(parts).rpartition("/")[2]
        titles = [p.schema.get("title") for p in parts if isinstance(p.schema, Mapping)]
        title = next((text for text in reversed(titles) if isinstance(text, str)), "")
        node = side.node(parts)
        kinds = "" if len(node.types) > 2 else " or ".join(sorted(node.types))
        return name or title or self._tag(side, parts) or kinds or "without a name"


def _reference(parts: Parts) -> str:
    schema = parts[-1].schema if parts else True
    name = schema.get("$ref") if isinstance(schema, Mapping) else None
    return name if isinstance(name, str) else ""


def _same_text(old: Parts, new: Parts) -> bool:
    return bool(old and new) and same(old[-1].schema, new[-1].schema)


def _worst(found: Sequence[Difference]) -> int:
    return max((difference.harm for difference in found), default=Harm.NONE)
