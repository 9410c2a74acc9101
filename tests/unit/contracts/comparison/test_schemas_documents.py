"""Contracts that are a schema, tables or a document of ours."""

from typing import Any

import pytest

from maestro.contracts.comparison.schemas_documents import compare_documents

ID = {"name": "id", "type": "integer", "nullable": False, "primary_key": True}
STATE = {"name": "state", "type": "string", "nullable": True, "enum": ["a", "b"]}


def tables(*columns: dict[str, Any], name: str = "tasks") -> dict[str, Any]:
    return {"tables": [{"name": name, "columns": list(columns)}]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (tables(ID), tables(ID), []),
        (tables(ID, STATE), tables(STATE, ID), []),
        (tables(ID, STATE), tables(ID), ["breaking column-removed"]),
        (tables(ID), tables(ID, STATE), ["compatible column-added"]),
        (
            tables(ID),
            tables(ID, {**STATE, "nullable": False}),
            ["breaking required-column-added"],
        ),
        (
            tables(STATE),
            tables({**STATE, "type": "integer"}),
            ["breaking column-type-changed"],
        ),
        (tables(STATE), tables({**STATE, "type": "text"}), ["dangerous column-type-changed"]),
        (
            tables(STATE),
            tables({**STATE, "nullable": False}),
            ["breaking column-nullable-removed"],
        ),
        (tables(STATE), tables({**STATE, "unique": True}), ["breaking column-unique-added"]),
        (
            tables(STATE),
            tables({**STATE, "enum": ["a", "c"]}),
            ["breaking column-enum-value-removed", "dangerous column-enum-value-added"],
        ),
        (
            tables(STATE),
            tables({**STATE, "references": "projects.id"}),
            ["breaking column-reference-changed"],
        ),
        (
            tables(ID),
            tables(ID, name="jobs"),
            ["breaking table-removed", "compatible table-added"],
        ),
    ],
)
def test_tables(old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    changes = compare_documents(old, new).changes
    assert [f"{change.kind.value} {change.rule}" for change in changes] == expected


def test_other_documents_by_their_values() -> None:
    old = {"title": "T", "views": [{"entity": "task", "fields": ["a", "b"]}, {"entity": "user"}]}
    new = {"title": "U", "views": [{"entity": "user"}, {"entity": "task", "fields": ["b", "c"]}]}
    assert [str(change).split(": ")[0] for change in compare_documents(old, new).changes] == [
        "breaking document-value-removed at /views/task/fields/a",
        "dangerous document-value-changed at /title",
        "compatible document-value-added at /views/task/fields/c",
    ]


def test_older_drafts_are_understood() -> None:
    draft = "http://json-schema.org/draft-04/schema#"
    old = {"$schema": draft, "type": "integer", "minimum": 1, "exclusiveMinimum": True}
    assert compare_documents(old, {"type": "integer", "minimum": 2}).changes == ()


def test_an_edit_is_noticed_where_nothing_changes() -> None:
    comparison = compare_documents({"type": "string"}, {"type": "string", "title": "T"})
    assert (comparison.changes, comparison.edited) == ((), True)
    assert comparison.next_version("1.0.0") == "1.0.1"
