"""The domain model while it is being decided: entities and fields that may still change."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from maestro.domain.entities import Field, FieldType
from maestro.planning.findings import Place


@dataclass(slots=True, kw_only=True)
class DraftEntity:
    key: str
    at: Place
    source: str = ""
    fields: dict[str, Field] = field(default_factory=dict)
    """By key; stated ones first, in the order of the text."""
    join: bool = False
    """Only there to connect others (`cart_item`)."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where each stated field was read."""


@dataclass(slots=True)
class Draft:
    entities: dict[str, DraftEntity] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    assumptions: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    def resolve(self, key: str) -> str:
        """The key of the entity a word stands for; the word itself when it stands for none."""
        seen = set()
        while key in self.aliases and key not in seen:
            seen.add(key)
            key = self.aliases[key]
        return key

    def entity(self, key: str) -> DraftEntity | None:
        return self.entities.get(self.resolve(key))

    def add(self, entity: DraftEntity) -> DraftEntity:
        return self.entities.setdefault(entity.key, entity)

    def assume(self, sentence: str) -> None:
        if sentence not in self.assumptions:
            self.assumptions.append(sentence)

    def references(self) -> Iterator[tuple[str, Field]]:
        """Every (entity key, reference field)."""
        for key, entity in self.entities.items():
            for item in entity.fields.values():
                if item.type is FieldType.REFERENCE:
                    yield key, item

    def related(self, first: str, second: str) -> bool:
        """Whether either refers to the other, or a third thing connects them."""
        targets: dict[str, set[str]] = {}
        for key, item in self.references():
            targets.setdefault(key, set()).add(item.target or "")
        direct = second in targets.get(first, ()) or first in targets.get(second, ())
        joined = any(
            {first, second} <= found for key, found in targets.items() if self.entities[key].join
        )
        return direct or joined

    def needs(self, child: str, parent: str) -> bool:
        """Whether `child` cannot exist without `parent`, directly or through others."""
        waiting, seen = [child], set()
        while waiting:
            current = waiting.pop()
            if current == parent:
                return True
            if current in seen or current not in self.entities:
                continue
            seen.add(current)
            waiting += [
                item.target
                for item in self.entities[current].fields.values()
                if item.type is FieldType.REFERENCE and item.required and item.target
            ]
        return False

    def refer(
        self,
        child: str,
        parent: str,
        *,
        required: bool,
        name: str | None = None,
        source: str = "",
        at: Place | None = None,
    ) -> None:
        """Gives `child` a reference to `parent`, optional where a circle would make both
        impossible to create.
        """
        key = f"{name or parent}_id"
        entity = self.entities[child]
        before = entity.fields.get(key)
        must = required and child != parent and not self.needs(parent, child)
        entity.fields[key] = Field(
            name=key,
            type=FieldType.REFERENCE,
            target=parent,
            required=must or (before is not None and before.required),
            source=source or (before.source if before is not None else ""),
        )
        if at is not None:
            entity.places.setdefault(key, at)
