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
