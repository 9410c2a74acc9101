"""Differences in what a schema says about one value itself: type, bounds, texts, notes."""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from maestro.contracts.comparison.schemas_differences import (
    Difference,
    Harm,
    SchemaDirection,
    when,
)
from maestro.contracts.comparison.schemas_nodes import Node, is_number, same

REQUEST = SchemaDirection.REQUEST

_GROUPS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (frozenset({"integer", "fraction"}), ("minimum", "maximum")),
    (frozenset({"string"}), ("minLength", "maxLength")),
    (frozenset({"array"}), ("minItems", "maxItems")),
    (frozenset({"object"}), ("minProperties", "maxProperties")),
)
_TRIVIAL = frozenset({"", "^", "$", ".*", "^.*", ".*$", r"[\s\S]*", r"^[\s\S]*$"})
_CHECKED_FORMATS = frozenset({
    "date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname",
    "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference", "uuid", "uri-template",
    "json-pointer", "relative-json-pointer", "regex", "int32", "int64",
})  # fmt: skip
_WIDER_FORMATS = {
    "int32": {"int64", "float", "double"}, "int64": {"double"}, "float": {"double"},
    "uri": {"uri-reference", "iri", "iri-reference"}, "email": {"idn-email"},
    "hostname": {"idn-hostname"}, "uri-reference": {"iri-reference"}, "iri": {"iri-reference"},
}  # fmt: skip
_NUMBER_FORMATS = frozenset({"int32", "int64", "float", "double"})


def type_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    lost, gained = old.types - new.types, new.types - old.types
    if not lost and not gained:
        return
    before, after = type_names(old), type_names(new)
    null = {"null"}
    if lost <= null and gained <= null:
        rule = "became-not-nullable" if lost else "became-nullable"
        text = "may no longer be null" if lost else "may now be null"
    else:
        rule = "type-changed" if lost and gained else f"type-{'narrowed' if lost else 'widened'}"
        text = f"has type {_shown(after)} instead of {_shown(before)}"
    yield Difference(
        rule=rule,
        pointer=new.place("type") if "type" in new.places else old.place("type"),
        text=text,
        harm=when(bool(lost if direction is REQUEST else gained)),
        before=before,
        after=after,
    )


def type_names(node: Node) -> list[str]:
    kinds = set(node.types)
    if kinds >= {"integer", "fraction"}:
        kinds = kinds - {"integer", "fraction"} | {"number"}
    return sorted("number" if kind == "fraction" else kind for kind in kinds)


def bound_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    """Bounds of the types that both schemas allow."""
    both = old.types & new.types
    for kinds, keys in _GROUPS:
        if both & kinds:
            for key in keys:
                yield from _bound(key, old, new, direction)


def _bound(key: str, old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    before, after = _effective(key, old), _effective(key, new)
    if before == after or _follows(key, old, new):
        return
    lower = key.startswith("min")
    narrowed = after > before if lower else after < before
    verb = "raised" if narrowed is lower else "lowered"
    rule = _BOUND_RULES[key, verb]
    if not math.isfinite(before[0]):
        text = f"has a new limit: {key} {_bound_text(after)}"
    elif not math.isfinite(after[0]):
        text = f"has lost its limit {key} {_bound_text(before)}"
    else:
        text = f"has {key} {_bound_text(after)} instead of {_bound_text(before)}"
    keyword = _keyword(key, new)
    yield Difference(
        rule=rule,
        pointer=new.place(keyword) if keyword in new.places else old.place(_keyword(key, old)),
        text=text,
        harm=when(narrowed is (direction is REQUEST)),
        before=before[0] if math.isfinite(before[0]) else None,
        after=after[0] if math.isfinite(after[0]) else None,
    )


def _follows(key: str, old: Node, new: Node) -> bool:
    """A least number of properties that what is required beside it says already."""
    ends = [node.bounds.get(key, (0, 0))[0] for node in (old, new)]
    return key == "minProperties" and all(
        end <= len(node.required) for end, node in zip(ends, (old, new), strict=True)
    )


_BOUND_RULES = {
    (key, verb): f"{slug}-{verb}"
    for key, slug in (
        ("minimum", "minimum"), ("maximum", "maximum"), ("minLength", "min-length"),
        ("maxLength", "max-length"), ("minItems", "min-items"), ("maxItems", "max-items"),
        ("minProperties", "min-properties"), ("maxProperties", "max-properties"),
    )
    for verb in ("raised", "lowered")
}  # fmt: skip


def _keyword(key: str, node: Node) -> str:
    exclusive = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}.get(key, key)
    return key if key in node.places else exclusive


