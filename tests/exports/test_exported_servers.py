"""Exported mock servers: their packages are installed from npm, they are started and asked.

`make test-exports`; fails where npm has no network.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.exports import ExportedProject, check_export, export, write_project
from maestro.contracts.exports.node_programs import install_packages
from maestro.contracts.reading import read_contract
from maestro.domain.contract import CheckResult
from maestro.errors import StepFailed

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "examples" / "contracts" / "shop.yaml"
GRAPH = ROOT / "examples" / "contracts" / "shop.graphql"
HOSTILE = ROOT / "tests" / "data" / "exports" / "hostile.yaml"
ODD = ROOT / "tests" / "data" / "exports" / "odd.yaml"
CORNERS = ROOT / "tests" / "data" / "exports" / "corners.yaml"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`node_modules` of both kinds of server, installed once."""
    made = {}
    for path, target in ((SHOP, "express"), (GRAPH, "apollo")):
        folder = tmp_path_factory.mktemp("packages") / target
        write_project(export(read_contract(path), target), folder)
        asyncio.run(install_packages(folder))
        made[target] = folder / "node_modules"
    return made


def checked(
    path: Path, target: str, packages: dict[str, Path], changes: dict[str, Any] | None = None
) -> CheckResult:
    contract = read_contract(path)
    files = {**export(contract, target).files, **(changes or {})}

    async def report(text: str) -> None:
        assert text

    project = ExportedProject(files=files)
    return asyncio.run(check_export(contract, target, project, report, packages=packages[target]))


@pytest.mark.parametrize("path", [SHOP, HOSTILE, ODD, CORNERS], ids=lambda path: path.stem)
def test_express_answers_as_our_own_mock(path: Path, packages: dict[str, Path]) -> None:
    result = checked(path, "express", packages)
    assert result.passed, result.detail


def test_apollo_answers_as_its_schema_says(packages: dict[str, Path]) -> None:
    result = checked(GRAPH, "apollo", packages)
    assert result.passed, result.detail


def changed_contract(change: str) -> dict[str, bytes]:
    """`contract.json` of the shop with one fault."""
    files = export(read_contract(SHOP), "express").files
    data = json.loads(files["contract.json"])
    operations = {o["key"]: o for r in data["routes"] for o in r["operations"].values()}
    if change == "route":
        data["routes"] = [r for r in data["routes"] if r["path"] != "/api/orders/:p1"]
    elif change == "validation":
        operations["POST /products"]["body"]["content"]["application/json"]["schema"] = True
    elif change == "credentials":
        operations["DELETE /products/{product_id}"]["security"] = []
    elif change == "state":
        del operations["DELETE /products/{product_id}"]["resource"]
    elif change == "pages":
        listing = operations["GET /products"]["parameters"]
        operations["GET /products"]["parameters"] = [p for p in listing if p["name"] != "limit"]
    return {"contract.json": json.dumps(data).encode()}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("route", "GET /orders/{order_id}"),
        ("validation", "instead of 422"),
        ("credentials", "instead of 401"),
        ("state", "404 after the deletion"),
        ("pages", "GET /products"),
    ],
)
def test_a_server_that_does_not_keep_to_the_contract_does_not_count(
    change: str, why: str, packages: dict[str, Path]
) -> None:
    result = checked(SHOP, "express", packages, changed_contract(change))
    assert not result.passed
    assert why in result.detail


def test_replies_that_do_not_fit_are_found(packages: dict[str, Path]) -> None:
    files = export(read_contract(SHOP), "express").files
    lying = files["responses.json"].replace(b'"price": 18.5', b'"price": "much"')
    result = checked(SHOP, "express", packages, {"responses.json": lying})
    assert "the body does not fit" in result.detail


@pytest.mark.parametrize(
    ("mutation", "change", "why"),
    [
        ("createProduct", {"layout": []}, "Mutation.createProduct: name is"),
        ("deleteProduct", {"effect": "update"}, "what it deleted can still be read"),
        ("cancelOrder", {"answer": {"kind": "truth"}}, "Mutation.cancelOrder"),
    ],
)
def test_mutations_that_do_not_do_their_work_are_found(
    mutation: str, change: dict[str, Any], why: str, packages: dict[str, Path]
) -> None:
    data = json.loads(export(read_contract(GRAPH), "apollo").files["mocks.json"])
    data["mutations"][mutation].update(change)
    result = checked(GRAPH, "apollo", packages, {"mocks.json": json.dumps(data).encode()})
    assert not result.passed
    assert why in result.detail


def test_a_server_that_does_not_start_is_named(packages: dict[str, Path]) -> None:
    with pytest.raises(StepFailed, match="SyntaxError"):
        checked(SHOP, "express", packages, {"lib/state.mjs": b"export const = 1;"})
