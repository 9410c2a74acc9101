"""One function per kind of verb: what a clause with it says about the domain."""

from collections.abc import Callable, Sequence

from maestro.domain.entities import CapabilityKind
from maestro.domain.requirement import PartKind
from maestro.planning.attributes import (
    attributes,
    bracket_fields,
    relations,
    set_aside,
    values_of,
)
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.fieldwords import bracket, looks_like_field
from maestro.planning.findings import (
    AssociationFound,
    FieldFound,
    OperationFound,
    OtherFound,
    ReferenceFound,
)

Handler = Callable[[Context, Statement], bool]
"""Returns False when the clause is not of its kind after all."""

_FIELD_PREPS = ("by", "on", "for", "in", "after", "according", "with")


_TO_PARENT = ("to", "with", "in", "by", "under", "at", "of")


def span_of(statement: Statement) -> range:
    return range(statement.start, statement.end)


def verb_words(statement: Statement) -> range:
    assert statement.verb is not None
    return range(statement.verb.start, statement.verb.end + bool(statement.verb.particle))


def actors(ctx: Context, statement: Statement) -> list[str]:
    """Keys of the people who act; notes them as roles."""
    found = []
    for noun in statement.subject:
        if not ctx.is_actor(noun):
            continue
        ctx.use(noun.span)
        key = ctx.entity_key(noun)
        if noun.pronoun or not key:
            continue
        ctx.findings.role(key)
        found.append(key)
    return found


def things(ctx: Context, nouns: Sequence[Noun], strength: int) -> list[str]:
    """Notes each noun as an entity, with what its brackets and complements say."""
    keys = []
    for noun in nouns:
        if noun.pronoun:
            ctx.use(noun.span)
            if ctx.current:
                keys.append(ctx.current)
            continue
        if set_aside(ctx, noun):
            continue
        key = ctx.mention(noun, strength)
        if key:
            keys.append(key)
            remarks = bracket(noun.group)
            if not remarks.examples:
                bracket_fields(ctx, key, noun, remarks)
            relations(ctx, noun)
    return keys


def has(ctx: Context, statement: Statement) -> bool:
    """`tasks have a title and a due date`."""
    owners = [noun for noun in statement.subject if not ctx.is_product(noun)]
    first_person = [n for n in owners if n.head in ("i", "we", "you")]
    if first_person or not statement.objects:
        return False
    ctx.use(verb_words(statement))
    if not owners and ctx.current is None:
        return False
    keys = things(ctx, owners, 3) or ([ctx.current] if ctx.current else [])
    for key in keys:
        attributes(ctx, key, statement.objects)
    ctx.current = keys[-1] if keys else ctx.current
    return bool(keys)


def belongs(ctx: Context, statement: Statement) -> bool:
    """`each task belongs to a project`, `payments are linked to orders`."""
    complements = [*statement.preps, *(p for n in statement.objects for p in n.preps)]
    parents = [p for p in complements if p.word in _TO_PARENT]
    if not parents:
        return False
    ctx.use(verb_words(statement), *(range(p.start, p.start + 1) for p in parents))
    linked = statement.objects if not statement.verb_is_passive else statement.subject
    children = things(ctx, linked or statement.subject, 3) or current(ctx)
    for parent in (noun for prep in parents for noun in prep.nouns):
        key = ctx.mention(parent, 3)
        for child in children:
            if key and key != child:
                ctx.findings.references.append(
                    reference(ctx, child, key, parent, many=parent.plural)
                )
    ctx.current = children[-1] if children else ctx.current
    return bool(children)


def reference(ctx: Context, child: str, parent: str, noun: Noun, *, many: bool) -> ReferenceFound:
    return ReferenceFound(
        child=child,
        parent=parent,
        source=ctx.words_of(noun),
        at=ctx.place(noun.start),
        required=True,
        many=many and noun.determiner not in ("the",) and bool(noun.modifiers),
    )