def _effective(key: str, node: Node) -> tuple[float, int]:
    """The bound, or the one that always holds; infinite where there is none."""
    if key in ("minimum", "maximum"):
        nothing = (-math.inf if key == "minimum" else math.inf, 0)
        return node.bounds.get(key, nothing)
    if not key.startswith("min"):
        return node.bounds.get(key, (math.inf, 0))
    least: float = 0
    if key == "minProperties" and key in node.bounds:  # required ones are counted anyway
        least = len(node.required)
    least = max(least, node.bounds.get(key, (0, 0))[0])
    return (least, 0) if least > 0 else (-math.inf, 0)


def _bound_text(bound: tuple[float, int]) -> str:
    return f"{bound[0]}{' (excluded)' if bound[1] else ''}"


def multiple_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    if not old.types & new.types & {"integer", "fraction"}:
        return
    before, after = _multiple(old), _multiple(new)
    told = old.sets.get("multipleOf") or new.sets.get("multipleOf")  # not by the type alone
    if before == after or not told:
        return
    sender, receiver = (before, after) if direction is REQUEST else (after, before)
    fits = receiver is None or (sender is not None and (sender / receiver).denominator == 1)
    finer = after is None or (before is not None and (before / after).denominator == 1)
    yield Difference(
        rule="multiple-of-relaxed" if finer else "multiple-of-tightened",
        pointer=(new if after is not None else old).place("multipleOf"),
        text=f"has multipleOf {_number(after)} instead of {_number(before)}",
        harm=when(not fits),
        before=_number(before),
        after=_number(after),
    )


def _multiple(node: Node) -> Fraction | None:
    made: Fraction | None = None
    for entry in node.sets.get("multipleOf", {}):
        if is_number(entry) and entry > 0:
            step = Fraction(str(entry))
            made = step if made is None else _least(made, step)
    if made is None and "fraction" not in node.types:
        return Fraction(1)
    return made


def _least(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(
        math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator)
    )


def _number(value: Fraction | None) -> float | None:
    if value is None:
        return None
    return int(value) if value.denominator == 1 else float(value)


def pattern_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    if "string" not in old.types & new.types:
        return
    before = {p for p in old.sets.get("pattern", {}) if p not in _TRIVIAL}
    after = {p for p in new.sets.get("pattern", {}) if p not in _TRIVIAL}
    if before == after:
        return
    sender, receiver = (before, after) if direction is REQUEST else (after, before)
    rule = "changed" if before and after else ("added" if after else "removed")
    yield Difference(
        rule=f"pattern-{rule}",
        pointer=(new if after else old).place("pattern"),
        text=_replaced("pattern", sorted(before), sorted(after)),
        harm=when(not receiver <= sender, Harm.PERHAPS if sender else Harm.CERTAIN),
        before=sorted(before) or None,
        after=sorted(after) or None,
    )


def format_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    before, after = _formats(old, new), _formats(new, old)
    if before == after:
        return
    sender, receiver = (before, after) if direction is REQUEST else (after, before)
    rule = "changed" if before and after else ("added" if after else "removed")
    yield Difference(
        rule=f"format-{rule}",
        pointer=(new if after else old).place("format"),
        text=_replaced("format", sorted(before), sorted(after)),
        harm=_format_harm(sender, receiver),
        before=sorted(before) or None,
        after=sorted(after) or None,
    )


def _formats(node: Node, beside: Node) -> set[str]:
    """Formats that say something about a type both schemas allow."""
    both = node.types & beside.types
    found = {entry for entry in node.sets.get("format", {}) if isinstance(entry, str)}
    if not both & {"integer", "fraction"}:
        found -= _NUMBER_FORMATS
    return found if "string" in both else found & _NUMBER_FORMATS


def _format_harm(sender: set[str], receiver: set[str]) -> Harm:
    asked = {
        entry
        for entry in receiver - sender
        if not any(entry in _WIDER_FORMATS.get(given, ()) for given in sender)
    }
    if not asked:
        return Harm.NONE
    if not asked & _CHECKED_FORMATS:
        return Harm.RISK
    return Harm.PERHAPS if sender else Harm.CERTAIN


