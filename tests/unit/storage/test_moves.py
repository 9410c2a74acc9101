"""The table of a step's moves."""

from dataclasses import replace
from itertools import product

import pytest

from maestro.domain.run import FINISHED_STEPS, EventKind, StepRun, StepStatus
from maestro.domain.values import RunId, StepId
from maestro.errors import Conflict
from maestro.storage.moves import attempt_result, check_step_move

S = StepStatus


def legal(before: StepStatus, after: StepStatus, *, on: int, kind: EventKind) -> bool:
    row = StepRun(step_id=StepId("a"), status=before, attempt=1)
    try:
        check_step_move(RunId("run-1"), kind, row, replace(row, status=after, attempt=1 + on))
    except Conflict:
        return False
    return True


def moves_of(before: StepStatus, *, on: int = 0) -> set[StepStatus]:
    return {after for after in S if legal(before, after, on=on, kind=EventKind.STEP_PROGRESS)}


def test_an_attempt_starts_only_from_where_none_is_at_work_and_none_has_a_result() -> None:
    for before in S:
        started = moves_of(before, on=1)
        assert started == ({S.RUNNING} if before in (S.PENDING, S.READY, S.WAITING) else set())


def test_a_finished_step_moves_only_by_being_reset() -> None:
    for before in FINISHED_STEPS:
        assert moves_of(before) == {S.PENDING}


def test_a_result_takes_an_attempt_or_somebody_who_was_waited_for() -> None:
    for before, after in product(S, (S.SUCCEEDED, S.BLOCKED)):
        assert (after in moves_of(before)) == (before in (S.RUNNING, S.AWAITING))


def test_somebody_is_waited_for_without_an_attempt() -> None:
    assert {before for before in S if S.AWAITING in moves_of(before)} == {S.PENDING, S.READY}


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        (EventKind.STEP_EDITED, {S.SUCCEEDED}),
        (EventKind.STEP_SIGNALLED, {S.PENDING, S.READY, S.WAITING}),
    ],
)
def test_an_output_changes_in_place_only_where_its_event_says_so(
    kind: EventKind, places: set[StepStatus]
) -> None:
    for before, after in product(S, S):
        assert legal(before, after, on=0, kind=kind) == (before is after and before in places)


def test_no_move_skips_an_attempt_or_changes_the_step() -> None:
    assert not any(moves_of(before, on=2) for before in S)
    row = StepRun(step_id=StepId("a"), status=S.PENDING)
    other = StepRun(step_id=StepId("b"), status=S.SKIPPED)
    with pytest.raises(Conflict, match="'a' cannot end at 'b'"):
        check_step_move(RunId("run-1"), EventKind.STEP_SKIPPED, row, other)


def test_every_way_an_attempt_ends_has_a_name_the_database_takes() -> None:
    taken = {"succeeded", "failed", "blocked", "cancelled", "interrupted"}
    assert {attempt_result(after) for after in moves_of(S.RUNNING)} == taken
