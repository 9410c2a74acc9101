"""Statements into findings: which kind of clause is it, and what does its reader conclude."""

from collections.abc import Sequence

from maestro.planning import predicates
from maestro.planning.attributes import attributes, set_aside, values_of
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.equating import equated
from maestro.planning.fieldwords import field_words, looks_like_field
from maestro.planning.findings import FieldFound
from maestro.planning.naming import singular
from maestro.planning.narrowing import filtered, searched, shown, sorted_by
from maestro.planning.products import (
    features,
    is_service_word,
    product,
    product_complement,
    service,
    services,
    topic_head,
)
from maestro.planning.unsupported import CapabilityClass, class_of_action, class_of_noun

_ENUM_HEADS = frozenset(
    {"status", "state", "priority", "type", "kind", "category", "role", "level"}
)


def interpret(ctx: Context, statement: Statement) -> bool:
    """Takes from a statement what it says. False: nothing in it was understood."""
    if statement.verb is None:
        return _without_verb(ctx, statement)
    if _is_product_statement(ctx, statement):
        return _product_clause(ctx, statement)
    kind = class_of_action(statement) or _class_of_manner(statement)
    if kind is not None and not _joins_something(ctx, statement):
        predicates.unsupported(ctx, statement, kind.reason)
        return True
    if statement.verb.negated or any(noun.determiner == "no" for noun in statement.nouns):
        return False  # what shall not be is no wish that could be built; it is listed
    if _sets_the_scene(ctx, statement):
        return True
    handler = _handler(ctx, statement)
    if handler is None:
        return False
    return handler(ctx, statement)


def _joins_something(ctx: Context, statement: Statement) -> bool:
    """`volunteers sign up for events` leaves a record; `users sign up` is a login."""
    assert statement.verb is not None
    entry = ctx.lexicon.associations.get(statement.verb.lemma, {})
    return "preposition" in entry and _leaves_record(ctx, statement)


def _class_of_manner(statement: Statement) -> CapabilityClass | None:
    """`results are shown in real time`: how something is done makes it unbuildable."""
    manner = [n for p in statement.preps if p.word != "by" for n in p.nouns]
    return next((kind for n in manner if (kind := class_of_noun(n)) is not None), None)


def _sets_the_scene(ctx: Context, statement: Statement) -> bool:
    """`We run a small clinic`: who is speaking, nothing to build."""
    assert statement.verb is not None
    first_person = [n for n in statement.subject if n.head in ("i", "we", "you")]
    if not first_person or statement.verb.lemma not in ctx.lexicon.verbs.setting:
        return False
    ctx.use(predicates.span_of(statement))
    return True


def _handler(ctx: Context, statement: Statement) -> predicates.Handler | None:
    assert statement.verb is not None
    lemma, verbs = statement.verb.lemma, ctx.lexicon.verbs
    things_act = bool(statement.subject) and not any(ctx.is_actor(n) for n in statement.subject)
    if lemma in verbs.have or (lemma in verbs.keep and things_act and not statement.verb.passive):
        return predicates.has if not _product_has(ctx, statement) else _features_of_product
    if lemma in ctx.lexicon.associations and _leaves_record(ctx, statement):
        return predicates.associated
    groups: tuple[tuple[frozenset[str], predicates.Handler], ...] = (
        (verbs.be, equated),
        (verbs.belong, predicates.belongs),
        (verbs.relate, predicates.belongs),
        (verbs.filter, filtered),
        (verbs.search, searched),
        (verbs.sort, sorted_by),
        (verbs.assign, predicates.assigned),
        (verbs.mark, predicates.marked),
        (verbs.look, shown),
        (verbs.manage, predicates.managed),
        (verbs.permissive, _permissive),
        (verbs.build | verbs.made, predicates.managed),
    )
    found = next((handler for lemmas, handler in groups if lemma in lemmas), None)
    if found is None and statement.verb.passive and things_act:
        return predicates.belongs  # "a trip is driven by a driver in a vehicle"
    return found


