"""Files of tasks: what becomes of them, and what is refused, by place and rule."""

from pathlib import Path

import pytest

from maestro.delivery.task_files import load_tasks, parse_tasks
from maestro.errors import InvalidInput

EXAMPLE = Path(__file__).parents[3] / "examples" / "tasks" / "six.yaml"
ONE = "{id: a, role: qa_engineer, text: Test it}"


def test_the_example_becomes_six_steps_in_its_order() -> None:
    found = load_tasks(EXAMPLE)
    steps = found.workflow().steps
    assert len(steps) == 6
    assert [step.id for step in steps] == [task.id for task in found.tasks]
    assert {step.action for step in steps} == {"task.work"}


def test_what_a_task_says_reaches_its_step() -> None:
    text = """
        name: file
        max_parallel: 2
        tasks:
          - {id: a, role: qa_engineer, text: Test it}
          - id: b
            role: backend_developer
            text: " Build it "
            languages: [Python]
            needs: [a]
            priority: 3
            timeout: 60
            attempts: 4
            capability: gpu
    """
    found = parse_tasks(text)
    first, second = found.workflow().steps
    assert (found.max_parallel, first.needs, first.capability) == (2, (), "")
    assert second.inputs == {
        "persona": "backend_developer",
        "text": "Build it",
        "languages": ["python"],
    }
    assert (second.needs, second.priority, second.timeout_seconds) == (("a",), 3, 60.0)
    assert (second.retry.max_attempts, second.capability) == (4, "gpu")


@pytest.mark.parametrize(
    ("tasks", "rule"),
    [
        ("[]", "tasks: from 1 to"),
        (f"[{ONE}, {ONE}]", "task id 'a' is used twice"),
        ("[{id: A, role: qa_engineer, text: x}]", r"tasks\[0\]: id 'A'"),
        ("[{id: a.b, role: qa_engineer, text: x}]", r"tasks\[0\]: id 'a.b'"),
        (
            "[{id: a, role: poet, text: x}]",
            r"tasks\[0\]: there is no persona 'poet'; known: backend",
        ),
        ("[{id: a, role: qa_engineer, text: '  '}]", "text must have 1 to 20000 characters, got 0"),
        ("[{id: a, role: qa_engineer, text: x, timeout: 0}]", "timeout must be above 0, got 0"),
        ("[{id: a, role: qa_engineer, text: x, attempts: 0}]", r"attempts must lie in 1\.\.10"),
        ("[{id: a, role: qa_engineer, text: x, needs: [b]}]", "needs 'b', which is not a step"),
        ("[{id: a, role: qa_engineer, text: x, needs: [a]}]", "circle: a -> a"),
        ("[{id: a, role: qa_engineer, text: x, when: y}]", "when"),
        ("[{id: a, role: qa_engineer}]", "text"),
    ],
)
def test_what_cannot_run_is_refused_by_place_and_rule(tasks: str, rule: str) -> None:
    with pytest.raises(InvalidInput, match=rule):
        parse_tasks(f"name: file\ntasks: {tasks}\n", name="file.yaml")


@pytest.mark.parametrize(
    "text", ["", "[]", "name: x", "name: [", "name: x\nmax_parallel: 0\ntasks: []"]
)
def test_what_is_no_file_of_tasks(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_tasks(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        load_tasks(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        load_tasks(tmp_path / "latin.yaml")
