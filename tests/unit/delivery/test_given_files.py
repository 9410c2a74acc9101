"""Files that people hand in are read within a limit."""

from pathlib import Path

import pytest

from maestro.delivery.given_files import MAX_BYTES, given_text
from maestro.errors import InvalidInput


def test_a_file_of_the_limit_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"a" * MAX_BYTES)
    assert len(given_text(file)) == MAX_BYTES
    file.write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(InvalidInput, match=f"a.yaml' is larger than {MAX_BYTES} bytes"):
        given_text(file)


def test_what_is_no_text_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: Is a directory"):
        given_text(tmp_path)
