"""The TypeScript compiler accepts the exported clients."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from maestro.contracts.exports.typescript_client import typescript_client
from maestro.contracts.reading import read_contract

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "examples" / "contracts" / "shop.yaml",
    ROOT / "tests" / "data" / "exports" / "hostile.yaml",
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_tsc_finds_no_fault(tmp_path: Path, path: Path) -> None:
    tsc = os.environ.get("TSC") or shutil.which("tsc")
    assert tsc, "needs the TypeScript compiler: npm install typescript, then TSC=.../tsc"
    for name, content in typescript_client(read_contract(path)).files.items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    done = subprocess.run([tsc, "--project", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
