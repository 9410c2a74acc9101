"""Whose work a run leaves to workers, and what of that is refused."""

import pytest
from dashboard_seed import WORK, plan

from maestro.cli.options import left
from maestro.delivery.left_to_workers import (
    capabilities_of,
    check_capabilities,
    left_to_workers,
    told,
)
from maestro.errors import InvalidInput

PERSONAS = ("qa_engineer", "technical_writer")


def capability_of_work(capabilities: dict[str, str]) -> str:
    """Of the one step in which a persona works; the others are left to nobody."""
    steps = {step.id: step for step in left_to_workers(plan(judged=True).steps, capabilities)}
    assert {step.capability for name, step in steps.items() if name != WORK} == {""}
    return steps[WORK].capability


def test_a_personas_own_capability_goes_before_everybodys() -> None:
    assert capability_of_work({}) == ""
    assert capability_of_work({"qa_engineer": "test"}) == ""
    assert capability_of_work({"*": "build"}) == "build"
    assert capability_of_work({"*": "build", "technical_writer": "docs"}) == "docs"


def test_what_is_said_of_it() -> None:
    assert told({}) == ""
    assert told({"*": "build"}) == "workers that offer 'build' do the work of everybody"
    assert told({"technical_writer": "docs", "*": "build", "ui_designer": "docs"}) == (
        "workers that offer 'build' do the work of everybody else; "
        "workers that offer 'docs' do the work of technical_writer, ui_designer"
    )


def test_how_it_is_written() -> None:
    assert (left("build"), left("qa_engineer=test")) == (("*", "build"), ("qa_engineer", "test"))
    for wrong in ("", "=build", "qa_engineer="):
        with pytest.raises(InvalidInput, match="write CAPABILITY or PERSONA=CAPABILITY"):
            left(wrong)


@pytest.mark.parametrize(
    ("capabilities", "shared", "rule"),
    [
        ({"poet": "build"}, True, "there is no persona 'poet'; known: qa_engineer"),
        ({"*": "Build it"}, True, "'Build it' is no capability"),
        ({"*": "build"}, False, "name a PostgreSQL database"),
    ],
)
def test_what_cannot_be(capabilities: dict[str, str], shared: bool, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        check_capabilities(capabilities, PERSONAS, shared=shared)


def test_a_run_of_a_workflow_leaves_nothing_that_its_steps_do_not_say() -> None:
    assert capabilities_of({"folder": None}) == {}
