"""The same work for other software of the same shape: the closest worked example there can be.

Measured on small models: without an example none wrote a file that worked; with one of the same
shape they did. So entities and fields are renamed, one by one, and the contracts designed anew.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from maestro.contracts.design import design
from maestro.domain.contract import Contract
from maestro.domain.entities import (
    Capability,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)
from maestro.domain.plan import Plan
from maestro.domain.requirement import RequirementPart
from maestro.domain.work import Assignment, ConsumedContract

_ENTITIES = (
    ("parcel", "parcels"),
    ("lantern", "lanterns"),
    ("quarry", "quarries"),
    ("voucher", "vouchers"),
    ("trellis", "trellises"),
    ("beacon", "beacons"),
    ("saddle", "saddles"),
    ("orchard", "orchards"),
    ("kettle", "kettles"),
    ("meadow", "meadows"),
)
_FIELDS: Mapping[FieldType, tuple[str, ...]] = {
    FieldType.STRING: ("inscription", "nickname", "hallmark"),
    FieldType.TEXT: ("backstory", "provenance"),
    FieldType.INTEGER: ("headcount", "shelf_life"),
    FieldType.DECIMAL: ("surcharge", "tonnage"),
    FieldType.BOOLEAN: ("varnished", "sealed_off"),
    FieldType.DATE: ("harvested_on", "shipped_on"),
    FieldType.DATETIME: ("weighed_at", "scanned_at"),
    FieldType.EMAIL: ("keeper_email",),
    FieldType.URL: ("gallery_url",),
    FieldType.ENUM: ("upkeep", "flavour"),
}
_MEMBERS = ("pristine", "weathered", "cracked", "mended", "rusty", "polished", "dented", "faded")
_TITLES = ("Parcel desk", "Lantern room")


def worked_examples(assignment: Assignment, plan: Plan) -> tuple[Assignment, ...]:
    """Two of them, so that what both share can be told from what depends on the software.

    None for the caller's own document, whose shape nobody else's software has.
    """
    if assignment.constraints.contract is not None or not assignment.domain.entities:
        return ()
    return tuple(_example(assignment, plan, offset) for offset in (0, 1))


def _example(assignment: Assignment, plan: Plan, offset: int) -> Assignment:
    renaming = _Renaming(assignment.domain, offset)
    domain = renaming.domain()
    parts = tuple(map(renaming.part, assignment.parts))
    made = design(replace(plan.analysis, domain=domain, parts=parts), plan.team)
    known: dict[str, Contract] = {contract.id: contract for contract in made}
    return replace(
        assignment,
        requirement=f"Build a web app to manage {domain.entities[0].plural.replace('_', ' ')}",
        domain=domain,
        parts=parts,
        provides=_same(assignment.provides, known),
        consumes=tuple(
            ConsumedContract(contract=known.get(one.contract.id, one.contract), url=one.url)
            for one in assignment.consumes
        ),
        contracts=_same(assignment.contracts, known),
        feedback=(),
        lessons=(),
        examples=(),
        table=None,
    )


def _same(contracts: Sequence[Contract], known: Mapping[str, Contract]) -> tuple[Contract, ...]:
    return tuple(known.get(contract.id, contract) for contract in contracts)


@dataclass(frozen=True, slots=True)
class _Renaming:
    """Other names for everything, the shape kept."""

    source: DomainModel
    offset: int

    def domain(self) -> DomainModel:
        entities = tuple(
            self._entity(entity, position) for position, entity in enumerate(self.source.entities)
        )
        return DomainModel(
            title=_TITLES[self.offset],
            entities=entities,
            capabilities=tuple(map(self._capability, self.source.capabilities)),
            roles=(),
            services=tuple(
                Service(name=s.name, entities=tuple(map(self._named, s.entities)))
                for s in self.source.services
            ),
            has_page=self.source.has_page,
        )

    def _pool(self) -> Sequence[tuple[str, str]]:
        taken = {word for e in self.source.entities for word in (e.name, e.plural)}
        free = [pair for pair in _ENTITIES if not taken & set(pair)]
        count = len(self.source.entities)
        pairs = free[self.offset :: 2]
        while len(pairs) < count:
            pairs.append((f"{pairs[0][0]}_{_letter(len(pairs))}", f"{pairs[0][1]}_{len(pairs)}"))
        return pairs

    def _named(self, entity: str) -> str:
        position = next(i for i, e in enumerate(self.source.entities) if e.name == entity)
        return self._pool()[position][0]

    def _entity(self, entity: Entity, position: int) -> Entity:
        name, plural = self._pool()[position]
        names = dict(self._field_names(entity))
        fields = tuple(self._field(field, names[field.name]) for field in entity.fields)
        source = plural if entity.source else ""
        return Entity(name=name, plural=plural, fields=fields, source=source)

    def _field_names(self, entity: Entity) -> Iterator[tuple[str, str]]:
        used: set[str] = set()
        for field in entity.fields:
            if field.type is FieldType.REFERENCE and field.target is not None:
                choices: tuple[str, ...] = (f"{self._named(field.target)}_id",)
            else:
                choices = _FIELDS[field.type][self.offset :] + _FIELDS[field.type]
            first = choices[0]
            numbered = (f"{_letter(n)}_{first}" for n in range(1, 26))
            chosen = next(c for c in (*choices, *numbered) if c not in used)
            used.add(chosen)
            yield field.name, chosen

    def _field(self, field: Field, name: str) -> Field:
        values = tuple(_member(self.offset + 3 * self.offset + n) for n in range(len(field.values)))
        default = field.default
        if isinstance(default, str) and default in field.values:
            default = values[field.values.index(default)]
        target = None if field.target is None else self._named(field.target)
        source = name.replace("_", " ") if field.source else ""
        return replace(
            field, name=name, values=values, target=target, default=default, source=source
        )

    def _capability(self, capability: Capability) -> Capability:
        entity = self.source.entity(capability.entity)
        names = {} if entity is None else dict(self._field_names(entity))
        return replace(
            capability,
            entity=self._named(capability.entity) if entity is not None else capability.entity,
            field=None if capability.field is None else names.get(capability.field),
            source="",
        )

    def part(self, part: RequirementPart) -> RequirementPart:
        """The same part of the other requirement, under the same id."""
        entity = None if part.entity is None else self.source.entity(part.entity)
        if entity is None:
            return replace(part, text=self._in_words(part.text), source=self._in_words(part.source))
        return replace(
            part,
            text=self._in_words(part.text),
            source=self._in_words(part.source),
            entity=self._named(entity.name),
            field=dict(self._field_names(entity)).get(part.field or ""),
        )

    def _in_words(self, text: str) -> str:
        """A sentence about the source, with the other names in it."""
        names = {word.lower(): other for word, other in self._words()}
        longest = sorted(names, key=len, reverse=True)
        known = "|".join(map(re.escape, longest))
        return re.sub(rf"\b(?:{known})\b", lambda found: names[found[0].lower()], text, flags=re.I)

    def _words(self) -> Iterator[tuple[str, str]]:
        """Names as code has them and as people write them, with what stands for them."""
        for position, entity in enumerate(self.source.entities):
            pairs = [*zip((entity.name, entity.plural), self._pool()[position], strict=True)]
            made = dict(self._field_names(entity))
            pairs += made.items()
            for field in entity.fields:
                other = self._field(field, made[field.name])
                pairs += zip(field.values, other.values, strict=True)
            for name, other_name in pairs:
                yield name, other_name
                yield name.replace("_", " "), other_name.replace("_", " ")


def _member(number: int) -> str:
    word = _MEMBERS[number % len(_MEMBERS)]
    return word if number < len(_MEMBERS) else f"{word}_{_letter(number // len(_MEMBERS))}"


def _letter(number: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[number % 26]
