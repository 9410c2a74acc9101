"""What a model fills in: four forms, each with a JSON Schema that caps every length.

An answer is read strictly; what fits the form is still only a proposal, see `proposals`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maestro.domain.entities import FieldType
from maestro.domain.requirement import RequirementType
from maestro.domain.values import JsonObject

Name = Annotated[str, Field(max_length=40)]
Sentence = Annotated[str, Field(max_length=200)]
Quote = Annotated[str, Field(max_length=160)]
_TOLD = 6
F = TypeVar("F", bound="Form")


class Form(BaseModel):
    """Keys that are not asked for are refused."""

    model_config = ConfigDict(extra="forbid", strict=False)


class NotCovered(Form):
    quote: Quote
    reason: Sentence


class UnderstandingForm(Form):
    """What is asked for at all."""

    type: RequirementType
    title: Annotated[str, Field(max_length=60)]
    web_page: bool
    roles: Annotated[list[Name], Field(max_length=6)]
    cannot_be_built: Annotated[list[NotCovered], Field(max_length=8)]
    questions: Annotated[list[Sentence], Field(max_length=5)]
    confidence: Annotated[float, Field(ge=0, le=1)]


class FieldForm(Form):
    name: Name
    type: FieldType
    values: Annotated[list[Name], Field(max_length=16)]
    target: Name
    required: bool
    unique: bool
    quote: Quote


class EntityForm(Form):
    name: Name
    quote: Quote
    fields: Annotated[list[FieldForm], Field(min_length=1, max_length=24)]


class DomainForm(Form):
    """What is kept."""

    entities: Annotated[list[EntityForm], Field(min_length=1, max_length=12)]


class ServiceForm(Form):
    name: Name
    entities: Annotated[list[Name], Field(min_length=1, max_length=12)]


class ListForm(Form):
    entity: Name
    filter_by: Annotated[list[Name], Field(max_length=8)]
    search: bool
    sort_by: Annotated[list[Name], Field(max_length=8)]
    quote: Quote


class ContractForm(Form):
    """What the APIs offer: the contracts are written from it."""

    services: Annotated[list[ServiceForm], Field(min_length=1, max_length=6)]
    lists: Annotated[list[ListForm], Field(max_length=12)]


class TeamForm(Form):
    """Who works."""

    blueprint: Annotated[str, Field(max_length=60)]
    expertise: Annotated[list[Name], Field(max_length=12)]
    reason: Sentence


class Unusable(Exception):
    """An answer that is not taken; its reasons go into the next question."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def filled(form: type[F], text: str) -> F:
    """Raises Unusable naming the places that do not fit."""
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        reasons = [f"{_place(fault['loc'])}: {fault['msg']}"[:300] for fault in told[:_TOLD]]
        raise Unusable(*reasons) from error


def schema_of(form: type[Form], choices: Mapping[str, Sequence[str]] | None = None) -> JsonObject:
    """The form's JSON Schema; `choices` narrows texts, or lists of texts, to known ones."""
    schema: dict[str, Any] = form.model_json_schema()
    for name, allowed in (choices or {}).items():
        place = schema["properties"][name]
        place = place["items"] if place.get("type") == "array" else place
        place.clear()
        place.update({"type": "string", "enum": list(allowed)})
    return schema


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the answer"
