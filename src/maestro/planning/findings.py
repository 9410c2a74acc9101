"""What the reader took out of a text, before anything is decided about entities and fields."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from maestro.domain.entities import CapabilityKind, FieldType
from maestro.domain.requirement import PartKind


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: passage, then word."""

    passage: int
    word: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityFound:
    key: str
    """Singular snake_case words of the noun phrase."""
    strength: int
    """3 declared or managed, 2 one of several things listed, 1 merely mentioned, 0 mentioned in a
    clause that cannot be built."""
    source: str
    at: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFound:
    owner: str
    key: str
    source: str
    at: Place
    plural: bool = False
    type: FieldType | None = None
    values: tuple[str, ...] = ()
    required: bool | None = None
    unique: bool = False
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    quantified: bool = False
    """`several tags`: there are many of them per owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFound:
    child: str
    parent: str
    source: str
    at: Place
    name: str | None = None
    """Field name without `_id`; the parent's where None."""
    required: bool = True
    many: bool = False
    """Each child has several parents too: a join entity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFound:
    kind: CapabilityKind
    source: str
    at: Place
    entity: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFound:
    """Somebody does something to something that leaves a record: `customers review products`."""

    actor: str
    verb: str
    target: str
    source: str
    at: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFound:
    name: str
    source: str
    at: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFound:
    """Understood as something outside the domain model: a wish, or what cannot be built."""

    kind: PartKind
    text: str
    source: str
    at: Place
    covered: bool = False
    reason: str = ""


@dataclass(slots=True)
class Findings:
    entities: list[EntityFound] = field(default_factory=list)
    fields: list[FieldFound] = field(default_factory=list)
    references: list[ReferenceFound] = field(default_factory=list)
    operations: list[OperationFound] = field(default_factory=list)
    associations: list[AssociationFound] = field(default_factory=list)
    services: list[ServiceFound] = field(default_factory=list)
    others: list[OtherFound] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    created_by: list[tuple[str, str, str]] = field(default_factory=list)
    """(actor, entity, source): who makes what, where the text says so."""
    titles: list[str] = field(default_factory=list)
    topics: list[tuple[str, str, Place]] = field(default_factory=list)
    """(key, source, place) of things the product is about; entities when nothing else is named."""
    assumptions: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    page_wanted: list[str] = field(default_factory=list)
    api_only: bool = False

    def strength(self, key: str) -> int:
        return max((e.strength for e in self.entities if e.key == key), default=0)

    def role(self, key: str) -> None:
        if key not in self.roles:
            self.roles.append(key)

    def assume(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            if sentence not in self.assumptions:
                self.assumptions.append(sentence)
