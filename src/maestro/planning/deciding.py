"""Which of the things a text mentions become entities, and which words mean the same one."""

from collections.abc import Iterable

from maestro.planning.conventions import archetypes, usual_relations
from maestro.planning.draft import Draft, DraftEntity
from maestro.planning.fieldwords import looks_like_field
from maestro.planning.findings import EntityFound, FieldFound, Findings
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import joined, plural, singular, snake

_TOPIC_SENSES = (
    "person",
    "artifact",
    "food",
    "animal",
    "plant",
    "communication",
    "possession",
    "event",
    "object",
    None,
)


def decide(findings: Findings, lexicon: Lexicon) -> Draft:
    """Entities without fields yet, and the aliases under which the text mentions them."""
    draft = Draft()
    chosen = _stated(findings, lexicon)
    for key in [k for k in chosen if _only_a_role(k, findings, lexicon)]:
        del chosen[key]
    _services(findings, chosen, draft)
    _topics(findings, lexicon, chosen)
    _merge(findings, lexicon, chosen, draft)
    for found in sorted(chosen.values(), key=lambda e: e.at):
        if draft.resolve(found.key) == found.key:
            draft.add(DraftEntity(key=found.key, at=found.at, source=found.source))
    return draft


def _stated(findings: Findings, lexicon: Lexicon) -> dict[str, EntityFound]:
    """Everything with enough evidence, at its first place in the text."""
    owners = {item.owner for item in findings.fields} | {r.child for r in findings.references}
    owners |= {a.target for a in findings.associations}
    owners |= {made for _, made, _ in findings.created_by}
    chosen: dict[str, EntityFound] = {}
    for found in sorted(findings.entities, key=lambda e: (e.at, -e.strength)):
        strong = findings.strength(found.key) >= 2 or found.key in owners
        if strong and found.key not in lexicon.people.never_entity:
            chosen.setdefault(found.key, found)
    for item in findings.fields:
        if is_thing(item, chosen):
            found = EntityFound(key=item.key, strength=2, source=item.source, at=item.at)
            chosen.setdefault(item.key, found)
    for reference in findings.references:
        if lexicon.is_person(reference.parent) and reference.parent not in chosen:
            found = EntityFound(
                key=reference.parent, strength=2, source=reference.source, at=reference.at
            )
            chosen[reference.parent] = found
    return chosen


def is_thing(item: FieldFound, chosen: Iterable[str] = ()) -> bool:
    """Whether what an owner `has` is a thing of its own rather than a value."""
    if item.key in chosen and not item.values:
        return True
    if not item.plural or item.values or item.type is not None:
        return False
    named = any(item.key in archetype.nouns for archetype in archetypes())
    relations = usual_relations()
    named |= item.key in relations.belongs or item.key in relations.shared
    return named or not looks_like_field(item.key)


def _only_a_role(key: str, findings: Findings, lexicon: Lexicon) -> bool:
    """Somebody who is only said to act or to look on is no stored thing."""
    if not lexicon.is_person(key) or findings.strength(key) >= 2:
        return False
    used = {r.parent for r in findings.references} | {f.owner for f in findings.fields}
    used |= {f.key for f in findings.fields if f.plural}
    return key not in used


def _services(findings: Findings, chosen: dict[str, EntityFound], draft: Draft) -> None:
    """A service that no stated thing belongs to keeps what it is named after."""
    collections = usual_relations().collections
    for service in findings.services:
        key = service_entity(service.name)
        if key not in chosen:
            chosen[key] = EntityFound(key=key, strength=2, source=service.source, at=service.at)
            if key in collections.values() and key not in snake(service.name):
                draft.assume(f"The {service.name} service keeps {plural(key).replace('_', ' ')}.")


def service_entity(name: str) -> str:
    """`catalogue` keeps products, `orders` keeps orders."""
    words = snake(name)
    collections = usual_relations().collections
    *before, last = words.split("_")
    return collections.get(words) or collections.get(last) or "_".join([*before, singular(last)])


def _topics(findings: Findings, lexicon: Lexicon, chosen: dict[str, EntityFound]) -> None:
    """What the product is about is kept too, unless it only names the setting."""
    collections = usual_relations().collections
    for key, source, at in findings.topics:
        head = key.rsplit("_", 1)[-1]
        meant = collections.get(key) or collections.get(head)
        if any(k in chosen for k in (key, head, meant, key.split("_")[0])):
            continue
        described = {f.owner for f in findings.fields if f.owner in chosen}
        mentioned = findings.strength(head) > 0
        if len(described) > 1 and not mentioned:
            continue
        if not chosen or mentioned or _is_countable_topic(head, lexicon):
            if chosen and (meant or lexicon.is_person(head)):
                continue
            name = meant or (head if mentioned else key)
            chosen[name] = EntityFound(key=name, strength=2, source=source, at=at)


def _is_countable_topic(head: str, lexicon: Lexicon) -> bool:
    known = any(head in a.nouns for a in archetypes() if a.id not in ("place", "organisation"))
    return known or (
        head in usual_relations().belongs and (lexicon.senses.get(head) in _TOPIC_SENSES)
    )


def _merge(
    findings: Findings, lexicon: Lexicon, chosen: dict[str, EntityFound], draft: Draft
) -> None:
    """Different words for one thing: `member` and `user`, `cart` and `shopping cart`."""
    _merge_people(findings, lexicon, chosen, draft)
    collections = usual_relations().collections
    for key in list(chosen):
        meant = collections.get(key)
        if meant is not None and meant != key and meant in chosen:
            draft.aliases[key] = meant
        longer = [k for k in chosen if k.endswith(f"_{key}") and k != key]
        if len(longer) == 1 and _same_thing(key, longer[0], findings):
            draft.aliases[longer[0]] = key


def _same_thing(short: str, longer: str, findings: Findings) -> bool:
    """`shopping cart` is the cart, but `order item` and `item` with fields of both are two."""
    owners = {f.owner for f in findings.fields}
    return not (short in owners and longer in owners) and longer.split("_")[0] not in {
        e.key for e in findings.entities
    }


def _merge_people(
    findings: Findings, lexicon: Lexicon, chosen: dict[str, EntityFound], draft: Draft
) -> None:
    """Generic words for people mean one entity, named by the word the text uses first."""
    generic = lexicon.people.generic
    roles = [r for r in findings.roles if r in generic]
    kept = [key for key in chosen if key in generic]
    with_fields = [k for k in kept if any(f.owner == k for f in findings.fields)]
    if not kept or len(with_fields) > 1:
        return
    words = list(dict.fromkeys([*with_fields, *roles, *kept]))
    main = with_fields[0] if with_fields else ("user" if "user" in words else words[0])
    if main not in chosen:
        first = chosen[kept[0]]
        chosen[main] = EntityFound(key=main, strength=2, source=first.source, at=first.at)
    others = [word for word in words if word != main]
    for word in others:
        draft.aliases[word] = main
    if others:
        draft.assume(f"{joined(w.capitalize() for w in others)} and {main} mean the same people.")
