"""Statements into findings: which kind of clause is it, and what does its reader conclude."""

from collections.abc import Sequence

from maestro.domain.entities import CapabilityKind
from maestro.planning import predicates
from maestro.planning.attributes import attributes, set_aside, values_of
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.fieldwords import bracket, field_words, looks_like_field
from maestro.planning.findings import FieldFound, OperationFound, ServiceFound
from maestro.planning.naming import plural, singular
from maestro.planning.unsupported import CapabilityClass, class_of_action, class_of_noun

_WITH = ("with", "including", "containing", "for", "of", "about", "featuring", "like")
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
    if statement.verb.negated:
        return False
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
        (verbs.be, predicates.equated),
        (verbs.belong, predicates.belongs),
        (verbs.relate, predicates.belongs),
        (verbs.filter, predicates.filtered),
        (verbs.search, predicates.searched),
        (verbs.sort, predicates.sorted_by),
        (verbs.assign, predicates.assigned),
        (verbs.mark, predicates.marked),
        (verbs.manage, predicates.managed),
        (verbs.permissive, _permissive),
        (verbs.build | verbs.made, predicates.managed),
    )
    found = next((handler for lemmas, handler in groups if lemma in lemmas), None)
    if found is None and statement.verb.passive and things_act:
        return predicates.belongs  # "a trip is driven by a driver in a vehicle"
    return found


def _leaves_record(ctx: Context, statement: Statement) -> bool:
    """The verb says that its object gets a record: needs an object and, sometimes, a preposition."""
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
        _product_complement(ctx, prep.word, prep.nouns)
    return True


def product(ctx: Context, noun: Noun) -> None:
    """Notes the product: its title, what it is about, whether it has a page."""
    ctx.use(noun.span)
    findings, lexicon = ctx.findings, ctx.lexicon
    surface = ctx.source(noun.start, noun.end)
    findings.titles.append(surface)
    words = [*noun.modifiers, noun.head]
    pages = {w for w in words if w in lexicon.products.page or w == "web"}
    apis = {w for w in words if w in lexicon.products.api or w == "rest"}
    if pages and not ({"web"} == pages and apis):
        findings.page_wanted.append(surface)
    elif apis:
        findings.api_only = True
    _unbuildable_modifiers(ctx, noun)
    _topic(ctx, noun)
    for prep in noun.preps:
        ctx.use(range(prep.start, prep.start + 1))
        _product_complement(ctx, prep.word, prep.nouns)


def _unbuildable_modifiers(ctx: Context, noun: Noun) -> None:
    """`a mobile app`, `a real-time dashboard in React`."""
    for i, word in enumerate(noun.modifiers):
        lone = Noun(head=word, modifiers=(), start=noun.start + i, end=noun.end, adjective=True)
        whole = Noun(head=noun.head, modifiers=noun.modifiers[i:], start=noun.start, end=noun.end)
        if set_aside(ctx, lone) or set_aside(ctx, whole):
            return


def _topic(ctx: Context, noun: Noun) -> None:
    """`task management app`, `book tracker`, `recipe site`: what it is about."""
    lexicon = ctx.lexicon
    telling = [
        singular(word)
        for word in noun.modifiers
        if word not in lexicon.products.generic
        and word not in lexicon.filler | lexicon.drop_adjectives
        and singular(word) not in lexicon.products.topic
        and not word.endswith("-stack")
        and lexicon.is_noun(singular(word))
    ]
    if noun.head in lexicon.products.named and not telling:
        telling = [noun.head]
    if telling:
        key = "_".join(telling[-2:])
        ctx.findings.topics.append((key, ctx.words_of(noun), ctx.place(noun.start)))


def _product_complement(ctx: Context, word: str, nouns: Sequence[Noun]) -> None:
    if word in ("as", "into", "in") and any(_is_service_word(n) for n in nouns):
        _services(ctx, nouns)
    elif word in ("for", "about", "of", "on"):
        _purpose(ctx, nouns)
    elif word in (*_WITH, ":", "as", "using", "in", "that"):
        features(ctx, nouns)


