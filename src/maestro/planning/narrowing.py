"""Clauses about finding things: filter, search and sort."""

from collections.abc import Sequence

from maestro.domain.entities import CapabilityKind
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.findings import OperationFound
from maestro.planning.predicates import (
    actors,
    current,
    is_field_of_current,
    managed,
    things,
    verb_words,
)


def filtered(ctx: Context, statement: Statement) -> bool:
    return _narrowed(ctx, statement, CapabilityKind.FILTER)


def searched(ctx: Context, statement: Statement) -> bool:
    return _narrowed(ctx, statement, CapabilityKind.SEARCH)


def sorted_by(ctx: Context, statement: Statement) -> bool:
    return _narrowed(ctx, statement, CapabilityKind.SORT)


def shown(ctx: Context, statement: Statement) -> bool:
    """`list permits by zone`, `show orders by customer`: some of them are asked for."""
    by = [n for n in _by(statement, statement.objects) if not (ctx.is_actor(n) and n.determiner)]
    known = managed(ctx, statement)
    if known and by and not statement.verb_is_passive:
        narrow(ctx, CapabilityKind.FILTER, current(ctx), by, statement)
    return known


def _narrowed(ctx: Context, statement: Statement, kind: CapabilityKind) -> bool:
    """`filter tasks by status`, `tasks can be sorted by due date`, `search for books by title`."""
    actors(ctx, statement)
    ctx.use(verb_words(statement))
    targets = statement.objects or [n for n in statement.subject if not ctx.is_actor(n)]
    passive = [n for n in statement.subject if statement.verb_is_passive]
    wanted = statement.prep("for") if not targets else None
    targets = list(targets or passive or (wanted.nouns if wanted else []))
    if wanted is not None:
        ctx.use(range(wanted.start, wanted.start + 1))
    by = _by(statement, targets)
    fields_meant = [n for n in targets if is_field_of_current(ctx, n)]
    if targets and not by and len(fields_meant) == len(targets) and ctx.current:
        by, targets = targets, []
    keys = things(ctx, targets, 2) or current(ctx)
    narrow(ctx, kind, keys, by, statement)
    return bool(keys)


def _by(statement: Statement, targets: Sequence[Noun]) -> list[Noun]:
    found: list[Noun] = []
    preps = [*statement.preps, *(p for noun in targets for p in noun.preps)]
    for prep in list(preps):
        preps += [inner for noun in prep.nouns for inner in noun.preps]
    for prep in preps:
        if prep.word in ("by", "on", "via", "using"):
            found += prep.nouns
    return found


def narrow(
    ctx: Context,
    kind: CapabilityKind,
    keys: Sequence[str],
    by: Sequence[Noun],
    statement: Statement,
) -> None:
    """Notes the operation for every entity and every field it goes by."""
    source = ctx.source(statement.start, statement.end)
    at = ctx.place(statement.start)
    found = ctx.findings.operations
    for noun in by:
        ctx.use(noun.span, range(noun.start - 1, noun.start))
    for key in keys:
        for noun in by:
            name = ctx.field_key(noun)
            found.append(OperationFound(kind=kind, source=source, at=at, entity=key, field=name))
        if not by:
            found.append(OperationFound(kind=kind, source=source, at=at, entity=key))
