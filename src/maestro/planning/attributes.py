"""Reading what a thing has: fields, their values and limits, and things that belong to it."""

from collections.abc import Sequence
from typing import Any

from maestro.domain.requirement import PartKind
from maestro.planning.chunks import Noun
from maestro.planning.context import Context
from maestro.planning.fieldwords import Bracket, bracket, field_words
from maestro.planning.findings import FieldFound, OtherFound, ReferenceFound
from maestro.planning.naming import enum_value, is_plural, singular
from maestro.planning.unsupported import class_of_noun, quality_of

_MANY = ("several", "many", "multiple", "various", "some", "different", "all", "own", "any")
_WITH = ("with", "including", "containing", "like", ":")
_WITHIN = ("of", "in", "for", "per", "on", "under", "from", "inside", "within", "about", "at", "to")
_TIGHT = ("of", "in", "per", "on", "under", "inside", "within")


def attributes(ctx: Context, owner: str, nouns: Sequence[Noun]) -> None:
    """`owner` has each of `nouns`."""
    for noun in _own_phrases(ctx, nouns):
        if noun.pronoun:
            ctx.use(noun.span)
        elif noun.head in ctx.lexicon.fields_words | ctx.lexicon.features_words and _listed(noun):
            ctx.use(noun.span)
            attributes(ctx, owner, _listed(noun))
        elif not set_aside(ctx, noun):
            _attribute(ctx, owner, noun)


def _own_phrases(ctx: Context, nouns: Sequence[Noun]) -> list[Noun]:
    """`check-in and check-out dates` are two dates; `number of rooms and area` are two fields."""
    found: list[Noun] = []
    waiting = list(nouns)
    while waiting:
        noun = waiting.pop(0)
        following = waiting[0] if waiting else None
        if following is not None and _shares_head(noun, following):
            noun.modifiers, noun.head = (*noun.modifiers, noun.head), following.head
            noun.adjective, following.plural = False, False
        inner = noun.prep("of")
        if inner is not None and len(inner.nouns) > 1 and not _is_choice(ctx, noun):
            waiting[:0] = inner.nouns[1:]
            inner.nouns = inner.nouns[:1]
        found.append(noun)
    return found


def _shares_head(noun: Noun, following: Noun) -> bool:
    several = following.plural or noun.adjective
    bare = not noun.modifiers and not noun.preps and not noun.plural and noun.group is None
    usual = following.head in ("date", "time", "name", "address", "number", "price", "code")
    return bare and several and usual and len(following.modifiers) == 1


def _is_choice(ctx: Context, noun: Noun) -> bool:
    return noun.head in ("status", "state", "type", "kind", "category", "level", "role", "one") or (
        noun.head not in ctx.lexicon.counts and not field_words().knows(noun.head)
    )


def _listed(noun: Noun) -> list[Noun]:
    """The list that a heading word introduces: `the following fields: a, b`."""
    inner = noun.prep(":", "like", "including", "such_as", "as", "of")
    return inner.nouns if inner is not None else []


def set_aside(ctx: Context, noun: Noun) -> bool:
    """Notes a noun that names something unbuildable or a wish about the whole."""
    kind = class_of_noun(noun)
    source = ctx.words_of(noun)
    place = ctx.place(noun.start)
    if kind is not None:
        ctx.use(noun.span, *(range(p.start, p.end) for p in noun.preps))
        ctx.findings.others.append(
            OtherFound(
                kind=PartKind.CAPABILITY, text=source, source=source, at=place, reason=kind.reason
            )
        )
        return True
    wish = quality_of(noun)
    if wish is None:
        return False
    ctx.use(noun.span)
    ctx.findings.others.append(
        OtherFound(
            kind=PartKind.QUALITY,
            text=wish.text,
            source=source,
            at=place,
            covered=wish.covered,
            reason=wish.reason,
        )
    )
    return True


def _attribute(ctx: Context, owner: str, noun: Noun) -> None:
    remarks = bracket(noun.group)
    key = ctx.field_key(noun)
    if not key:
        return
    ctx.use(noun.span)
    several = noun.plural and ctx.surface_head(noun) == noun.head
    holds_things = several and remarks.items and not remarks.examples
    ctx.findings.fields.append(
        FieldFound(
            owner=owner,
            key=ctx.entity_key(noun) if several else key,
            source=ctx.words_of(noun),
            at=ctx.place(noun.start),
            plural=several,
            quantified=noun.determiner in _MANY or any(m in _MANY for m in noun.modifiers),
            **_details(ctx, noun, remarks if not holds_things else Bracket(items=())),
        )
    )
    if holds_things:
        bracket_fields(ctx, ctx.entity_key(noun), noun, remarks)
    _inner(ctx, noun, several)


