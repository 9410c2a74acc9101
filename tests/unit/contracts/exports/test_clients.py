"""Clients out of contracts: names, types and what is refused."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from maestro.contracts.exports.client_names import Names, camel, one_line, pascal, snake
from maestro.contracts.exports.python_client import python_client
from maestro.contracts.exports.typescript_client import typescript_client
from maestro.contracts.reading import read_contract
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

ROOT = Path(__file__).parents[4]
HOSTILE = ROOT / "tests" / "data" / "exports" / "hostile.yaml"
SHOP = ROOT / "examples" / "contracts" / "shop.yaml"


def python_files(contract: Contract) -> dict[str, str]:
    return {path: text.decode() for path, text in python_client(contract).files.items()}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("listPets", ("list_pets", "listPets", "ListPets")),
        ("list-pets!", ("list_pets", "listPets", "ListPets")),
        ("HTTPServer2", ("http_server_2", "httpServer2", "HttpServer2")),
        ("2fast", ("x_2_fast", "x2Fast", "T2Fast")),
        ("日本", ("unnamed", "unnamed", "Unnamed")),
        ("été", ("ete", "ete", "Ete")),
        ("'); drop", ("drop", "drop", "Drop")),
    ],
)
def test_names(text: str, names: tuple[str, str, str]) -> None:
    assert (snake(text), camel(text), pascal(text)) == names


def test_names_are_given_once() -> None:
    names = Names({"class"})
    assert [names.take("class"), names.take("class"), names.take("Pet"), names.take("Pet")] == [
        "class_2", "class_3", "Pet", "Pet2",
    ]  # fmt: skip


def test_texts_stay_in_their_line() -> None:
    assert one_line("a\n\tb\u2028c\x00") == "a b c"
    assert len(one_line("x" * 500)) == 200


def test_hostile_names_become_python() -> None:
    files = python_files(read_contract(HOSTILE))
    for path, text in files.items():
        if path.endswith(".py"):
            ast.parse(text)
    tree = ast.parse(files["hostile_client/client.py"])
    client = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    methods = [node.name for node in client.body if isinstance(node, ast.AsyncFunctionDef)]
    assert len(methods) == len(set(methods)) == 8
    assert not {"class", "aclose"} & set(methods)
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "os.system" not in {ast.unparse(call) for call in calls}


def test_hostile_texts_do_not_end_comments() -> None:
    files = typescript_client(read_contract(HOSTILE)).files
    for line in files["index.d.mts"].decode().splitlines():
        if "/**" in line:
            assert line.count("*/") == 1
            assert line.rstrip().endswith("*/")
    assert "\u2028" not in files["index.mjs"].decode()


def test_types_follow_the_schemas() -> None:
    python = python_files(read_contract(SHOP))
    assert (
        "class ProductPage(TypedDict):\n    items: list[Product]" in python["shop_client/models.py"]
    )
    assert "description: NotRequired[str | None]" in python["shop_client/models.py"]
    client = python["shop_client/client.py"]
    assert "async def get_product(\n        self,\n        *,\n        product_id: int," in client
    assert "body: models.ProductCreate," in client
    declared = typescript_client(read_contract(SHOP)).files["index.d.mts"].decode()
    assert 'export type Category = "kitchen" | "office" | "outdoor" | "toys";' in declared
    assert "getProduct(values: { productId: number }" in declared


def test_the_readme_says_how_each_function_is_called() -> None:
    contract = read_contract(SHOP)
    python = python_client(contract).files["README.md"].decode()
    assert (
        "| `replace_product(product_id=..., body=...)` | `PUT /products/{product_id}` |" in python
    )
    assert "| `list_products()` |" in python
    typescript = typescript_client(contract).files["README.md"].decode()
    assert "| `replaceProduct({ productId, body })` |" in typescript
    assert "| `listProducts()` |" in typescript


def test_the_same_contract_makes_the_same_files() -> None:
    contract = read_contract(SHOP)
    for export in (python_client, typescript_client):
        assert export(contract).files == export(contract).files


def test_other_contracts_are_refused() -> None:
    contract = read_contract(SHOP)
    for export in (python_client, typescript_client):
        with pytest.raises(InvalidInput, match="clients are made from OpenAPI"):
            export(replace(contract, format=SpecificationFormat.GRAPHQL))
        with pytest.raises(InvalidInput, match="has no usable operation"):
            export(replace(contract, specification={"openapi": "3.1.0", "paths": {}}))