def _leaves_record(ctx: Context, statement: Statement) -> bool:
    """The verb says that its object gets a record; some need a preposition for that."""
    assert statement.verb is not None
    entry = ctx.lexicon.associations[statement.verb.lemma]
    wanted = entry.get("preposition")
    if wanted is not None:
        return any(p.word == wanted for p in statement.preps) and not statement.objects
    concerned = [*statement.objects, *(n for p in statement.preps for n in p.nouns)]
    named = [n for n in concerned[:1] if not n.pronoun]
    somebody = [n for n in statement.subject if not n.pronoun]
    return bool(named) or statement.verb_is_passive or bool(concerned and somebody)


# --- the product itself ---


def _is_product_statement(ctx: Context, statement: Statement) -> bool:
    """`Build a web app with ...`, `We need a system where ...`."""
    assert statement.verb is not None
    people = all(n.pronoun or ctx.is_actor(n) for n in statement.subject)
    objects = [n for n in statement.objects if not n.pronoun]
    named = [n for n in objects[:1] if ctx.is_product(n) and n.determiner != "their"]
    wanted = statement.verb.lemma in ctx.lexicon.verbs.build | ctx.lexicon.verbs.have
    return wanted and people and bool(named) and not _is_known_thing(ctx, named[0])


def _is_known_thing(ctx: Context, noun: Noun) -> bool:
    """`users create projects` and `create a board` after boards were named mean the thing."""
    key = ctx.entity_key(noun)
    generic = noun.head in ctx.lexicon.products.generic
    return bool(ctx.findings.titles) and ctx.findings.strength(key) > 0 and not generic


def _product_clause(ctx: Context, statement: Statement) -> bool:
    for noun in statement.subject:
        ctx.use(noun.span)
        if not noun.pronoun and ctx.entity_key(noun):
            ctx.findings.role(ctx.entity_key(noun))
    ctx.use(predicates.verb_words(statement))
    for noun in statement.objects:
        if ctx.is_product(noun):
            product(ctx, noun)
        else:
            features(ctx, [noun])
    for prep in statement.preps:
        product_complement(ctx, prep.word, prep.nouns)
    return True


# --- lists of what the product holds or can do ---


def _permissive(ctx: Context, statement: Statement) -> bool:
    predicates.allowed(ctx, statement)
    rest = [n for n in statement.objects if not ctx.is_actor(n)]
    if rest:
        features(ctx, rest)
    return True


def _product_has(ctx: Context, statement: Statement) -> bool:
    first = [n for n in statement.subject if n.head in ("i", "we", "you")]
    return (
        any(ctx.is_product(n) and not _is_known_thing(ctx, n) for n in statement.subject)
        or bool(first)
        or (not statement.subject and not ctx.current)
    )


def _features_of_product(ctx: Context, statement: Statement) -> bool:
    ctx.use(predicates.verb_words(statement), *(n.span for n in statement.subject))
    for noun in statement.subject:
        if ctx.is_product(noun) and not ctx.findings.titles:
            product(ctx, noun)
    features(ctx, statement.objects)
    return True


# --- rows of nouns ---


def _without_verb(ctx: Context, statement: Statement) -> bool:
    if statement.label:
        return _labelled(ctx, statement)
    if not statement.objects:
        for prep in statement.preps:
            _loose_complement(ctx, prep.word, prep.nouns, prep.start)
        return True
    if ctx.values_of and ctx.owner:
        return _values(ctx, statement)
    if ctx.owner is not None:
        attributes(ctx, ctx.owner, statement.objects)
        return True
    for noun in statement.objects:
        if ctx.is_product(noun) and not ctx.findings.titles:
            product(ctx, noun)
        else:
            features(ctx, [noun])
    return True


def _values(ctx: Context, statement: Statement) -> bool:
    assert ctx.owner is not None
    assert ctx.values_of is not None
    ctx.use(predicates.span_of(statement))
    ctx.findings.fields.append(
        FieldFound(
            owner=ctx.owner,
            key=ctx.values_of,
            source=ctx.source(statement.start, statement.end),
            at=ctx.place(statement.start),
            values=values_of(statement.objects),
        )
    )
    return True


