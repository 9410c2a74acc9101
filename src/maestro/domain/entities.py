"""What the software is about: entities, fields, relations and capabilities read from a requirement.

A relation is a field of type REFERENCE; many-to-many is an entity of its own with two references
(cart_item), so that every relation can be stored, served and checked the same way.
"""

from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.values import JsonScalar


class FieldType(StrEnum):
    STRING = "string"  # one line, at most 255 characters unless max_length says otherwise
    TEXT = "text"  # several lines
    INTEGER = "integer"
    DECIMAL = "decimal"  # money and measures; two decimal places
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMAIL = "email"
    URL = "url"
    ENUM = "enum"
    REFERENCE = "reference"  # integer id of another entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One stored attribute of an entity. `id` and `created_at` are implied and never listed."""

    name: str
    """snake_case; a reference ends in `_id`."""
    type: FieldType
    required: bool = False
    values: tuple[str, ...] = ()
    """Members of an ENUM, in the order of the text."""
    target: str | None = None
    """Name of the entity that a REFERENCE points to."""
    default: JsonScalar = None
    unique: bool = False
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    source: str = ""
    """The words of the requirement it was read from; empty when it was inferred."""

    @property
    def inferred(self) -> bool:
        """Added by convention, not stated in the requirement."""
        return not self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    name: str
    """Singular snake_case, e.g. `cart_item`."""
    plural: str
    """Plural snake_case; the collection's path is `/` + plural with `-` for `_`."""
    fields: tuple[Field, ...]
    source: str = ""
    """The words it was read from; empty when it was inferred (a join entity)."""

    @property
    def label(self) -> str:
        """For people: `Cart item`."""
        return self.name.replace("_", " ").capitalize()

    @property
    def path(self) -> str:
        return "/" + self.plural.replace("_", "-")

    @property
    def type_name(self) -> str:
        """PascalCase name of its schema and class."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def references(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields if f.type is FieldType.REFERENCE)

    @property
    def title_field(self) -> str | None:
        """The field that names one entry for people (name, title, ...), if there is one."""
        texts = [f.name for f in self.fields if f.type in (FieldType.STRING, FieldType.EMAIL)]
        for preferred in ("name", "title", "label", "subject", "email"):
            if preferred in texts:
                return preferred
        return texts[0] if texts else None

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


class CapabilityKind(StrEnum):
    MANAGE = "manage"  # create, list, read, update, delete
    FILTER = "filter"  # list narrowed by a field's value
    SEARCH = "search"  # list narrowed by text
    SORT = "sort"
    ASSIGN = "assign"  # set a reference
    PAGE = "page"  # a web page over the API


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something users can do, which the offline executor knows how to build and check."""

    kind: CapabilityKind
    entity: str
    field: str | None = None
    """Needed by FILTER, SORT and ASSIGN."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A part of the system with an API of its own."""

    name: str
    """snake_case; `backend` when the system has only one."""
    entities: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainModel:
    title: str
    """What people would call the product, e.g. `Task management`."""
    entities: tuple[Entity, ...]
    capabilities: tuple[Capability, ...] = ()
    roles: tuple[str, ...] = ()
    """Kinds of people the text names as acting (user, customer, admin)."""
    services: tuple[Service, ...] = ()
    has_page: bool = True
    """Whether the requirement wants something to look at in a browser."""

    def entity(self, name: str) -> Entity | None:
        return next((e for e in self.entities if e.name == name), None)

    def service_of(self, entity: str) -> str:
        for service in self.services:
            if entity in service.entities:
                return service.name
        raise KeyError(entity)
