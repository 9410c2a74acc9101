import os
from pathlib import Path

import pytest

from maestro.agents.sandboxes.owners import is_orphaned, named


def test_a_name_of_this_process_belongs_to_the_living() -> None:
    assert not is_orphaned(named("scratch_1"))


def test_a_process_of_the_same_id_that_started_at_another_time_is_another() -> None:
    parts = named("x").split("-")
    assert is_orphaned("-".join([*parts[:3], "1", parts[4]]))


def test_a_process_that_is_not_there_has_ended() -> None:
    highest = Path("/proc/sys/kernel/pid_max").read_text("ascii").strip()
    parts = named("x").split("-")
    assert int(parts[2]) == os.getpid()
    assert is_orphaned("-".join([*parts[:2], highest, *parts[3:]]))


@pytest.mark.parametrize("name", ["", "maestro", "maestro-data", "maestro-1-2-3-x", "mae-1-2-3-x"])
def test_other_names_are_not_judged(name: str) -> None:
    assert not is_orphaned(name)