def _loose_complement(ctx: Context, word: str, nouns: Sequence[Noun], start: int) -> None:
    ctx.use(range(start, start + 1))
    if word == "as" and all(ctx.is_actor(n) for n in nouns):
        ctx.use(*(n.span for n in nouns))  # "as a user I want ..."
        for noun in nouns:
            ctx.findings.role(ctx.entity_key(noun))
    elif word in ("with", "including") and ctx.current:
        attributes(ctx, ctx.current, nouns)
    elif word in ("as", "into") and any(is_service_word(n) for n in nouns):
        services(ctx, nouns)
    else:
        for noun in nouns:
            when = ctx.lexicon.senses.get(noun.head) == "time"  # "each day I log ..."
            if when or ctx.is_product(noun) or noun.head in ctx.lexicon.filler:
                ctx.use(noun.span)
            elif not set_aside(ctx, noun):
                ctx.mention(noun, 2 if noun.determiner in ("each", "every") else 1)


def _labelled(ctx: Context, statement: Statement) -> bool:
    """`Book: title, author`, `Status: open, closed`, `Roles: admin, member`, `Features:`."""
    label = statement.label[-1]
    ctx.use(*(noun.span for noun in statement.label))
    if _labels_product(ctx, label, statement):
        if not ctx.findings.titles:
            product(ctx, label)
        features(ctx, statement.objects)
    elif label.head in ("role", "actor", "persona"):
        for noun in statement.objects:
            ctx.use(noun.span)
            ctx.findings.role(ctx.entity_key(noun))
    elif is_service_word(label):
        for noun in statement.objects:
            service(ctx, noun)
    else:
        _labelled_thing(ctx, label, statement)
    return True


def _labels_product(ctx: Context, label: Noun, statement: Statement) -> bool:
    """`Book tracker: ...`, `Fleet management: ...`, and a bare title that opens the text."""
    if ctx.is_product(label) and not label.plural and ctx.owner is None:
        return True
    if ctx.index > 0 or label.plural:
        return False
    opens = not statement.objects and not ctx.findings.titles and statement.start == 0
    return opens or (topic_head(ctx, label) and bool(label.modifiers))


def _labelled_thing(ctx: Context, label: Noun, statement: Statement) -> None:
    lexicon = ctx.lexicon
    if label.head in lexicon.features_words:
        features(ctx, statement.objects)
    elif label.head in lexicon.fields_words and (ctx.current or label.modifiers):
        _fields_label(ctx, label, statement)
    elif ctx.owner is not None or (_is_value_label(ctx, label, statement) and ctx.current):
        _field_label(ctx, statement, label)
    elif ctx.entity_key(label):
        _entity_label(ctx, label, statement)


def _fields_label(ctx: Context, label: Noun, statement: Statement) -> None:
    named = [m for m in label.modifiers if ctx.findings.strength(singular(m))]
    owner = singular(named[-1]) if named else ctx.current
    if owner is None and label.modifiers:
        owner = singular(label.modifiers[-1])
    if owner is not None:
        attributes(ctx, owner, statement.objects)


def _is_value_label(ctx: Context, label: Noun, statement: Statement) -> bool:
    """`status: open, closed` names values; `room: name, capacity` names fields."""
    fields = [n for n in statement.objects if looks_like_field(ctx.entity_key(n))]
    if len(fields) * 2 > len(statement.objects):
        return False
    return label.head in _ENUM_HEADS or (field_words().knows(label.head) and not label.plural)


def _field_label(ctx: Context, statement: Statement, label: Noun) -> None:
    """`due date: optional`, `status: open, closed` below or beside a thing."""
    owner = ctx.owner or ctx.current
    assert owner is not None
    text = ", ".join(ctx.source(n.start, n.end) for n in statement.objects)
    label.group = label.group or text or None
    ctx.use(*(noun.span for noun in statement.objects))
    attributes(ctx, owner, [label])


def _entity_label(ctx: Context, label: Noun, statement: Statement) -> None:
    if set_aside(ctx, label):
        return
    key = predicates.things(ctx, [label], 3 if statement.objects else 2)
    if key and statement.objects and not _all_entities(ctx, statement.objects):
        attributes(ctx, key[0], statement.objects)
    elif statement.objects:
        features(ctx, statement.objects)


def _all_entities(ctx: Context, nouns: Sequence[Noun]) -> bool:
    return all(n.plural and not looks_like_field(ctx.entity_key(n)) for n in nouns)
