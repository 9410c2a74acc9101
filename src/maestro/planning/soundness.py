"""What every plan's domain model must keep to, whoever made it: rules planner or a model."""

import re
from collections.abc import Iterator

from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
)
from maestro.domain.values import first_duplicate
from maestro.planning.naming import reserved

MAX_ENTITIES = 24
MAX_FIELDS = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_VALUE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_LONGEST_NAME = 60
_NARROWING = frozenset(
    {
        FieldType.ENUM,
        FieldType.REFERENCE,
        FieldType.BOOLEAN,
        FieldType.DATE,
        FieldType.DATETIME,
    }
)
_TEXTS = frozenset({FieldType.STRING, FieldType.TEXT, FieldType.EMAIL, FieldType.URL})
_WITH_FIELD = frozenset({CapabilityKind.FILTER, CapabilityKind.SORT, CapabilityKind.ASSIGN})


def faults_of(domain: DomainModel) -> tuple[str, ...]:
    """One sentence for each thing that cannot be built as it stands; empty when all can."""
    return (
        *_entities(domain),
        *(fault for entity in domain.entities for fault in _fields(domain, entity)),
        *_circles(domain),
        *_capabilities(domain),
        *_services(domain),
    )


def _entities(domain: DomainModel) -> Iterator[str]:
    if len(domain.entities) > MAX_ENTITIES:
        yield f"{len(domain.entities)} entities are too many; at most {MAX_ENTITIES}"
    for entity in domain.entities:
        for name, taken in (
            (entity.name, reserved().entities),
            (entity.plural, reserved().tables),
        ):
            yield from _name("entity", name)
            if name in taken:
                yield f"{name!r} is a word of SQL or of the generated code, and names no entity"
        if not entity.fields:
            yield f"entity {entity.name!r} has no fields"
        if len(entity.fields) > MAX_FIELDS:
            yield f"entity {entity.name!r} has more than {MAX_FIELDS} fields"
    names = [name for entity in domain.entities for name in {entity.name, entity.plural}]
    twice = first_duplicate(names)
    if twice is not None:
        yield f"two entities share the name {twice!r}"


def _fields(domain: DomainModel, entity: Entity) -> Iterator[str]:
    twice = first_duplicate([field.name for field in entity.fields])
    if twice is not None:
        yield f"entity {entity.name!r} has two fields {twice!r}"
    for field in entity.fields:
        where = f"field {entity.name}.{field.name}"
        yield from _name("field", field.name)
        if field.name in reserved().fields:
            yield f"{where}: the name is a word of SQL or of the generated code"
        yield from _values(where, field)
        yield from _target(where, field, domain)


def _values(where: str, field: Field) -> Iterator[str]:
    if (field.type is FieldType.ENUM) != bool(field.values):
        yield f"{where}: an enum, and nothing else, has values"
    if first_duplicate(list(field.values)) is not None:
        yield f"{where}: a value occurs twice"
    for value in field.values:
        if not _VALUE.fullmatch(value):
            yield f"{where}: the value {value[:40]!r} is no plain word"
    if field.values and field.default is not None and field.default not in field.values:
        yield f"{where}: the default {field.default!r} is none of its values"


def _target(where: str, field: Field, domain: DomainModel) -> Iterator[str]:
    if field.type is not FieldType.REFERENCE:
        if field.target is not None:
            yield f"{where}: only a reference has a target"
        return
    if domain.entity(field.target or "") is None:
        yield f"{where}: it refers to {field.target!r}, which is no entity"
    if not field.name.endswith("_id"):
        yield f"{where}: the name of a reference ends in '_id'"


def _name(kind: str, name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        yield f"{kind} {name[:80]!r} is no name of small letters, digits and '_'"


def _circles(domain: DomainModel) -> Iterator[str]:
    """Things that need each other could never be created."""
    needs = {
        entity.name: [f.target for f in entity.references if f.required and f.target]
        for entity in domain.entities
    }
    for start in needs:
        waiting, seen = list(needs[start]), set[str]()
        while waiting:
            current = waiting.pop()
            if current == start:
                yield (
                    f"{start!r} needs itself through references that are required, so that the "
                    "first one could never be created"
                )
                break
            if current not in seen:
                seen.add(current)
                waiting += needs.get(current, [])


def _capabilities(domain: DomainModel) -> Iterator[str]:
    for capability in domain.capabilities:
        entity = domain.entity(capability.entity)
        if entity is None:
            yield f"{capability.kind.value} of {capability.entity!r}, which is no entity"
        else:
            yield from _capability(capability, entity)


def _capability(capability: Capability, entity: Entity) -> Iterator[str]:
    kind, name = capability.kind, capability.field
    where = f"{kind.value} {entity.plural}"
    field = None if name is None else entity.field(name)
    implied = kind is CapabilityKind.SORT and name in ("id", "created_at")
    if name is None:
        if kind in _WITH_FIELD:
            yield f"{where}: by which field?"
    elif field is None and not implied:
        yield f"{where} by {name!r}, which is no field of {entity.name!r}"
    elif field is not None and kind is CapabilityKind.FILTER and field.type not in _NARROWING:
        yield (
            f"{where} by {name!r}: only enum, reference, boolean and date fields narrow a list by "
            "their value"
        )
    if kind is CapabilityKind.SEARCH and not any(f.type in _TEXTS for f in entity.fields):
        yield f"{where}: it has no text to search"


def _services(domain: DomainModel) -> Iterator[str]:
    if not domain.services:
        return
    homes = [name for service in domain.services for name in service.entities]
    known = {entity.name for entity in domain.entities}
    twice = first_duplicate(homes)
    if twice is not None:
        yield f"entity {twice!r} is served twice"
    for name in sorted(known - set(homes)):
        yield f"no service serves {name!r}"
    for name in sorted(set(homes) - known):
        yield f"a service serves {name[:80]!r}, which is no entity"
    if first_duplicate([service.name for service in domain.services]) is not None:
        yield "two services share a name"
    for service in domain.services:
        yield from _name("service", service.name)
        if not service.entities:
            yield f"service {service.name!r} serves nothing"
