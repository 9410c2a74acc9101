"""Two JSON Schemas 2020-12 compared: who may now receive what they did not agree to."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from maestro.contracts.comparison.changes import Change, ChangeKind
from maestro.contracts.comparison.schemas_conditions import condition_differences
from maestro.contracts.comparison.schemas_differences import (
    Difference,
    Harm,
    SchemaDirection,
    doubted,
    when,
)
from maestro.contracts.comparison.schemas_nodes import LocatedSchema, Node, Parts, occurs, same
from maestro.contracts.comparison.schemas_side import SchemaSide
from maestro.contracts.comparison.schemas_structure import ObjectComparison, array_differences
from maestro.contracts.comparison.schemas_unions import (
    UnionComparison,
    bare_choice,
    choice_of,
)
from maestro.contracts.comparison.schemas_values import (
    bound_differences,
    discriminator_differences,
    extensible_differences,
    format_differences,
    multiple_differences,
    note_differences,
    pattern_differences,
    type_differences,
)
from maestro.contracts.comparison.schemas_witnesses import validator, witness
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

REQUEST = SchemaDirection.REQUEST
_ValueRule = Callable[[Node, Node, SchemaDirection], Iterator[Difference]]
_VALUE_RULES: tuple[_ValueRule, ...] = (
    type_differences,
    bound_differences,
    multiple_differences,
    pattern_differences,
    format_differences,
)
_SHOWN = 120
_MOST_DEPTH = 100


class SchemaComparison:
    """Compares schemas of two documents; every pair of named schemas is compared once."""

    def __init__(self, old: JsonObject, new: JsonObject) -> None:
        self.sides = (SchemaSide(old), SchemaSide(new))
        self._known: dict[tuple[object, ...], tuple[Parts, Parts, list[Difference]]] = {}
        self._depth = 0
        keys = ("components", "$defs", "definitions")
        self._same_targets = all(same(old.get(key), new.get(key)) for key in keys)

    def differences(
        self, old: LocatedSchema, new: LocatedSchema, direction: SchemaDirection
    ) -> list[Difference]:
        """What differs between two schemas and whether it harms the receiver.

        Raises:
            InvalidInput: a reference leads nowhere or out of its document.
        """
        if self._same_targets and same(old.schema, new.schema):
            return []
        return self._pair((old,), (new,), direction)

    def _pair(self, old: Parts, new: Parts, direction: SchemaDirection) -> list[Difference]:
        old, new = _shortened(self.sides[0], old), _shortened(self.sides[1], new)
        key = (_key(old), _key(new), direction)
        if key not in self._known:
            self._known[key] = (old, new, [])  # a circle back to here adds nothing of its own
            self._depth += 1
            if self._depth > _MOST_DEPTH:
                raise InvalidInput(f"{_place(new)}: schemas are nested too deep to be compared")
            self._known[key] = (old, new, self._compare(old, new, direction))
            self._depth -= 1
        return self._known[key][2]

    def _compare(self, old: Parts, new: Parts, direction: SchemaDirection) -> list[Difference]:
        one, other = self.sides[0].node(old), self.sides[1].node(new)
        found = [
            *note_differences(one, other, direction),
            *extensible_differences(one, other),
            *discriminator_differences(one, other),
        ]
        if one.never or other.never:
            return found + list(_never(one, other, direction))
        if one.enum is not None or other.enum is not None:
            return found + self._enumerated(one, other, direction)
        if one.unions or other.unions:
            return found + self._settled(self._unions(one, other, direction), one, other, direction)
        plain = [*self._plain(one, other, direction)]
        if one.conditions or other.conditions:
            plain = doubted(plain)
            plain += condition_differences(one, other, direction, self._pair)
        return found + self._settled(plain, one, other, direction)

    def _plain(self, old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
        for rule in _VALUE_RULES:
            yield from rule(old, new, direction)
        both = old.types & new.types
        if "object" in both and (_speaks_of_objects(old) or _speaks_of_objects(new)):
            nodes = (old, new)
            yield from ObjectComparison(self.sides, nodes, direction, self._pair).differences()
        if "array" in both:
            yield from array_differences(old, new, direction, self._pair)

    def _unions(self, old: Node, new: Node, direction: SchemaDirection) -> list[Difference]:
        if len(old.unions) + len(new.unions) == 1:
            choices = choice_of(self.sides[0], old), choice_of(self.sides[1], new)
            return [*UnionComparison(self.sides, choices, direction, self._pair).differences()]
        found = doubted(self._plain(old, new, direction))
        found += condition_differences(old, new, direction, self._pair)
        for position in range(min(len(old.unions), len(new.unions))):
            choices = bare_choice(old, position), bare_choice(new, position)
            union = UnionComparison(self.sides, choices, direction, self._pair)
            found += union.differences()
        loose = (old.unions[len(new.unions) :], new.unions[len(old.unions) :])
        for verb, unions in zip(("removed", "added"), loose, strict=True):
            for kind, branches in unions:
                found.append(
                    Difference(
                        rule=f"choice-{verb}",
                        pointer=branches[0].pointer.rpartition("/")[0],
                        text=f"has {'a new' if verb == 'added' else 'lost its'} choice by {kind}",
                        harm=when((verb == "added") is (direction is REQUEST), Harm.PERHAPS),
                    )
                )
        return found

    def _settled(
        self, found: list[Difference], old: Node, new: Node, direction: SchemaDirection
    ) -> list[Difference]:
        """Doubts are settled by a value that proves the harm; without one they stay doubts."""
        if not found or any(entry.harm is Harm.CERTAIN for entry in found):
            return found
        receiver = new if direction is REQUEST else old
        tricky = bool(receiver.conditions) or any(key == "oneOf" for key, _ in receiver.unions)
        doubts = [entry for entry in found if entry.harm is Harm.PERHAPS]
        if not doubts and not tricky:
            return found
        proof = self._witness(old, new, direction)
        if proof is None:
            return found
        shown = repr(proof[0])
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        return [
            replace(entry, harm=Harm.CERTAIN, text=f"{entry.text} (refuses for example {shown})")
            if entry.harm is Harm.PERHAPS or not doubts
            else entry
            for entry in found
        ]

    def _witness(self, old: Node, new: Node, direction: SchemaDirection) -> tuple[Any] | None:
        one, other = (self.sides[0], old.parts), (self.sides[1], new.parts)
        if direction is REQUEST:
            return witness(one, other, direction)
        return witness(other, one, direction)

    def _enumerated(self, old: Node, new: Node, direction: SchemaDirection) -> list[Difference]:
        """Where values are listed, each one is tried: nothing has to be guessed."""
        before, after = self._values(0, old, direction), self._values(1, new, direction)
        if before is not None and after is not None:
            return [*_listed(before, after, new, direction)]
        added = before is None
        values = after if added else before
        assert values is not None
        sender_listed = added is not (direction is REQUEST)
        if sender_listed:
            side, receiver = (1, new) if direction is REQUEST else (0, old)
            refused = self._refused(side, receiver, values, direction)
            harm = when(bool(refused))
        else:
            refused = []
            open_node = old if added else new
            simple = not open_node.unions and not open_node.conditions
            harm = Harm.CERTAIN if simple else Harm.PERHAPS
        text = "is limited to" if added else "is no longer limited to"
        found = Difference(
            rule="enum-added" if added else "enum-removed",
            pointer=_enum_place(new if added else old),
            text=f"{text} {_some(values)}" + (f"; refused: {_some(refused)}" if refused else ""),
            harm=harm,
            before=None if added else values,
            after=values if added else None,
        )
        return self._settled([found], old, new, direction)

    def _values(self, side: int, node: Node, direction: SchemaDirection) -> list[Any] | None:
        """Every value a schema allows, or None where they are not finite."""
        values = node.enum
        if values is None:
            if node.unions or node.conditions or not node.types <= {"null", "boolean"}:
                return None
            values = [None] if "null" in node.types else []
            values = [*values, True, False] if "boolean" in node.types else values
        refused = self._refused(side, node, values, direction)
        return [value for value in values if not occurs(value, refused)]

    def _refused(
        self, side: int, node: Node, values: list[Any], direction: SchemaDirection
    ) -> list[Any]:
        try:
            valid = validator(self.sides[side], node.parts, direction).is_valid
        except InvalidInput:
            return []
        return [value for value in values if not valid(value)]


def schema_changes(
    differences: list[Difference], *, side: str, subject: str, operation: str = ""
) -> list[Change]:
    """Differences as changes: `side` begins the rule, `subject` the sentence.

    What is met on several ways (a schema that contains itself) is told once, for the shortest.
    """
    told: dict[tuple[str, str, str], Difference] = {}
    for found in sorted(differences, key=lambda entry: (-entry.harm, len(entry.path))):
        told.setdefault((found.rule, found.pointer, repr((found.before, found.after))), found)
    return [
        Change(
            kind=_KINDS[found.harm],
            rule=f"{side}-{found.rule}",
            pointer=found.pointer,
            message=f"{subject}: {found.place} {found.text}",
            operation=operation,
            before=found.before,
            after=found.after,
        )
        for found in told.values()
    ]


_KINDS = {
    Harm.NONE: ChangeKind.COMPATIBLE,
    Harm.RISK: ChangeKind.DANGEROUS,
    Harm.PERHAPS: ChangeKind.DANGEROUS,
    Harm.CERTAIN: ChangeKind.BREAKING,
}


def compare_schemas(old: JsonObject, new: JsonObject) -> list[Change]:
    """Two documents that each are one schema, used by both sides in either direction."""
    comparison = SchemaComparison(old, new)
    found = [
        entry
        for direction in SchemaDirection
        for entry in comparison.differences(
            LocatedSchema(old, ""), LocatedSchema(new, ""), direction
        )
    ]
    return schema_changes(found, side="schema", subject="Schema")


def _place(parts: Parts) -> str:
    return parts[0].pointer if parts else "/"


def _shortened(side: SchemaSide, parts: Parts) -> Parts:
    short = [entry for part in parts for entry in side.shortened((part,))]
    return tuple({(entry.pointer, id(entry.schema)): entry for entry in short}.values())


def _key(parts: Parts) -> tuple[tuple[str, int], ...]:
    return tuple((part.pointer, id(part.schema)) for part in parts)


def _speaks_of_objects(node: Node) -> bool:
    return bool(node.objects or node.names or node.dependent or node.required)


def _never(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    if old.never and new.never:
        return
    yield Difference(
        rule="value-forbidden" if new.never else "value-allowed",
        pointer=(new if new.never else old).pointer,
        text="can no longer have any value" if new.never else "can now have a value",
        harm=when(new.never is (direction is REQUEST)),
    )


def _listed(
    before: list[Any], after: list[Any], new: Node, direction: SchemaDirection
) -> Iterator[Difference]:
    for verb, values, others in (("removed", before, after), ("added", after, before)):
        for value in values:
            if not occurs(value, others):
                yield Difference(
                    rule=f"enum-value-{verb}",
                    pointer=_enum_place(new),
                    text=f"{'can no longer' if verb == 'removed' else 'can now'} be {value!r}",
                    harm=when((verb == "removed") is (direction is REQUEST)),
                    before=value if verb == "removed" else None,
                    after=value if verb == "added" else None,
                )


def _enum_place(node: Node) -> str:
    return node.place("enum" if "enum" in node.places else "const")


def _some(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:8])
    return shown + (f" and {len(values) - 8} more" if len(values) > 8 else "")
