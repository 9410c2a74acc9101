"""Clauses with `be`: values of a field, states of a thing, remarks about a field."""

from collections.abc import Sequence

from maestro.domain.entities import FieldType
from maestro.planning.attributes import attributes, set_aside, values_of
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.fieldwords import bracket, looks_like_field
from maestro.planning.findings import FieldFound
from maestro.planning.predicates import current, reference, span_of, things, verb_words


def equated(ctx: Context, statement: Statement) -> bool:
    """`status can be open or closed`, `titles are required`, `a rating is between 1 and 5`."""
    if [n.head for n in statement.subject] == ["there"]:
        ctx.use(verb_words(statement), statement.subject[0].span)
        return bool(things(ctx, statement.objects, 2))
    if statement.subject and not statement.objects and statement.preps:
        return _placed(ctx, statement)
    values = list(statement.objects)
    if len(statement.subject) != 1:
        return False
    if statement.subject[0].pronoun and len(values) == 1 and values[0].adjective:
        return _yes_or_no(ctx, statement, values[0])
    subject = statement.subject[0]
    key = ctx.entity_key(subject)
    remarks = (
        bracket(" ".join(ctx.source(v.start, v.end) for v in values)) if len(values) == 1 else None
    )
    remark = remarks is not None and not remarks.items and bool(values)
    if not (looks_like_field(key) or remark):
        return _states(ctx, statement, values)
    if ctx.current is None or (not remark and len(values) < 2 and not statement.preps):
        return False
    ctx.use(span_of(statement))
    ctx.findings.fields.append(
        FieldFound(
            owner=ctx.current,
            key=ctx.field_key(subject),
            source=ctx.source(statement.start, statement.end),
            at=ctx.place(statement.start),
            values=values_of(values) if not remark else (),
            required=remarks.required if remarks else None,
            unique=remarks.unique if remarks else False,
        )
    )
    return True


def _placed(ctx: Context, statement: Statement) -> bool:
    """`a booking is for one room and one guest, with a check-in date`."""
    owners = [n for n in statement.subject if not n.pronoun]
    if looks_like_field(ctx.entity_key(owners[0])) if owners else ctx.current is None:
        return False
    keys = things(ctx, owners, 3) if owners else current(ctx)
    for prep in statement.preps:
        ctx.use(range(prep.start, prep.start + 1))
        for key in keys:
            if prep.word == "with":
                attributes(ctx, key, prep.nouns)
                continue
            for parent in prep.nouns:
                name = ctx.mention(parent, 2)
                if name and name != key:
                    found = reference(ctx, key, name, parent, many=False)
                    ctx.findings.references.append(found)
    ctx.use(verb_words(statement))
    return bool(keys)


def _yes_or_no(ctx: Context, statement: Statement, word: Noun) -> bool:
    """`whether it is billable`."""
    if ctx.current is None or set_aside(ctx, word):
        return ctx.current is not None
    ctx.use(span_of(statement))
    ctx.findings.fields.append(
        FieldFound(
            owner=ctx.current,
            key=ctx.field_key(word),
            type=FieldType.BOOLEAN,
            source=ctx.source(statement.start, statement.end),
            at=ctx.place(statement.start),
        )
    )
    return True


def _states(ctx: Context, statement: Statement, values: Sequence[Noun]) -> bool:
    """`tasks are todo, doing or done` gives the thing a status."""
    states = [v for v in values if not v.plural and not v.determiner]
    subject = statement.subject[0]
    if len(states) < 2 or len(states) != len(values) or ctx.is_product(subject):
        return False
    for noun in values:
        if set_aside(ctx, noun):
            return False
    key = ctx.mention(subject, 3) if not subject.pronoun else (ctx.current or "")
    if not key:
        return False
    ctx.use(span_of(statement))
    ctx.findings.fields.append(
        FieldFound(
            owner=key,
            key="status",
            source=ctx.source(statement.start, statement.end),
            at=ctx.place(statement.start),
            values=values_of(states),
        )
    )
    return True