def current(ctx: Context) -> list[str]:
    return [ctx.current] if ctx.current else []


def is_field_of_current(ctx: Context, noun: Noun) -> bool:
    return not noun.plural and looks_like_field(ctx.entity_key(noun)) and not noun.preps


def assigned(ctx: Context, statement: Statement) -> bool:
    """`tasks can be assigned to a member`, `managers assign tickets to agents`."""
    to = statement.prep("to", "with")
    passive = statement.verb_is_passive
    targets = statement.subject if passive else statement.objects
    people = list(to.nouns) if to is not None else []
    if not passive:
        actors(ctx, statement)
    ctx.use(verb_words(statement))
    swapped = people and targets and ctx.is_actor(targets[0]) and not ctx.is_actor(people[0])
    if swapped:  # "assign members to tasks"
        targets, people = people, list(targets)
    if to is not None:
        ctx.use(range(to.start, to.start + 1))
    keys = things(ctx, [t for t in targets if not t.pronoun], 2) or current(ctx)
    for key in keys:
        for person in people:
            _assignee(ctx, key, person, statement)
        if not people:
            return False
    return bool(keys)


def _assignee(ctx: Context, key: str, person: Noun, statement: Statement) -> None:
    ctx.use(person.span)
    parent = ctx.entity_key(person)
    if not parent or parent == key:
        return
    is_person = ctx.is_actor(person)
    if is_person:
        ctx.findings.role(parent)
    ctx.mention(person, 2 if not is_person else 1)
    name = "assignee" if is_person else parent
    source = ctx.source(statement.start, statement.end)
    at = ctx.place(statement.start)
    ctx.findings.references.append(
        ReferenceFound(
            child=key, parent=parent, source=source, at=at, name=name, required=not is_person
        )
    )
    ctx.findings.operations.append(
        OperationFound(
            kind=CapabilityKind.ASSIGN, source=source, at=at, entity=key, field=f"{name}_id"
        )
    )


def marked(ctx: Context, statement: Statement) -> bool:
    """`mark a task as done` needs a yes/no field; a status value with that name will do as well."""
    state = statement.prep("as", "to")
    targets = statement.subject if statement.verb_is_passive else statement.objects
    if state is None or not state.nouns:
        return managed(ctx, statement)
    if not statement.verb_is_passive:
        actors(ctx, statement)
    ctx.use(verb_words(statement), range(state.start, state.end))
    keys = things(ctx, targets, 2) or current(ctx)
    for key in keys:
        for value in values_of(state.nouns):
            ctx.findings.fields.append(
                FieldFound(
                    owner=key,
                    key=f"is_{value}",
                    source=ctx.source(statement.start, statement.end),
                    at=ctx.place(statement.start),
                )
            )
    return bool(keys)


def managed(ctx: Context, statement: Statement) -> bool:
    """`users create projects`, `tasks can be edited`, `change the status of a task`."""
    assert statement.verb is not None
    who = [] if statement.verb_is_passive else actors(ctx, statement)
    targets = statement.subject if statement.verb_is_passive else statement.objects
    ctx.use(verb_words(statement))
    keys: list[str] = []
    for noun in targets:
        keys += _managed_thing(ctx, noun, statement)
    for prep in statement.preps if statement.verb_is_passive else ():
        ctx.use(range(prep.start, prep.end))
        if prep.word == "by":
            for noun in prep.nouns:
                if ctx.is_actor(noun):
                    who.append(ctx.entity_key(noun))
                    ctx.findings.role(who[-1])
    made = statement.verb.lemma in ctx.lexicon.verbs.made
    for key in keys:
        for actor in who if made else ():
            source = ctx.source(statement.start, statement.end)
            ctx.findings.created_by.append((actor, key, source))
    return bool(keys)


