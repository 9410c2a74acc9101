"""A sample of the crash matrix on both databases; `make test-chaos` plays all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("runner.py")
CASES = int(os.environ.get("CHAOS_CASES", "60"))
"""Per database."""

pytestmark = [pytest.mark.timeout(CASES * 60)]


def play(database: str, folder: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, str(RUNNER), "--cases", str(CASES)),
            *("--database", database, "--folder", str(folder)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=CASES * 60,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    broken = [line for line in lines[:-1] if line["faults"]]
    assert not broken, f"{broken[:3]}\n{done.stderr[-3000:]}"
    assert lines[-1]["cases"] == CASES, done.stderr[-3000:]
    assert lines[-1]["killed"] >= CASES / 2, "too few places were reached to mean anything"


@pytest.mark.xdist_group("chaos-sqlite")
def test_nothing_is_lost_or_repeated_on_sqlite(tmp_path: Path) -> None:
    play("sqlite", tmp_path)


@pytest.mark.xdist_group("chaos-postgres")
def test_nothing_is_lost_or_repeated_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    play(postgres_url, tmp_path)
