"""The checks that every plan's domain model has to pass."""

import asyncio
from dataclasses import replace

import pytest
from llm_runs import BOOKS, plan_of

from maestro.domain.entities import (
    Capability,
    CapabilityKind,
    DomainModel,
    Entity,
    Field,
    FieldType,
    Service,
)
from maestro.planning.soundness import faults_of

NAME = Field(name="name", type=FieldType.STRING, required=True)
SHELF = Entity(name="shelf", plural="shelves", fields=(NAME,))
SOUND = DomainModel(title="Library", entities=(SHELF,))


def with_field(field: Field) -> DomainModel:
    return replace(SOUND, entities=(replace(SHELF, fields=(NAME, field)),))


def named(name: str, plural: str) -> DomainModel:
    return replace(SOUND, entities=(Entity(name=name, plural=plural, fields=(NAME,)),))


def offering(kind: CapabilityKind, field: str | None, entity: str = "shelf") -> DomainModel:
    return replace(SOUND, capabilities=(Capability(kind=kind, entity=entity, field=field),))


def served(*services: Service) -> DomainModel:
    return replace(SOUND, services=services)


def test_what_the_offline_planner_makes_is_sound() -> None:
    assert faults_of(SOUND) == ()
    plan = asyncio.run(plan_of(BOOKS, "qa_engineer"))
    assert faults_of(plan.analysis.domain) == ()


@pytest.mark.parametrize(
    ("domain", "told"),
    [
        (named("Shelf", "shelves"), "no name of small letters"),
        (named("class", "classes"), "word of SQL"),
        (named("shelf", "select"), "word of SQL"),
        (replace(SOUND, entities=(SHELF, SHELF)), "share the name"),
        (replace(SOUND, entities=(replace(SHELF, fields=()),)), "has no fields"),
        (replace(SOUND, entities=(SHELF,) * 25), "too many"),
        (with_field(NAME), "two fields 'name'"),
        (with_field(Field(name="limit", type=FieldType.INTEGER)), "word of SQL"),
        (with_field(Field(name="state", type=FieldType.ENUM)), "has values"),
        (with_field(Field(name="a", type=FieldType.STRING, values=("x",))), "has values"),
        (with_field(Field(name="a", type=FieldType.ENUM, values=("x", "x"))), "occurs twice"),
        (with_field(Field(name="a", type=FieldType.ENUM, values=("x' --",))), "no plain word"),
        (with_field(Field(name="a", type=FieldType.ENUM, values=("x",), default="y")), "default"),
        (with_field(Field(name="a_id", type=FieldType.REFERENCE, target="b")), "no entity"),
        (with_field(Field(name="a", type=FieldType.REFERENCE, target="shelf")), "ends in '_id'"),
        (with_field(Field(name="a", type=FieldType.STRING, target="shelf")), "only a reference"),
        (
            with_field(Field(name="a_id", type=FieldType.REFERENCE, target="shelf", required=True)),
            "could never be created",
        ),
        (offering(CapabilityKind.FILTER, None), "by which field"),
        (offering(CapabilityKind.FILTER, "colour"), "no field of"),
        (offering(CapabilityKind.FILTER, "name"), "narrow a list"),
        (offering(CapabilityKind.MANAGE, None, "book"), "no entity"),
        (served(Service(name="a", entities=())), "no service serves"),
        (served(Service(name="a", entities=("shelf", "shelf"))), "served twice"),
        (served(Service(name="a", entities=("shelf", "book"))), "no entity"),
        (served(Service(name="../a", entities=("shelf",))), "no name of small letters"),
    ],
)
def test_what_cannot_be_built_is_told(domain: DomainModel, told: str) -> None:
    assert any(told in fault for fault in faults_of(domain)), faults_of(domain)


def test_sorting_by_the_time_of_creation_needs_no_field() -> None:
    assert faults_of(offering(CapabilityKind.SORT, "created_at")) == ()
