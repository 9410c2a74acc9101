"""`maestro contracts` in this process: what is told of bad input, and how versions follow."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from maestro.cli.main import main

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "contracts"
SHOP, GRAPHQL = EXAMPLES / "shop.yaml", EXAMPLES / "shop.graphql"
PETS = ROOT / "tests" / "data" / "acceptance" / "petstore.yaml"


@dataclass(frozen=True)
class Done:
    returncode: object
    stdout: str
    stderr: str


Contracts = Callable[..., Done]


@pytest.fixture
def contracts(capsys: pytest.CaptureFixture[str]) -> Contracts:
    def run(*arguments: str | Path) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["contracts", *map(str, arguments)])
        told = capsys.readouterr()
        return Done(ended.value.code, told.out, told.err)

    return run


@pytest.fixture
def db(tmp_path: Path) -> list[str]:
    return ["--db", str(tmp_path / "maestro.db")]


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def changed(folder: Path, name: str = "shop.yaml", *, breaks: bool) -> Path:
    document = yaml.safe_load(SHOP.read_text("utf-8"))
    if breaks:
        product = document["components"]["schemas"]["Product"]
        del product["properties"]["name"]
        product["required"].remove("name")
    else:
        colour = {"name": "colour", "in": "query", "schema": {"type": "string"}}
        document["paths"]["/products"]["get"]["parameters"].append(colour)
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lint"], "name at least one FILE"),
        (["lint", "missing.yaml"], "missing.yaml: cannot be read: No such file"),
        (["lint", str(ROOT / "README.md")], "files named '.md' are no contracts"),
        (["diff", str(SHOP), str(GRAPHQL)], "only versions of one format can be compared"),
        (["mock", str(SHOP), "--port", "70000"], "port 70000 is outside of 0 to 65535"),
        (["mock", str(EXAMPLES / "pricing.py")], "has no mock server"),
        (["verify", str(SHOP)], "give either --url of a running provider or --command"),
        (["verify", str(SHOP), "--url", "ftp://x"], "--url 'ftp://x': begin with one of http://"),
        (["verify", str(SHOP), "--command", "no-such-program"], "No such file or directory"),
        (["verify", str(SHOP), "--url", "http://127.0.0.1:9", "--credential", "x=1"],
         "has no security scheme 'x'; it has: apiKey, bearer"),
        (["export", str(SHOP), "--to", "cobol", "--output", "o"], "there is no export 'cobol'"),
        (["export", str(SHOP), "--to", "curl", "--output", str(EXAMPLES)], "is not empty"),
        (["show", str(SHOP)], "is a file; show tells of stored contracts"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_line(
    contracts: Contracts, arguments: list[str], message: str
) -> None:
    done = contracts(*arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_locked_contract_changes_by_versions_only(
    contracts: Contracts, tmp_path: Path, db: list[str]
) -> None:
    first: list[str | Path] = ["import", SHOP, "--consumer", "web", "--consumer", "till", *db]
    assert contracts(*first).stdout.startswith("shop@1.0.0  agreed")
    assert contracts(*first).stdout.startswith("shop@1.0.0  agreed")  # again, nothing changes
    wider, broken = (changed(tmp_path / name, breaks=name == "b") for name in ("a", "b"))
    both = ["--consumer", "web", "--consumer", "till", *db]
    assert contracts("import", wider, *both).stdout.startswith("shop@1.1.0  agreed")
    refused = contracts("import", broken, *both, "--consent", "web")
    assert refused.returncode == 3
    assert "consent of 'till'" in refused.stderr
    done = contracts("import", broken, *both, "--consent", "web", "--consent", "till")
    assert done.stdout.startswith("shop@2.0.0  agreed")
    life = told(contracts("list", "--json", *db).stdout)[0]["contracts"]
    assert {entry["version"]: entry["status"] for entry in life} == {
        "1.0.0": "amended", "1.1.0": "amended", "2.0.0": "agreed",
    }  # fmt: skip
    assert contracts("diff", "shop@1.0.0", "shop@1.1.0", *db).returncode == 0


def test_what_a_difference_comes_to(contracts: Contracts, tmp_path: Path) -> None:
    same = contracts("diff", SHOP, SHOP)
    assert same.stdout.split("\n")[0].startswith("no change  0 breaking, 0 dangerous")
    assert "version    1.0.0 stays" in same.stdout
    document = yaml.safe_load(SHOP.read_text("utf-8"))
    document["paths"]["/products"]["get"]["operationId"] = "products"
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    risky = contracts("diff", SHOP, path)
    assert risky.returncode == 0
    assert "\ndangerous  0 breaking, 1 dangerous, 0 compatible\n" in risky.stdout
    assert "version    1.0.0 -> 1.1.0 is due" in risky.stdout


def test_show_of_an_unknown_one(contracts: Contracts, db: list[str]) -> None:
    assert contracts("import", SHOP, *db).returncode == 0
    done = contracts("show", "shop", "--version", "9.9.9", *db)
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no contract 'shop' 9.9.9 in this database" in done.stderr
    both = contracts("show", "shop@1.0.0", "--version", "2.0.0", *db)
    assert "name two versions" in both.stderr
    assert "no contracts with 'unheard'" in contracts("list", "unheard", *db).stdout
    assert "run-nowhere" in contracts("list", "--run", "run-nowhere", *db).stderr


def test_what_is_kept_is_built_from_again(
    contracts: Contracts, capsys: pytest.CaptureFixture[str], tmp_path: Path, db: list[str]
) -> None:
    contracts("import", PETS, GRAPHQL, *db)

    def planned(reference: str) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["plan", "Build this pet store", "--contract", reference, "--json", *db])
        told = capsys.readouterr()
        return Done(ended.value.code, told.out, told.err)

    done = planned("petstore")
    assert done.returncode == 0, done.stderr
    [api] = [c for c in json.loads(done.stdout)["plan"]["contracts"] if c["id"] == "backend-api"]
    assert set(api["specification"]["paths"]) == set(yaml.safe_load(PETS.read_text())["paths"])
    assert "kind graphql" in planned("shop").stderr
    assert "there is no contract 'petstore' 9.9.9" in planned("petstore@9.9.9").stderr
    assert "--contract 'no.yaml' cannot be read" in planned("no.yaml").stderr
