"""A file of independent tasks, and the workflow that it becomes: one durable step per task."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.given_files import given_text
from maestro.domain.encoding import decode
from maestro.domain.values import StepId, first_duplicate, is_identifier
from maestro.domain.workflow import RetryPolicy, Step, Workflow
from maestro.domain.yaml_text import yaml_value
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue

WORK = "task.work"
MAX_TASKS = 10_000
MAX_TEXT_CHARACTERS = 20_000
MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOrder:
    """One task: a text, and the persona that does it."""

    id: str
    role: str
    """Id of a persona."""
    text: str
    languages: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    """Tasks that have to succeed before."""
    priority: int = 0
    timeout: float = 900.0
    """Seconds that one attempt may take."""
    attempts: int = 2
    capability: str = ""
    """Left to workers that offer it; empty = done by whoever runs the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFile:
    name: str
    tasks: tuple[TaskOrder, ...]
    max_parallel: int = 4
    """Most tasks at work at once."""
    description: str = ""

    def workflow(self) -> Workflow:
        """Raises InvalidInput where tasks need each other in a circle or what is not there."""
        return Workflow(name=self.name, steps=tuple(_step(task) for task in self.tasks))


def load_tasks(path: Path) -> TaskFile:
    """Reads and checks a file of tasks.

    Raises:
        InvalidInput: names the file, the place and the rule.
    """
    return parse_tasks(given_text(path), name=str(path))


def parse_tasks(text: str, *, name: str = "tasks") -> TaskFile:
    """As `load_tasks`, for the text of such a file."""
    data = yaml_value(text, name=name)
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{name}: must be a mapping with 'name' and 'tasks'")
    found = decode(TaskFile, data, where=name)
    _check(found, name)
    return found


def _check(found: TaskFile, name: str) -> None:
    if not 1 <= len(found.tasks) <= MAX_TASKS:
        raise InvalidInput(f"{name}: tasks: from 1 to {MAX_TASKS}, got {len(found.tasks)}")
    if found.max_parallel < 1:
        raise InvalidInput(f"{name}: max_parallel must be at least 1, got {found.max_parallel!r}")
    duplicate = first_duplicate([task.id for task in found.tasks])
    if duplicate is not None:
        raise InvalidInput(f"{name}: task id {duplicate!r} is used twice")
    personas = load_catalogue().personas
    for number, task in enumerate(found.tasks):
        place = f"{name}: tasks[{number}]"
        if task.role not in personas:
            raise InvalidInput(
                f"{place}: there is no persona {task.role!r}; known: {', '.join(sorted(personas))}"
            )
        _check_task(task, place)
    found.workflow()


def _check_task(task: TaskOrder, place: str) -> None:
    if not is_identifier(task.id) or "." in task.id:
        raise InvalidInput(
            f"{place}: id {task.id!r}: use a small letter, then letters, digits, '_', '-'"
        )
    length = len(task.text.strip())
    if not 1 <= length <= MAX_TEXT_CHARACTERS:
        raise InvalidInput(
            f"{place}: text must have 1 to {MAX_TEXT_CHARACTERS} characters, got {length}"
        )
    if not 0 < task.timeout < float("inf"):
        raise InvalidInput(f"{place}: timeout must be above 0, got {task.timeout!r}")
    if not 1 <= task.attempts <= MOST_ATTEMPTS:
        raise InvalidInput(
            f"{place}: attempts must lie in 1..{MOST_ATTEMPTS}, got {task.attempts!r}"
        )


def _step(task: TaskOrder) -> Step:
    return Step(
        id=StepId(task.id),
        action=WORK,
        needs=tuple(StepId(need) for need in task.needs),
        inputs={
            "persona": task.role,
            "text": task.text.strip(),
            "languages": [language.lower() for language in task.languages],
        },
        title=task.id,
        persona=task.role,
        retry=RetryPolicy(max_attempts=task.attempts, delay_seconds=0.2),
        timeout_seconds=task.timeout,
        priority=task.priority,
        capability=task.capability,
    )
