"""Domain values survive the way to JSON and back; anything else is refused with its place."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.encoding import decode, encode
from maestro.domain.entities import Entity, Field, FieldType
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.requirement import Constraints
from maestro.domain.run import Event, EventKind
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import RetryPolicy, Step
from maestro.errors import InvalidInput

texts = st.text(max_size=20)
fields = st.builds(
    Field,
    name=texts,
    type=st.sampled_from(FieldType),
    required=st.booleans(),
    values=st.lists(texts, max_size=3).map(tuple),
    target=st.none() | texts,
    default=st.none() | texts | st.integers() | st.booleans(),
    maximum=st.none() | st.integers(),
    source=texts,
)
entities = st.builds(
    Entity, name=texts, plural=texts, fields=st.lists(fields, max_size=4).map(tuple), source=texts
)


@given(entities)
def test_round_trip(entity: Entity) -> None:
    assert decode(Entity, json.loads(json.dumps(encode(entity)))) == entity


def test_round_trip_of_times_mappings_and_new_types() -> None:
    event = Event(
        run_id=RunId("run-1"),
        sequence=3,
        kind=EventKind.STEP_PROGRESS,
        at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        step_id=StepId("work"),
        data={"message": "hello", "nested": {"list": [1, None]}},
    )
    assert decode(Event, json.loads(json.dumps(encode(event)))) == event
    evidence = Evidence(
        collector="tests",
        status=EvidenceStatus.MEASURED,
        tool="pytest",
        version="9",
        argv=("a",),
        exit_code=0,
        duration_seconds=1,
        files_examined=2,
        metrics={"tests.failed": 0, "x": True},
    )
    assert decode(Evidence, json.loads(json.dumps(encode(evidence)))) == evidence


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "a"}, r"needs the field 'plural'"),
        ({"name": 1, "plural": "a", "fields": []}, r"\$\.name: expected str, got 1"),
        (
            {"name": "a", "plural": "a", "fields": [], "extra": 1},
            r"unknown field 'extra'; known: name, plural",
        ),
        ({"name": "a", "plural": "a", "fields": {}}, r"\$\.fields: expected list"),
        (
            {"name": "a", "plural": "a", "fields": [{"name": "x", "type": "nope"}]},
            r"\$\.fields\[0\]\.type: 'nope' is not one of string",
        ),
        ([], r"expected dict"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(data: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode(Entity, data)


def test_a_boolean_is_not_a_number() -> None:
    with pytest.raises(InvalidInput, match="max_parallel"):
        decode(Constraints, {"max_parallel": True})


def test_only_domain_values_are_encoded() -> None:
    with pytest.raises(TypeError, match="set is not a domain value"):
        encode({1})


def test_a_step_digest_changes_with_its_definition() -> None:
    step = Step(id=StepId("a"), action="x")
    assert step.digest() == Step(id=StepId("a"), action="x").digest()
    other = Step(id=StepId("a"), action="x", retry=RetryPolicy(max_attempts=2))
    assert step.digest() != other.digest()
