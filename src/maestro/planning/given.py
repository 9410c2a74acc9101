"""Parts of a text that comes with its own domain model (the caller's OpenAPI document)."""

from collections.abc import Mapping

from maestro.domain.entities import DomainModel, Entity
from maestro.domain.requirement import PartKind, RequirementPart
from maestro.planning.draft import Draft
from maestro.planning.findings import Findings
from maestro.planning.naming import singular, snake
from maestro.planning.parts import requirement_parts
from maestro.planning.shaping import Shaped

_NOT_IN_CONTRACT = "the contract that was given has nothing for it"


def adopt(
    findings: Findings, draft: Draft, shaped: Shaped, given: DomainModel
) -> tuple[tuple[RequirementPart, ...], tuple[str, ...]]:
    """The text's parts held against the given model, and the assumptions that come with it.

    Entities and fields that the contract has under the same name are covered; what the text asks
    for beyond it is listed as not covered, for the contract is what gets built.
    """
    known = {entity.name: entity for entity in given.entities}
    parts = []
    for part in requirement_parts(findings, draft, shaped, (), given):
        if part.kind is PartKind.ENTITY:
            parts.append(_entity_part(part, known))
        elif part.kind is PartKind.FIELD:
            parts.append(_field_part(part, given))
        else:
            parts.append(part)
    named = {singular(snake(part.entity or "")) for part in parts if part.covered}
    for entity in given.entities:
        if entity.name not in named:
            parts.append(_of_document(entity, f"R{len(parts) + 1}"))
    return tuple(parts), ("Entities and operations are those of the contract that was given.",)


def _entity_part(part: RequirementPart, known: Mapping[str, object]) -> RequirementPart:
    return part if singular(snake(part.entity or "")) in known else _missing(part)


def _field_part(part: RequirementPart, given: DomainModel) -> RequirementPart:
    entity = given.entity(part.entity or "")
    has_field = entity is not None and part.field is not None and entity.field(part.field)
    return part if has_field else _missing(part)


def _of_document(entity: Entity, part_id: str) -> RequirementPart:
    """Handing in a document asks for what it describes, whether the text repeats it or not."""
    return RequirementPart(
        id=part_id,
        kind=PartKind.ENTITY,
        text=f"keep {entity.plural.replace('_', ' ')}",
        source=entity.source,
        entity=entity.name,
    )


def _missing(part: RequirementPart) -> RequirementPart:
    return RequirementPart(
        id=part.id,
        kind=part.kind,
        text=part.text,
        source=part.source,
        covered=False,
        reason=_NOT_IN_CONTRACT,
    )
