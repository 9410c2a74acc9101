"""What it takes to change a contract that is locked."""

from dataclasses import replace
from typing import Any

import pytest

from maestro.contracts.agree import agree
from maestro.contracts.amendment import amend
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import Blocked, Conflict

SCHEMA: dict[str, Any] = {
    "tables": [
        {
            "name": "tasks",
            "columns": [
                {"name": "id", "type": "integer", "nullable": False, "primary_key": True},
                {"name": "title", "type": "string", "nullable": False},
            ],
        }
    ]
}
LOCKED = agree(
    Contract(
        id=ContractId("backend-schema"),
        name="Tables",
        kind=ContractKind.DATA_SCHEMA,
        version="1.2.3",
        provider="database_designer",
        component="backend",
        consumers=("backend_developer", "qa_engineer"),
        format=SpecificationFormat.JSON_SCHEMA,
        specification=SCHEMA,
        deliverables=(),
        acceptance=(),
    )
)


def proposal(*columns: dict[str, Any], **changes: Any) -> Contract:
    table = {"name": "tasks", "columns": list(columns)}
    return replace(LOCKED, specification={"tables": [table]}, **changes)


ID, TITLE = SCHEMA["tables"][0]["columns"]
NOTE = {"name": "note", "type": "text", "nullable": True}


def test_unchanged_is_the_same_contract() -> None:
    assert amend(LOCKED, replace(LOCKED, version="9.9.9", digest=""), ()) is LOCKED


def test_compatible_is_the_next_minor_version() -> None:
    made = amend(LOCKED, proposal(ID, TITLE, NOTE), ())
    assert made.version == "1.3.0"
    assert made.digest == made.specification_digest() != LOCKED.digest


def test_an_edit_without_effect_is_a_patch() -> None:
    made = amend(LOCKED, proposal({**ID, "unique": False}, TITLE), ())
    assert made.version == "1.2.4"


def test_breaking_needs_every_consumer() -> None:
    with pytest.raises(Blocked) as refused:
        amend(LOCKED, proposal(ID), {"backend_developer"})
    assert "column `tasks.title` was removed" in str(refused.value)
    assert refused.value.reasons[-1] == "consent of qa_engineer is missing"
    assert refused.value.detail == {
        "contract": "backend-schema",
        "version": "1.2.3",
        "due": "2.0.0",
        "missing": ["qa_engineer"],
        "rules": ["column-removed"],
    }


def test_breaking_with_consent_is_the_next_major_version() -> None:
    made = amend(LOCKED, proposal(ID), {"backend_developer", "qa_engineer"})
    assert made.version == "2.0.0"


def test_a_higher_version_is_kept_and_a_lower_one_is_not() -> None:
    assert amend(LOCKED, proposal(ID, TITLE, NOTE, version="3.0.0"), ()).version == "3.0.0"
    assert amend(LOCKED, proposal(ID, TITLE, NOTE, version="1.2.3"), ()).version == "1.3.0"


def test_a_consumer_is_not_dropped_behind_its_back() -> None:
    dropped = proposal(ID, TITLE, NOTE, consumers=("backend_developer",))
    with pytest.raises(Blocked, match="cannot lose 'qa_engineer'"):
        amend(LOCKED, dropped, ())
    assert amend(LOCKED, dropped, {"qa_engineer"}).consumers == ("backend_developer",)


def test_dropping_a_consumer_does_not_spare_its_consent() -> None:
    with pytest.raises(Blocked, match="consent of 'qa_engineer'"):
        amend(LOCKED, proposal(ID, consumers=("backend_developer",)), {"backend_developer"})


@pytest.mark.parametrize(
    ("locked", "proposed", "message"),
    [
        (replace(LOCKED, digest=""), LOCKED, "is not agreed yet"),
        (replace(LOCKED, specification={"tables": []}), LOCKED, "changed after it was agreed"),
        (LOCKED, replace(LOCKED, id=ContractId("other")), "has id 'other'"),
        (LOCKED, replace(LOCKED, provider="somebody"), "has provider 'somebody'"),
    ],
)
def test_conflicts(locked: Contract, proposed: Contract, message: str) -> None:
    with pytest.raises(Conflict, match=message):
        amend(locked, proposed, ())