def note_differences(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    """What is said about a value without limiting it."""
    for key, (slug, said) in _NOTES.items():
        before, after = old.notes.get(key), new.notes.get(key)
        if (key not in old.notes and key not in new.notes) or same(before, after):
            continue
        rule = f"{slug}-{_verb(key in old.notes, key in new.notes)}"
        harmless = key == "default" and key not in old.notes
        yield Difference(
            rule=rule,
            pointer=(new if key in new.notes else old).place(key),
            text=f"has {said} {after!r} instead of {before!r}",
            harm=Harm.NONE if harmless else Harm.RISK,
            before=before,
            after=after,
        )
    yield from _flags(old, new, direction)


_NOTES = {
    "default": ("default", "the default"),
    "contentEncoding": ("content-encoding", "the encoding"),
    "contentMediaType": ("content-media-type", "the content type"),
}


def _verb(was: bool, is_now: bool) -> str:
    return "changed" if was and is_now else ("added" if is_now else "removed")


def _flags(old: Node, new: Node, direction: SchemaDirection) -> Iterator[Difference]:
    lost = "readOnly" if direction is REQUEST else "writeOnly"
    for key, on, off in (
        ("deprecated", "became-deprecated", "is-no-longer-deprecated"),
        ("readOnly", "became-read-only", "is-no-longer-read-only"),
        ("writeOnly", "became-write-only", "is-no-longer-write-only"),
    ):
        before, after = old.notes.get(key) is True, new.notes.get(key) is True
        if before is not after:
            yield Difference(
                rule=on if after else off,
                pointer=(new if after else old).place(key),
                text=f"is {'now' if after else 'no longer'} {_FLAG_WORDS[key]}",
                harm=Harm.RISK if key == lost and after else Harm.NONE,
                before=before,
                after=after,
            )


_FLAG_WORDS = {"deprecated": "deprecated", "readOnly": "read-only", "writeOnly": "write-only"}


def extensible_differences(old: Node, new: Node) -> Iterator[Difference]:
    """`x-extensible-enum`: more values have to be expected, so only the loss of one can hurt."""
    before, after = old.notes.get("x-extensible-enum"), new.notes.get("x-extensible-enum")
    if not isinstance(before, list) or not isinstance(after, list):
        return
    for value in before:
        if not any(same(value, entry) for entry in after):
            yield _extensible("removed", value, Harm.RISK, new)
    for value in after:
        if not any(same(value, entry) for entry in before):
            yield _extensible("added", value, Harm.NONE, new)


def _extensible(verb: str, value: Any, harm: Harm, node: Node) -> Difference:
    return Difference(
        rule=f"extensible-enum-value-{verb}",
        pointer=node.place("x-extensible-enum"),
        text=f"has the known value {value!r} {verb}",
        harm=harm,
        before=value if verb == "removed" else None,
        after=value if verb == "added" else None,
    )


def discriminator_differences(old: Node, new: Node) -> Iterator[Difference]:
    """Values are judged by the schemas alone, but clients choose their type by it."""
    before, after = old.notes.get("discriminator"), new.notes.get("discriminator")
    if same(before, after):
        return
    harm = Harm.RISK
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        first, second = before.get("mapping") or {}, after.get("mapping") or {}
        if before.get("propertyName") == after.get("propertyName") and isinstance(first, Mapping):
            kept = all(name in second and second[name] == first[name] for name in first)
            harm = Harm.NONE if kept else Harm.RISK
    elif before is None:
        harm = Harm.NONE
    yield Difference(
        rule=f"discriminator-{_verb(before is not None, after is not None)}",
        pointer=(new if after is not None else old).place("discriminator"),
        text="has another discriminator",
        harm=harm,
        before=before,
        after=after,
    )


def _replaced(what: str, before: list[str], after: list[str]) -> str:
    if not before:
        return f"must now match {what} {_shown(after)}"
    if not after:
        return f"need no longer match {what} {_shown(before)}"
    return f"has {what} {_shown(after)} instead of {_shown(before)}"


def _shown(names: list[str]) -> str:
    return " or ".join(repr(name) for name in names) or "nothing"
