"""Every persona that the offline team has finds each of its deliverables in a worked example."""

import asyncio

import pytest
from llm_runs import assignment_of

from maestro.agents.executors.llm.craft import Craft, craft_of, left_over
from maestro.agents.executors.offline.packages import built_in_packages
from maestro.domain.write_set import matches

SCRIPTED = "security_specialist"
PERSONAS = {package.manifest.persona for package in built_in_packages()} - {SCRIPTED}


def craft(persona: str) -> Craft:
    return craft_of(asyncio.run(assignment_of(persona)))


@pytest.mark.parametrize("persona", sorted(PERSONAS))
def test_each_deliverable_has_an_example_of_other_software(persona: str) -> None:
    found = craft(persona)
    shown = {task.path: task.example for task in found.tasks}
    for pattern in found.promised:
        assert any(matches(path, pattern) for path in (*shown, *found.given)), pattern
    assert found.promised
    assert shown
    assert all(text.strip() for text in shown.values())
    assert any(left_over(text, found.foreign) for text in shown.values())
    assert not set(shown) & set(found.given)


def test_a_checklist_that_a_script_writes_needs_none() -> None:
    found = craft(SCRIPTED)
    assert (found.tasks, list(found.given)) == ((), ["security/checks.py"])
    assert "--write" in found.checks[0].argv


def test_an_example_has_the_parts_of_the_requirement_in_its_own_words() -> None:
    assignment = asyncio.run(assignment_of("requirement_analyst"))
    example = assignment.examples[0]
    assert [(part.id, part.kind) for part in example.parts] == [
        (part.id, part.kind) for part in assignment.parts
    ]
    texts = [part.text for part in example.parts]
    assert "parcel has inscription" in texts
    assert "filter parcels by upkeep" in texts
    assert {part.field for part in example.parts} - {None} == {
        field.name for field in example.domain.entities[0].fields
    }
    said = " ".join(f"{part.text} {part.source}" for part in example.parts)
    assert not left_over(said, ["book", "author", "due date", "available", "lent"])
