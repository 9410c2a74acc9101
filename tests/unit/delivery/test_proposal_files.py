"""What a persona proposes by a file is read, taken out of its tree, and refused where it is odd."""

import json
from pathlib import Path

import pytest

from maestro.contracts.reading import read_contract
from maestro.delivery.proposal_files import taken_proposals
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput

EXAMPLES = Path(__file__).parents[3] / "examples" / "contracts"
SHOP = read_contract(EXAMPLES / "shop.yaml")
INVENTORY = read_contract(EXAMPLES / "inventory.proto")
PARTIES = (SHOP, INVENTORY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "contract-proposals"
    made.mkdir()
    return made


def proposed(folder: Path, contracts: tuple[Contract, ...] = PARTIES) -> dict[str, object]:
    found = taken_proposals(folder.parent, contracts)
    return {str(one["contract"]): one["specification"] for one in found}


def test_no_folder_is_no_proposal(tmp_path: Path) -> None:
    assert taken_proposals(tmp_path, PARTIES) == []


def test_each_file_is_a_proposal_and_none_an_artefact(folder: Path) -> None:
    wanted = {**SHOP.specification, "info": {"title": "Shop", "version": "2"}}
    (folder / "shop.json").write_text(json.dumps(wanted), encoding="utf-8")
    (folder / "inventory.proto").write_bytes((EXAMPLES / "inventory.proto").read_bytes())
    found = proposed(folder)
    assert found == {"shop": wanted, "inventory": INVENTORY.specification}
    assert list(folder.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("other.yaml", "openapi: 3.1.0", "one plain file for each contract, .* inventory, shop"),
        ("shop.txt", "", "files named '.txt' are no contracts"),
        ("shop.yaml", "[", "shop.yaml"),
        ("shop.graphql", "type Query { a: Int }", "is graphql; contract 'shop' is openapi"),
    ],
)
def test_what_is_no_proposal_is_refused(folder: Path, name: str, text: str, told: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=told):
        proposed(folder)


def test_two_for_one_contract_and_links_are_refused(folder: Path) -> None:
    for name in ("shop.yaml", "shop.yml"):
        (folder / name).write_bytes((EXAMPLES / "shop.yaml").read_bytes())
    with pytest.raises(InvalidInput, match=r"shop\.yml: a proposal is one plain file"):
        proposed(folder)
    for path in folder.iterdir():
        path.unlink()
    (folder / "shop.yaml").symlink_to(EXAMPLES / "shop.yaml")
    with pytest.raises(InvalidInput, match="one plain file"):
        proposed(folder)
