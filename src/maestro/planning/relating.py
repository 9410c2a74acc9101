"""How entities hang together: what the text says, then what things of their kind usually do."""

from maestro.domain.entities import Field, FieldType
from maestro.planning.conventions import archetype_of, usual_relations
from maestro.planning.deciding import is_thing
from maestro.planning.draft import Draft, DraftEntity
from maestro.planning.findings import AssociationFound, FieldFound, Findings, Place, ReferenceFound
from maestro.planning.lexicon import Lexicon
from maestro.planning.naming import one, plural


def relate(draft: Draft, findings: Findings, lexicon: Lexicon) -> None:
    """Adds every reference, and the entities that only connect others."""
    for item in findings.fields:
        if item.owner and is_thing(item, _keys(draft)):
            _owned(draft, findings, item)
    for reference in findings.references:
        child, parent = draft.entity(reference.child), draft.entity(reference.parent)
        if child is not None and parent is None and reference.name is None:
            _described(child, reference)
        if child is None or parent is None:
            continue
        if reference.many:
            _join(draft, child.key, parent.key, reference.at, reference.source)
            continue
        name = reference.name if reference.name != reference.parent else None
        draft.refer(
            child.key,
            parent.key,
            required=reference.required,
            name=name,
            source=reference.source,
            at=reference.at,
        )
    for association in findings.associations:
        _associate(draft, association, lexicon)
    _made_by(draft, findings, lexicon)
    _usual(draft)


def _described(child: DraftEntity, reference: ReferenceFound) -> None:
    """`recipes from regional cuisines`: a word that is no thing of its own describes one."""
    if reference.parent in child.fields or f"{reference.parent}_id" in child.fields:
        return
    child.fields[reference.parent] = Field(
        name=reference.parent, type=FieldType.STRING, source=reference.source
    )
    child.places[reference.parent] = reference.at


def _keys(draft: Draft) -> set[str]:
    return set(draft.entities) | set(draft.aliases)


def _owned(draft: Draft, findings: Findings, item: FieldFound) -> None:
    """`recipes have steps`: each step belongs to a recipe. `a book has an author`: the book refers
    to the author. Both sides in the plural: a connecting entity.
    """
    owner, owned = draft.entity(item.owner), draft.entity(item.key)
    if owner is None or owned is None or owner is owned:
        return
    if not item.plural:
        draft.refer(owner.key, owned.key, required=False, source=item.source, at=item.at)
        return
    mutual = any(
        f.plural and draft.resolve(f.owner) == owned.key and draft.resolve(f.key) == owner.key
        for f in findings.fields
    )
    relations = usual_relations()
    belongs = any(p.name == owner.key for p in relations.belongs.get(owned.key, ()))
    shared = owned.key in relations.shared or relations.join_of(owner.key, owned.key) is not None
    if mutual or (shared and not belongs):
        _join(draft, owner.key, owned.key, item.at, item.source)
    else:
        draft.refer(owned.key, owner.key, required=True, source=item.source, at=item.at)


def _join(draft: Draft, whole: str, part: str, at: Place, source: str = "") -> None:
    """An entity of its own with two references, so that every relation is stored the same way."""
    if any(
        {f.target for f in e.fields.values()} >= {whole, part}
        for e in draft.entities.values()
        if e.join
    ):
        return
    usual = usual_relations().join_of(whole, part)
    if usual is not None:
        whole, part = usual.whole, usual.part
    key = usual.name if usual is not None else f"{whole}_{part}"
    entity = draft.add(DraftEntity(key=key, at=at, join=True))
    entity.join = True
    draft.refer(key, whole, required=True, source=source, at=at)
    draft.refer(key, part, required=True, source=source, at=at)
    if usual is not None and usual.quantity:
        measured = part == "ingredient"
        entity.fields.setdefault(
            "quantity",
            Field(name="quantity", type=FieldType.STRING)
            if measured
            else Field(
                name="quantity", type=FieldType.INTEGER, required=True, minimum=1, default=1
            ),
        )
    draft.assume(
        f"{one(whole).capitalize()} can have several {plural(part).replace('_', ' ')} and the "
        f"other way round; {key.replace('_', ' ')} connects them."
    )


