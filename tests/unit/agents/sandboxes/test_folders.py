import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ordinary_user import as_ordinary_user

from maestro.agents.sandboxes import folders
from maestro.agents.sandboxes.sweep import remove_folder

PROGRAM = Path(__file__).parents[3] / "support" / "closed_folders.py"
DEEP = 2_500


def test_what_lies_below_counts_and_no_link_is_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "big").write_bytes(b"x" * 1_000_000)
    (inside / "deep" / "file").write_bytes(b"x" * 100_000)
    (inside / "way").symlink_to(outside)
    assert 100_000 <= folders.disk_use([str(inside)]) < 500_000


def test_empty_files_count(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / str(number)).touch()
    assert folders.disk_use([str(tmp_path)]) >= 100 * folders.ENTRY_BYTES


def test_files_without_a_name_count_while_they_are_open(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        assert folders.unlinked([str(tmp_path)], [os.getpid()]) == 0
        (tmp_path / "gone").unlink()
        assert folders.unlinked([str(tmp_path)], [os.getpid()]) >= 1 << 20
        assert folders.unlinked([str(tmp_path)], []) == 0
        assert folders.unlinked(["/proc"], [os.getpid()]) == 0  # another disk
    assert folders.unlinked([str(tmp_path)], [os.getpid()]) == 0


def test_what_is_gone_or_no_folder_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert folders.disk_use([str(tmp_path / "nowhere"), str(tmp_path / "file")]) == 0
    assert folders.unlinked([str(tmp_path / "nowhere")], [os.getpid()]) == 0


def test_folders_in_folders_beyond_what_can_be_named(tmp_path: Path) -> None:
    """They count as too much, and are removed all the same."""
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert folders.disk_use([str(top)]) >= folders.TOO_MUCH
    remove_folder(top)
    assert not top.exists()


def test_closed_folders_are_counted_and_removed() -> None:
    """As a user whom modes hold back. A folder of the host's that a link leads to is left alone."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        argv = as_ordinary_user([sys.executable, str(PROGRAM), place])
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
    assert 3 * 100_000 <= told["counted"] < 3 * 200_000
    assert told["host"] == 0o111
    assert not told["left"]
