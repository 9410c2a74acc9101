"""What is to be built as a whole: its title, its topic, its services and the things it offers."""

from collections.abc import Sequence

from maestro.domain.entities import CapabilityKind
from maestro.planning.attributes import attributes, set_aside
from maestro.planning.chunks import Noun
from maestro.planning.clauses import Statement
from maestro.planning.context import Context
from maestro.planning.conventions import archetype_of, usual_relations
from maestro.planning.fieldwords import bracket, looks_like_field
from maestro.planning.findings import OperationFound, ServiceFound
from maestro.planning.naming import plural, singular
from maestro.planning.narrowing import narrow
from maestro.planning.predicates import things

_LISTING = (
    "with",
    "including",
    "containing",
    "featuring",
    "like",
    ":",
    "as",
    "using",
    "in",
    "that",
)


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
        product_complement(ctx, prep.word, prep.nouns)


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
        and (lexicon.is_noun(singular(word)) or word in usual_relations().collections)
    ]
    if noun.head in lexicon.products.named and not telling:
        telling = [noun.head]
    if telling:
        key = "_".join(telling[-2:])
        ctx.findings.topics.append((key, ctx.words_of(noun), ctx.place(noun.start)))


def product_complement(ctx: Context, word: str, nouns: Sequence[Noun]) -> None:
    if word in ("as", "into", "in") and any(is_service_word(n) for n in nouns):
        services(ctx, nouns)
    elif word in ("for", "about", "of", "on"):
        _purpose(ctx, nouns)
    elif word in _LISTING:
        features(ctx, nouns)


def _purpose(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`for teachers` names roles, `for recipes` things, `for a bakery` only the setting."""
    for noun in nouns:
        if noun.pronoun or ctx.lexicon.is_person(noun.head):
            ctx.use(noun.span)
            if not noun.pronoun and ctx.entity_key(noun):
                ctx.findings.role(ctx.entity_key(noun))
        elif noun.plural or noun.gerund or topic_head(ctx, noun) or noun.preps:
            features(ctx, [noun])
        else:
            ctx.use(noun.span)
            key = ctx.entity_key(noun)
            if key:
                found = (key, ctx.words_of(noun), ctx.place(noun.start))
                ctx.findings.topics.append(found)


def is_service_word(noun: Noun) -> bool:
    return noun.head in ("service", "microservice", "backend")


def services(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`as three services: catalogue, orders and payments`."""
    for noun in nouns:
        ctx.use(noun.span)
        listed = noun.prep(":", "for", "called", "named", "of", "including")
        if listed is not None:
            ctx.use(range(listed.start, listed.start + 1))
            for item in listed.nouns:
                service(ctx, item)
        for name in bracket(noun.group).items:
            found = ServiceFound(name=name, source=name, at=ctx.place(noun.start))
            ctx.findings.services.append(found)
        if listed is None and not noun.group and noun.modifiers:
            service(ctx, noun)
        for prep in noun.preps:
            if prep is not listed:
                ctx.use(range(prep.start, prep.start + 1))
                product_complement(ctx, prep.word, prep.nouns)


def _service_user(ctx: Context, noun: Noun) -> None:
    """`each with its own API, and a web shop that uses them`: not a service itself."""
    if noun.head in ctx.lexicon.products.page:
        ctx.findings.page_wanted.append(ctx.words_of(noun))
    for prep in noun.preps:
        ctx.use(range(prep.start, prep.start + 1))
        for inner in prep.nouns:
            ctx.use(inner.span)
            _service_user(ctx, inner)


def service(ctx: Context, noun: Noun) -> None:
    ctx.use(noun.span)
    shown = noun.head in ctx.lexicon.products.page | ctx.lexicon.products.api
    if noun.pronoun or (shown and not is_service_word(noun)):
        _service_user(ctx, noun)
        return
    words = [m for m in noun.modifiers if m not in ctx.lexicon.filler]
    head = [] if is_service_word(noun) else [plural(noun.head) if noun.plural else noun.head]
    name = " ".join([*words, *head])
    if name:
        ctx.findings.services.append(
            ServiceFound(name=name, source=ctx.words_of(noun), at=ctx.place(noun.start))
        )
    for prep in noun.preps:
        ctx.use(range(prep.start, prep.start + 1))
        if prep.word == "with":
            features(ctx, prep.nouns)


def features(ctx: Context, nouns: Sequence[Noun]) -> None:
    """`with products, categories, user management and search by name`."""
    lexicon = ctx.lexicon
    headings = lexicon.features_words | lexicon.fields_words
    for noun in nouns:
        if noun.pronoun:
            ctx.use(noun.span)
        elif ctx.is_product(noun) and not _lists_more(ctx, noun):
            _part_of_product(ctx, noun)
        elif noun.head in headings and _lists_more(ctx, noun):
            ctx.use(noun.span)
            for prep in noun.preps:
                features(ctx, prep.nouns)
        elif not set_aside(ctx, noun):
            _feature(ctx, noun)


def _part_of_product(ctx: Context, noun: Noun) -> None:
    """`and a web page`, `with an API`."""
    products = ctx.lexicon.products
    ctx.use(noun.span)
    if noun.head in products.page:
        ctx.findings.page_wanted.append(ctx.words_of(noun))
    if noun.head in products.named and not noun.modifiers:
        ctx.mention(noun, 1)


def _lists_more(ctx: Context, noun: Noun) -> bool:
    return any(prep.word in (":", "like", "including", "for", "as") for prep in noun.preps)


def topic_head(ctx: Context, noun: Noun) -> bool:
    return noun.head in ctx.lexicon.products.topic


def _feature(ctx: Context, noun: Noun) -> None:
    operation = _operation_kind(ctx, noun)
    if ctx.current and _describes_current(ctx, noun):
        attributes(ctx, ctx.current, [noun])  # "an app for books with a title"
        return
    if noun.determiner and ctx.lexicon.senses.get(noun.head) == "time":
        ctx.use(noun.span)  # "each day I log ..."
    elif operation is not None:
        _nominal_operation(ctx, noun, operation)
    elif topic_head(ctx, noun):
        _nominal_management(ctx, noun)
    else:
        things(ctx, [noun], 2 if noun.plural or noun.determiner else 1)


def _describes_current(ctx: Context, noun: Noun) -> bool:
    """A singular attribute word that is no usual thing of its own."""
    if noun.plural or noun.prep("with", "including") is not None:
        return False
    key = ctx.entity_key(noun)
    usual = archetype_of(key, ctx.lexicon).id not in ("generic", "content")
    return looks_like_field(key) and not usual


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
        keys = things(ctx, things_meant, 2)
        fields_meant = [n for n in fields_meant if n not in things_meant]
    statement = Statement(objects=[noun], start=noun.start, end=noun.end)
    if by is not None:
        statement.end = max(noun.end, by.end)
    narrow(ctx, kind, keys or [""], fields_meant, statement)


def _nominal_management(ctx: Context, noun: Noun) -> None:
    """`user management`, `tracking of expenses`."""
    ctx.use(noun.span)
    inner = noun.prep("of", "for")
    if inner is not None:
        ctx.use(range(inner.start, inner.start + 1))
        things(ctx, inner.nouns, 3)
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
