"""Whether steps may be added to a run, found out without reading all of it where that is enough.

Earlier steps never need later ones, but a new step may make an earlier one wait for it (`parent`).
A circle through earlier steps therefore takes a new step's need that itself waits for a parent; a
need that has ended waits for nothing any more, so only where one has not the whole graph is read.
"""

from collections.abc import Collection, Mapping, Sequence

from maestro.domain.encoding import decode
from maestro.domain.run import FINISHED_STEPS, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, check_graph
from maestro.errors import InvalidInput
from maestro.storage.database import Connection, Row
from maestro.storage.records import json_from_text, step_from_text

MOST_VALUES = 500
"""Values in one IN list; SQLite takes no more than 999 in older versions."""


def check_extension(
    connection: Connection,
    run_id: RunId,
    new: Sequence[Step],
    moving: Mapping[StepId, StepStatus],
) -> None:
    """`moving`: what steps become in the same transaction.

    Raises:
        InvalidInput: the longer graph is not one that could run; see check_graph.
    """
    own = {step.id for step in new}
    parents = {step.parent for step in new if step.parent is not None} - own
    needs = {need for step in new for need in step.needs} - own
    found = _statuses(connection, run_id, own | parents | needs)
    known = [Step(id=step_id, action="known") for step_id in found]
    check_graph((*known, *new))
    _check_concurrency(connection, run_id, new)
    status = {step_id: moving.get(step_id, found[step_id]) for step_id in found}
    for parent in parents:
        _check_parent(parent, status[parent])
    if parents and any(status[need] not in FINISHED_STEPS for need in needs - parents):
        rows = connection.execute("SELECT definition FROM steps WHERE run_id = ?", (run_id,))
        check_graph((*(step_from_text(row[0], run_id) for row in rows.fetchall()), *new))


def _check_parent(parent: StepId, status: StepStatus) -> None:
    if status not in (StepStatus.PENDING, StepStatus.READY):
        raise InvalidInput(
            f"step {parent!r} is {status.value}, so it can no longer wait for steps that are added"
        )


def _check_concurrency(connection: Connection, run_id: RunId, new: Sequence[Step]) -> None:
    wanted = {step.concurrency: step.id for step in new if step.concurrency}
    if not wanted:
        return
    row = connection.execute("SELECT concurrency FROM runs WHERE id = ?", (run_id,)).fetchone()
    limits = decode(dict[str, int], json_from_text(row[0], f"run {run_id!r}"))
    for key, step_id in wanted.items():
        if key not in limits:
            raise InvalidInput(
                f"step {step_id!r}: unknown concurrency key {key!r}; the workflow's keys: "
                f"{', '.join(limits) or 'none'}"
            )


def _statuses(
    connection: Connection, run_id: RunId, step_ids: Collection[StepId]
) -> dict[StepId, StepStatus]:
    rows = select_steps(connection, "step_id, status", run_id, step_ids)
    return {StepId(row[0]): StepStatus(row[1]) for row in rows}


def select_steps(
    connection: Connection, columns: str, run_id: RunId, step_ids: Collection[StepId]
) -> list[Row]:
    """Some columns of those of the steps that the run has."""
    wanted, rows = list(step_ids), list[Row]()
    for start in range(0, len(wanted), MOST_VALUES):
        part = wanted[start : start + MOST_VALUES]
        marks = ", ".join("?" * len(part))
        rows += connection.execute(
            f"SELECT {columns} FROM steps WHERE run_id = ? AND step_id IN ({marks})",  # noqa: S608 -- constant columns
            (run_id, *part),
        ).fetchall()
    return rows
