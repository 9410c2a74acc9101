"""Generated clients really run: type checkers accept them, the mock accepts what they send."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.contracts.exports.client_checks import check_python_client, check_typescript_client
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.exports.python_client import python_client
from maestro.contracts.exports.typescript_client import typescript_client
from maestro.contracts.reading import read_contract

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "examples" / "contracts" / "shop.yaml",
    ROOT / "tests" / "data" / "exports" / "hostile.yaml",
]


def node() -> str:
    from maestro.agents.executors.offline.interpreters import node_binary

    return str(node_binary())


def write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_python_calls_every_operation(path: Path) -> None:
    contract = read_contract(path)
    result = asyncio.run(check_python_client(contract, python_client(contract)))
    assert result.passed, result.detail


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_typescript_calls_every_operation(path: Path) -> None:
    contract = read_contract(path)
    project = typescript_client(contract)
    result = asyncio.run(check_typescript_client(contract, project, node=node()))
    assert result.passed, result.detail


def test_a_client_of_another_contract_does_not_count() -> None:
    contract = read_contract(DOCUMENTS[0])
    files = dict(python_client(contract).files)
    name = "shop_client/client.py"
    files[name] = files[name].replace(b"path='/orders'", b"path='/order'")
    result = asyncio.run(check_python_client(contract, ExportedProject(files=files)))
    assert not result.passed
    assert "list_orders reached GET /orders 0 of" in result.detail


def test_a_client_that_does_not_start_does_not_count() -> None:
    contract = read_contract(DOCUMENTS[0])
    broken = replace(
        typescript_client(contract),
        files={**typescript_client(contract).files, "index.mjs": b"export const = 1;"},
    )
    result = asyncio.run(check_typescript_client(contract, broken, node=node()))
    assert not result.passed
    assert "SyntaxError" in result.detail


def test_mypy_finds_no_fault(tmp_path: Path) -> None:
    for path in DOCUMENTS:
        contract = read_contract(path)
        write(python_client(contract).files, tmp_path / contract.id)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"),
         "shop/shop_client", "hostile/hostile_client"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": f"{tmp_path}/shop:{tmp_path}/hostile"},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