def _details(ctx: Context, noun: Noun, remarks: Bracket) -> dict[str, Any]:
    values = remarks.values if not remarks.examples else ()
    return {
        "type": remarks.type,
        "values": values or _values_in_preps(ctx, noun),
        "required": _stated_required(noun, remarks),
        "unique": remarks.unique or "unique" in noun.modifiers,
        "max_length": remarks.max_length,
        **_range(ctx, noun, remarks),
    }


def _stated_required(noun: Noun, remarks: Bracket) -> bool | None:
    if remarks.required is not None:
        return remarks.required
    if "optional" in noun.modifiers:
        return False
    return True if {"required", "mandatory"} & set(noun.modifiers) else None


def _range(ctx: Context, noun: Noun, remarks: Bracket) -> dict[str, int | None]:
    """`rating from 1 to 5`, `between 1 and 5`, `(1-5)`."""
    if remarks.minimum is not None:
        return {"minimum": remarks.minimum, "maximum": remarks.maximum}
    numbers: list[int] = []
    for prep in noun.preps:
        if prep.word in ("from", "to", "between", "of", "up"):
            found = [n.number or n.head for n in prep.nouns]
            if all(n.isdigit() for n in found):
                numbers += [int(n) for n in found]
                ctx.use(range(prep.start, prep.end))
    if len(numbers) < 2:
        return {"minimum": None, "maximum": None}
    return {"minimum": min(numbers), "maximum": max(numbers)}


def _values_in_preps(ctx: Context, noun: Noun) -> tuple[str, ...]:
    """`a status of draft, published or archived`; `status: open, closed`."""
    for prep in noun.preps:
        several = len(prep.nouns) > 1 and not all(n.number for n in prep.nouns)
        lists = prep.word in ("of", ":", "like", "including", "as")
        if lists and several and not noun.plural:
            ctx.use(range(prep.start, prep.end))
            return values_of(prep.nouns)
    return ()


def values_of(nouns: Sequence[Noun]) -> tuple[str, ...]:
    """Noun phrases taken as the words of an enumeration."""
    named = (enum_value(" ".join([*noun.modifiers, noun.head])) for noun in nouns)
    return tuple(dict.fromkeys(value for value in named if value))


def _inner(ctx: Context, noun: Noun, several: bool) -> None:
    """What a listed thing has itself: `ingredients with a quantity`."""
    for prep in noun.preps:
        if prep.word in _WITH and set(range(prep.start, prep.end)) - ctx.used:
            ctx.use(range(prep.start, prep.start + 1))
            attributes(ctx, ctx.entity_key(noun), prep.nouns)
        elif several and prep.word in _WITHIN:
            relations(ctx, noun)
        elif not several and prep.word in ("per", "in", "as") and not class_in(prep.nouns):
            ctx.use(range(prep.start, prep.end))  # a unit: "weight in kilograms"


def class_in(nouns: Sequence[Noun]) -> bool:
    """Whether any of the nouns is something the offline team cannot build."""
    return any(class_of_noun(noun) is not None for noun in nouns)


def bracket_fields(ctx: Context, owner: str, noun: Noun, remarks: Bracket) -> None:
    """`contacts (name, email, phone)`."""
    for item in remarks.items:
        *before, last = item.split()
        several = is_plural(last, "NNS")
        known = field_words()
        counts = last in known.plural_text | known.plural_integer
        key = "_".join([*before, last if counts or not several else singular(last)])
        ctx.findings.fields.append(
            FieldFound(
                owner=owner,
                key=key,
                source=item,
                at=ctx.place(noun.end - 1),
                plural=several and not counts,
            )
        )


def relations(ctx: Context, noun: Noun) -> None:
    """Complements of a thing: what it has (`with`), and what it belongs to (`for each student`)."""
    child = ctx.entity_key(noun)
    for prep in noun.preps:
        span = range(prep.start, prep.end)
        if prep.word in _WITH:
            ctx.use(range(prep.start, prep.start + 1))
            attributes(ctx, child, prep.nouns)
        elif prep.word in ("by", "via", "using", "through"):
            for means in prep.nouns:
                if class_of_noun(means) is not None:
                    set_aside(ctx, means)
        elif prep.word in _WITHIN and not set(span) <= ctx.used:
            for parent in prep.nouns:
                _belongs(ctx, child, parent, prep.word)


def _belongs(ctx: Context, child: str, parent: Noun, word: str) -> None:
    ours = parent.determiner in ("our", "my")
    if ours or parent.pronoun or parent.head in ctx.lexicon.filler or ctx.is_product(parent):
        ctx.use(parent.span)
        return
    if set_aside(ctx, parent):
        return
    each = parent.determiner in ("each", "every", "a", "an", "the", "their", "one")
    several = parent.plural and word in ("of", "in", "on", "under")
    key = ctx.mention(parent, 2 if several or parent.determiner in ("each", "every") else 1)
    if key and key != child:
        ctx.findings.references.append(
            ReferenceFound(
                child=child,
                parent=key,
                source=ctx.words_of(parent),
                at=ctx.place(parent.start),
                required=word in _TIGHT or each,
            )
        )
    relations(ctx, parent)