def _purpose(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`for teachers` names roles, `for recipes` things, `for a bakery` only the setting."""
    for noun in nouns:
        if ctx.is_actor(noun):
            ctx.use(noun.span)
            if not noun.pronoun and ctx.entity_key(noun):
                ctx.findings.role(ctx.entity_key(noun))
        elif noun.plural or noun.gerund or _topic_head(ctx, noun) or noun.preps:
            features(ctx, [noun])
        else:
            ctx.use(noun.span)
            key = ctx.entity_key(noun)
            if key:
                found = (key, ctx.words_of(noun), ctx.place(noun.start))
                ctx.findings.topics.append(found)


def _is_service_word(noun: Noun) -> bool:
    return noun.head in ("service", "microservice", "backend")


def _services(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`as three services: catalogue, orders and payments`."""
    for noun in nouns:
        ctx.use(noun.span)
        listed = noun.prep(":", "for", "called", "named", "of", "including")
        if listed is not None:
            ctx.use(range(listed.start, listed.start + 1))
            for item in listed.nouns:
                _service(ctx, item)
        for name in bracket(noun.group).items:
            found = ServiceFound(name=name, source=name, at=ctx.place(noun.start))
            ctx.findings.services.append(found)
        if listed is None and not noun.group and noun.modifiers:
            _service(ctx, noun)
        for prep in noun.preps:
            if prep is not listed:
                ctx.use(range(prep.start, prep.start + 1))
                _product_complement(ctx, prep.word, prep.nouns)


def _service_user(ctx: Context, noun: Noun) -> None:
    """`each with its own API, and a web shop that uses them`: not a service itself."""
    if noun.head in ctx.lexicon.products.page:
        ctx.findings.page_wanted.append(ctx.words_of(noun))
    for prep in noun.preps:
        ctx.use(range(prep.start, prep.start + 1))
        for inner in prep.nouns:
            ctx.use(inner.span)
            _service_user(ctx, inner)


def _service(ctx: Context, noun: Noun) -> None:
    ctx.use(noun.span)
    shown = noun.head in ctx.lexicon.products.page | ctx.lexicon.products.api
    if noun.pronoun or (shown and not _is_service_word(noun)):
        _service_user(ctx, noun)
        return
    words = [m for m in noun.modifiers if m not in ctx.lexicon.filler]
    head = [] if _is_service_word(noun) else [plural(noun.head) if noun.plural else noun.head]
    name = " ".join([*words, *head])
    if name:
        ctx.findings.services.append(
            ServiceFound(name=name, source=ctx.words_of(noun), at=ctx.place(noun.start))
        )
    for prep in noun.preps:
        ctx.use(range(prep.start, prep.start + 1))
        if prep.word == "with":
            features(ctx, prep.nouns)


# --- lists of what the product holds or can do ---


def features(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`with products, categories, user management and search by name`."""
    lexicon = ctx.lexicon
    for noun in nouns:
        if noun.pronoun:
            ctx.use(noun.span)
        elif ctx.is_product(noun) and not _lists_more(ctx, noun):
            if noun.head in lexicon.products.page:
                ctx.findings.page_wanted.append(ctx.words_of(noun))
            ctx.use(noun.span)
            if noun.head in lexicon.products.named and not noun.modifiers:
                ctx.mention(noun, 1)
        elif noun.head in lexicon.features_words | lexicon.fields_words and _lists_more(ctx, noun):
            ctx.use(noun.span)
            for prep in noun.preps:
                features(ctx, prep.nouns)
        elif not set_aside(ctx, noun):
            _feature(ctx, noun)


def _lists_more(ctx: Context, noun: Noun) -> bool:
    return any(prep.word in (":", "like", "including", "for", "as") for prep in noun.preps)


def _topic_head(ctx: Context, noun: Noun) -> bool:
    return noun.head in ctx.lexicon.products.topic


def _feature(ctx: Context, noun: Noun) -> None:
    operation = _operation_kind(ctx, noun)
    if noun.determiner and ctx.lexicon.senses.get(noun.head) == "time":
        ctx.use(noun.span)  # "each day I log ..."
    elif operation is not None:
        _nominal_operation(ctx, noun, operation)
    elif _topic_head(ctx, noun):
        _nominal_management(ctx, noun)
    else:
        predicates.things(ctx, [noun], 2 if noun.plural or noun.determiner else 1)


def _operation_kind(ctx: Context, noun: Noun) -> CapabilityKind | None:
    verbs = ctx.lexicon.verbs
    stem = {"searching": "search", "filtering": "filter", "sorting": "sort", "ordering": "sort"}
    word = stem.get(noun.head, noun.head)
    for lemmas, kind in (
        (verbs.filter - {"limit"}, CapabilityKind.FILTER),
        (verbs.search - {"find"}, CapabilityKind.SEARCH),
        (frozenset({"sort"}), CapabilityKind.SORT),
    ):
        if word in lemmas:
            return kind
    return None


def _nominal_operation(ctx: Context, noun: Noun, kind: CapabilityKind) -> None:
    """`search by title`, `full-text search`, `filters for status`, `recipe search`."""
    ctx.use(noun.span)
    by = noun.prep("by", "on", "for", "over")
    known = [k for m in noun.modifiers if ctx.findings.strength(k := singular(m))]
    keys = known or ([ctx.current] if ctx.current else [])
    fields_meant = list(by.nouns) if by is not None else []
    if by is not None:
        ctx.use(range(by.start, by.start + 1))
    things_meant = [
        n for n in fields_meant if n.plural and ctx.findings.strength(ctx.entity_key(n))
    ]
    if things_meant:
        keys = predicates.things(ctx, things_meant, 2)
        fields_meant = [n for n in fields_meant if n not in things_meant]
    statement = Statement(objects=[noun], start=noun.start, end=noun.end)
    if by is not None:
        statement.end = max(noun.end, by.end)
    predicates.narrow(ctx, kind, keys or [""], fields_meant, statement)


def _nominal_management(ctx: Context, noun: Noun) -> None:
    """`user management`, `tracking of expenses`."""
    ctx.use(noun.span)
    inner = noun.prep("of", "for")
    if inner is not None:
        ctx.use(range(inner.start, inner.start + 1))
        predicates.things(ctx, inner.nouns, 3)
    elif noun.modifiers:
        meant = Noun(
            head=singular(noun.modifiers[-1]),
            modifiers=noun.modifiers[:-1],
            start=noun.start,
            end=noun.end,
        )
        if not set_aside(ctx, meant):
            _managed_topic(ctx, noun, ctx.mention(meant, 3))


def _managed_topic(ctx: Context, noun: Noun, key: str) -> None:
    if key:
        source, at = ctx.words_of(noun), ctx.place(noun.start)
        ctx.findings.operations.append(
            OperationFound(kind=CapabilityKind.MANAGE, source=source, at=at, entity=key)
        )


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
    if word in ("with", "including") and ctx.current:
        attributes(ctx, ctx.current, nouns)
    elif word in ("as", "into") and any(_is_service_word(n) for n in nouns):
        _services(ctx, nouns)
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
    key = ctx.entity_key(label)
    lexicon = ctx.lexicon
    topical = _topic_head(ctx, label) and bool(label.modifiers) and ctx.index == 0
    titled = not statement.objects and ctx.index == 0 and not label.plural
    titled = titled and not ctx.findings.titles and statement.start == 0
    named = ctx.is_product(label) and not label.plural and ctx.owner is None
    if named or topical or titled:
        if not ctx.findings.titles:
            product(ctx, label)
        features(ctx, statement.objects)
    elif label.head == "role" or label.head in ("actor", "persona"):
        for noun in statement.objects:
            ctx.use(noun.span)
            ctx.findings.role(ctx.entity_key(noun))
    elif _is_service_word(label):
        for noun in statement.objects:
            _service(ctx, noun)
    elif label.head in lexicon.features_words:
        features(ctx, statement.objects)
    elif label.head in lexicon.fields_words and (ctx.current or label.modifiers):
        _fields_label(ctx, label, statement)
    elif ctx.owner is not None or (_is_value_label(ctx, label, statement) and ctx.current):
        _field_label(ctx, statement, label)
    elif key:
        _entity_label(ctx, label, statement)
    return True


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