def _associate(draft: Draft, found: AssociationFound, lexicon: Lexicon) -> None:
    """`customers review products` leaves reviews, each of one customer about one product."""
    target = draft.entity(found.target)
    noun = lexicon.associations[found.verb]["noun"]
    if target is None:
        return
    actor = _actor_entity(draft, found, lexicon)
    if not noun:
        if actor is not None:
            draft.refer(target.key, actor, required=False, source=found.source, at=found.at)
        return
    key = draft.resolve(noun)
    same_kind = archetype_of(key, lexicon) is archetype_of(target.key, lexicon)
    if key == target.key or (same_kind and archetype_of(key, lexicon).id == "booking"):
        record = target  # "customers book appointments"
    else:
        record = _record(draft, key, found)
        required = archetype_of(key, lexicon).id != "order"
        connected = any(j for j in draft.entities.values() if j.join and _joins(j, key, target.key))
        if archetype_of(key, lexicon).id == "order" and not connected:
            _join(draft, key, target.key, found.at, found.source)
        elif required:
            draft.refer(record.key, target.key, required=True, source=found.source, at=found.at)
    if actor is not None and actor != record.key:
        draft.refer(record.key, actor, required=True, source=found.source, at=found.at)


def _joins(entity: DraftEntity, first: str, second: str) -> bool:
    return {first, second} <= {f.target for f in entity.fields.values()}


def _record(draft: Draft, key: str, found: AssociationFound) -> DraftEntity:
    existing = draft.entities.get(key)
    if existing is not None:
        return existing
    for british, american in (("enrolment", "enrollment"), ("favourite", "favorite")):
        other = {british: american, american: british}.get(key)
        if other is not None and other in draft.entities:
            return draft.entities[other]
    draft.assume(f"{found.source!r} leaves {one(key)} each time.")
    return draft.add(DraftEntity(key=key, at=found.at, source=found.source))


def _actor_entity(draft: Draft, found: AssociationFound, lexicon: Lexicon) -> str | None:
    """The acting people as an entity; made here when nothing else needed them yet."""
    if not found.actor or found.actor in lexicon.people.never_entity:
        return None
    existing = draft.entity(found.actor)
    if existing is not None:
        return existing.key
    return draft.add(DraftEntity(key=found.actor, at=found.at, source=found.actor)).key


def _made_by(draft: Draft, findings: Findings, lexicon: Lexicon) -> None:
    """`users create projects`: once users are stored anyway, a project can name its owner."""
    for actor, made, source in findings.created_by:
        person, thing = draft.entity(actor), draft.entity(made)
        specific = actor not in lexicon.people.generic | lexicon.people.staff
        if thing is None or actor in lexicon.people.never_entity:
            continue
        known = lexicon.is_person(actor) or actor in lexicon.people.organisations
        if person is None and specific and known:
            person = draft.add(DraftEntity(key=actor, at=thing.at, source=actor))
        if person is None or person is thing or draft.related(thing.key, person.key):
            continue
        generic = person.key in lexicon.people.generic
        name = "owner" if generic else None
        draft.refer(thing.key, person.key, required=False, name=name)
        draft.assume(
            f"Because {source!r}, {one(thing.key)} can name its "
            f"{(name or person.key).replace('_', ' ')}."
        )


def _usual(draft: Draft) -> None:
    """Relations of convention between things that the text names and does not relate."""
    relations = usual_relations()
    for join in relations.joins:
        whole, part = draft.entity(join.whole), draft.entity(join.part)
        if whole is None or part is None or whole is part:
            continue
        explicit = draft.entities.get(join.name)
        if explicit is not None:
            explicit.join = True
            for key in (whole.key, part.key):
                if f"{key}_id" not in explicit.fields:
                    draft.refer(explicit.key, key, required=True)
        elif not draft.related(whole.key, part.key) and not _lines(draft, whole.key, part.key):
            _join(draft, whole.key, part.key, whole.at)
    for key in list(draft.entities):
        _usual_parent(draft, key)


def _lines(draft: Draft, whole: str, part: str) -> bool:
    """Whether the text has them connected already: `an order line belongs to an order and a
    product`.
    """
    return any(
        key.startswith(f"{whole}_")
        and {whole, part} <= {f.target for f in entity.fields.values() if f.required}
        for key, entity in draft.entities.items()
    )


def _usual_parent(draft: Draft, key: str) -> None:
    entity = draft.entities[key]
    if entity.join:
        return
    parents = usual_relations().belongs.get(key) or usual_relations().belongs.get(
        key.rsplit("_", 1)[-1], ()
    )
    belongs_already = any(f.required for f in entity.fields.values() if f.target)
    for parent in parents:
        found = draft.entities.get(draft.resolve(parent.name))
        if found is None or found.key == key or draft.related(key, found.key):
            continue
        must = parent.required and not belongs_already
        draft.refer(key, found.key, required=must)
        belongs_already |= must
        verb = "belongs to" if must else "can name"
        draft.assume(
            f"{one(key).capitalize()} {verb} {one(found.key)}; "
            "the text does not say how they relate."
        )