def _managed_thing(ctx: Context, noun: Noun, statement: Statement) -> list[str]:
    assert statement.verb is not None
    part = noun.prep("of", "for", "in")
    meant = ctx.essence(noun)
    if meant is noun and part is not None and _is_attribute(ctx, noun) and part.nouns:
        owner = ctx.mention(part.nouns[0], 3)  # "change the status of a task"
        attributes(ctx, owner, [_alone(noun)])
        keys = [owner]
    elif noun.owner is not None and _is_attribute(ctx, noun) and not noun.owner.pronoun:
        owner = ctx.mention(noun.owner, 3)
        attributes(ctx, owner, [_alone(noun)])
        keys = [owner]
    elif (
        is_field_of_current(ctx, noun)
        and ctx.current
        and noun.determiner in ("a", "an", "the", "its", "their", "")
    ):
        attributes(ctx, ctx.current, [noun])
        keys = [ctx.current]
    else:
        keys = things(ctx, [noun], 3)
    for key in keys:
        ctx.findings.operations.append(
            OperationFound(
                kind=CapabilityKind.MANAGE,
                source=ctx.source(statement.start, statement.end),
                at=ctx.place(statement.start),
                entity=key,
            )
        )
    return keys


def _is_attribute(ctx: Context, noun: Noun) -> bool:
    return looks_like_field(ctx.entity_key(noun)) and (not noun.plural or noun.head == "detail")


def _alone(noun: Noun) -> Noun:
    """The noun without what it belongs to."""
    return Noun(
        head=noun.head,
        modifiers=noun.modifiers,
        start=noun.start,
        end=noun.end,
        plural=noun.plural,
        group=noun.group,
    )


def associated(ctx: Context, statement: Statement) -> bool:
    """`customers review products`, `students enrol in courses`."""
    assert statement.verb is not None
    passive = statement.verb_is_passive
    who = [] if passive else actors(ctx, statement)
    targets = list(statement.subject if passive else statement.objects)
    for prep in statement.preps:
        ctx.use(range(prep.start, prep.start + 1))
        if prep.word in ("in", "for", "on", "to", "at", "into"):
            targets += prep.nouns
        elif prep.word == "with":
            record = ctx.lexicon.associations[statement.verb.lemma]["noun"]
            attributes(ctx, record, prep.nouns)
        elif prep.word == "by" and passive:
            who += [ctx.entity_key(n) for n in prep.nouns if ctx.is_actor(n)]
            ctx.use(range(prep.start, prep.end))
    ctx.use(verb_words(statement))
    keys = things(ctx, targets, 2)
    for key in keys[:1]:
        ctx.findings.associations.append(
            AssociationFound(
                actor=who[0] if who else "",
                verb=statement.verb.lemma,
                target=key,
                source=ctx.source(statement.start, statement.end),
                at=ctx.place(statement.start),
            )
        )
    return bool(keys)


def allowed(ctx: Context, statement: Statement) -> bool:
    """`allow users to ...`: the clause that follows says what; `supports tags`: a feature."""
    people = [n for n in statement.objects if ctx.is_actor(n)]
    actors(ctx, statement)
    ctx.use(verb_words(statement))
    for noun in people:
        ctx.use(noun.span)
        if not noun.pronoun:
            ctx.findings.role(ctx.entity_key(noun))
    return len(people) == len(statement.objects)


def unsupported(ctx: Context, statement: Statement, reason: str) -> None:
    """Notes a whole clause as not built, and whoever it mentions as nothing more than words."""
    ctx.use(span_of(statement))
    for noun in statement.subject:
        if ctx.is_actor(noun) and not noun.pronoun and ctx.entity_key(noun):
            ctx.findings.role(ctx.entity_key(noun))
    for noun in statement.objects[:1]:
        if noun.plural and ctx.mention(noun, 0):  # "share recipes and rate them"
            ctx.current = ctx.entity_key(noun)
    source = ctx.source(statement.start, statement.end)
    ctx.findings.others.append(
        OtherFound(
            kind=PartKind.CAPABILITY,
            text=source,
            source=source,
            at=ctx.place(statement.start),
            reason=reason,
        )
    )
