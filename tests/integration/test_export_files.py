"""Exports that need no packages: replayed, run by a shell, read by Node."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from maestro.contracts.exports import ExportedProject, check_export, export, write_project
from maestro.contracts.exports.node_programs import node_program
from maestro.contracts.reading import read_contract
from maestro.domain.contract import CheckResult

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "contracts" / "shop.yaml"
GRAPH = ROOT / "examples" / "contracts" / "shop.graphql"
HOSTILE = ROOT / "tests" / "data" / "exports" / "hostile.yaml"
ODD = ROOT / "tests" / "data" / "exports" / "odd.yaml"


def checked(path: Path, target: str, old: bytes = b"", new: bytes = b"") -> CheckResult:
    """The result of an export, with something changed in every file."""
    contract = read_contract(path)
    files = export(contract, target).files
    assert not old or any(old in text for text in files.values())
    project = ExportedProject(files={name: text.replace(old, new) for name, text in files.items()
                                     } if old else files)  # fmt: skip
    said: list[str] = []

    async def report(text: str) -> None:
        said.append(text)

    result = asyncio.run(check_export(contract, target, project, report))
    assert said
    return result


@pytest.mark.parametrize("target", ["pact", "spec", "curl"])
@pytest.mark.parametrize("path", [SHOP, HOSTILE, ODD], ids=lambda path: path.stem)
def test_files_of_rest_contracts(path: Path, target: str) -> None:
    result = checked(path, target)
    assert result.passed, result.detail


def test_a_script_for_graphql() -> None:
    result = checked(GRAPH, "curl")
    assert result.passed, result.detail
    assert "12 calls" in result.detail


@pytest.mark.parametrize(
    ("target", "old", "new", "why"),
    [
        ("curl", b'"sku":"BTL-0500"', b'"sku":"x"', "was refused"),
        ("curl", b"call 'GET /orders'", b": 'GET /orders'\ncall() { :; }\ncall x", "calls arrived"),
        ("pact", b'"status": 201', b'"status": 299', "it is 400"),
        ("pact", b'"total": 1', b'"total": "1"', "other types"),
        ("spec", b"sku: BTL-0500", b"sku: x", "an example does not fit"),
    ],
)
def test_what_is_wrong_is_found(target: str, old: bytes, new: bytes, why: str) -> None:
    result = checked(SHOP, target, old, new)
    assert not result.passed
    assert why in result.detail


def test_node_can_read_the_servers(tmp_path: Path) -> None:
    for path, target in ((SHOP, "express"), (GRAPH, "apollo")):
        write_project(export(read_contract(path), target), tmp_path / target)
        for source in sorted((tmp_path / target).rglob("*.mjs")):
            done = subprocess.run(
                [node_program(), "--check", str(source)], capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr
