"""Locks between processes."""

import os
from pathlib import Path

import pytest

from maestro.domain.values import RunId
from maestro.errors import Conflict, InvalidInput, StorageUnavailable
from maestro.storage.ownership import run_lock

RUN = RunId("run-1")


def test_the_refusal_names_the_owner_and_what_to_do(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"
    with run_lock(database, RUN):
        with pytest.raises(Conflict, match=f"executed by process {os.getpid()}; .* end that"):
            with run_lock(database, RUN):
                pass
        with run_lock(tmp_path / "other.db", RUN):
            pass


def test_nothing_is_left_behind_and_a_stale_file_is_no_lock(tmp_path: Path) -> None:
    database = tmp_path / "maestro.db"
    with run_lock(database, RUN):
        [file] = (tmp_path / "maestro.db.locks").iterdir()
        assert file.read_text() == str(os.getpid())
    assert not file.exists()
    file.write_text("4194305")
    with run_lock(database, RUN):
        assert file.read_text() == str(os.getpid())


def test_a_lock_is_released_when_its_holder_fails(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), run_lock(tmp_path / "maestro.db", RUN):
            raise ValueError("no")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "x" * 200])
def test_only_identifiers_become_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="is not an identifier"):
        with run_lock(tmp_path / "maestro.db", RunId(name)):
            pass


def test_a_folder_that_cannot_be_written_is_a_storage_error() -> None:
    with pytest.raises(StorageUnavailable, match="lock file"):
        with run_lock(Path("/proc/maestro.db"), RUN):
            pass
