"""Interfaces are read without running them; stubs keep to what was read."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from maestro.contracts.mocks.interfaces.model import ParameterKind, TypeKind
from maestro.contracts.mocks.interfaces.reading import interface_model
from maestro.contracts.mocks.interfaces.stub import CALLS_VARIABLE, stub_module
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput

EXAMPLE = Path(__file__).parents[5] / "examples" / "contracts" / "pricing.py"

EVERYTHING = '''
import datetime
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, Protocol
from typing import TypedDict, Union
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum, auto

Sku = NewType("Sku", str)
Skus = list[Sku]

class Level(IntEnum):
    LOW = 1
    HIGH = 2

class Shade(StrEnum):
    DARK = auto()

class Odd(Exception): ...
class Odder(Odd): ...

class Row(TypedDict):
    sku: Sku
    level: Level

class Pair(NamedTuple):
    left: int
    right: float = 1.5

@dataclass
class Node:
    name: str
    children: "list[Node]"
    tags: tuple[str, ...] = ()
    seen: Optional[datetime.datetime] = None

class Store(Protocol):
    size: int

    @property
    def owner(self) -> str: ...

    def put(self, row: Row, /, *rest: int, deep: bool = False, **more: str) -> Node: ...
    def find(self, skus: Skus, level: Level = Level.LOW) -> dict[str, Pair]: ...
    def when(self, day: datetime.date | None = None) -> set[datetime.date]:
        """Tells the days.

        Raises:
            Odd: never seen.
            Odder, KeyError: on Sundays.
        """
    def kind(self, text: Literal["a", "b"], number: Annotated[int, "positive"]) -> Shade: ...
    async def all(self) -> "list[Union[Row, None]]": ...
'''


def contract(specification: dict[str, Any]) -> Contract:
    return Contract(
        id=ContractId("mine"),
        name="mine",
        kind=ContractKind.INTERFACE,
        version='1.0.0"""\nimport nothing_of_the_kind',
        provider="p",
        component="c",
        consumers=(),
        format=SpecificationFormat.INTERFACE,
        specification=specification,
        deliverables=(),
        acceptance=(),
    )


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a stub of a specification; its calls go to `calls.jsonl`."""
    monkeypatch.setenv(CALLS_VARIABLE, str(tmp_path / "calls.jsonl"))
    made: list[str] = []

    def load(specification: dict[str, Any], **options: Any) -> ModuleType:
        name = f"stub_under_test_{len(made)}"
        made.append(name)
        path = tmp_path / f"{name}.py"
        path.write_text(stub_module(contract(specification), **options), "utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield load
    for name in made:
        del sys.modules[name]


def test_every_construct_is_read() -> None:
    model = interface_model({"python": EVERYTHING, "module": "shop.store"}, name="mine")
    assert model.module == "shop.store"
    kinds = {entry.name: entry.kind for entry in model.types}
    assert kinds["Odder"] is TypeKind.EXCEPTION
    assert kinds["Row"] is TypeKind.TYPED_DICT
    assert kinds["Pair"] is TypeKind.NAMED_TUPLE
    methods = {method.name: method for method in model.methods}
    assert [p.kind for p in methods["put"].parameters] == [
        ParameterKind.POSITIONAL_ONLY, ParameterKind.REST, ParameterKind.KEYWORD_ONLY,
        ParameterKind.KEYWORD_REST,
    ]  # fmt: skip
    assert methods["when"].raises == ("Odd", "Odder", "KeyError")
    assert methods["when"].summary == "Tells the days."
    assert methods["find"].parameters[1].default == "Level.LOW"
    assert methods["size"].is_property
    assert methods["owner"].is_property
    assert methods["all"].is_async
    assert model.definitions["Shade"]["enum"] == ["dark"]


def test_a_stub_answers_everything_with_what_the_contract_promises(loaded: Any) -> None:
    stub = loaded({"python": EVERYTHING})
    store = stub.Store()
    assert isinstance(store.owner, str)
    assert isinstance(store.size, int)
    node = store.put({"sku": "a", "level": stub.Level.HIGH}, 1, 2, deep=True, colour="red")
    assert isinstance(node, stub.Node)
    assert isinstance(node.children, list)
    assert store.kind("a", 1) is stub.Shade.DARK
    assert isinstance(store.when(), set)
    assert all(isinstance(pair, stub.Pair) for pair in store.find(["a"]).values())
    rows = asyncio.run(store.all())
    assert rows == [] or rows[0] is None or isinstance(rows[0]["level"], stub.Level)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("s.kind('c', 1)", "text 'c' is none of"),
        ("s.kind('a', '1')", "number is str"),
        ("s.kind('a', True)", "number is bool"),
        ("s.find('text')", "skus is str"),
        ("s.find([1])", "skus[0] is int"),
        ("s.find([], 1)", "level is int, not Level"),
        ("s.when('2030-01-01')", "day is str"),
        ("s.put({'sku': 'a'})", "row.level is missing"),
        ("s.put({'sku': 'a', 'level': m.Level.LOW, 'x': 1})", "row.x is unknown"),
        ("s.put({'sku': 'a', 'level': m.Level.LOW}, 'x')", "rest[0] is str"),
        ("s.put({'sku': 'a', 'level': m.Level.LOW}, c=1)", "more.c is int"),
    ],
)
def test_arguments_outside_the_contract_are_type_errors_and_written_down(
    call: str, words: str, loaded: Any, tmp_path: Path
) -> None:
    stub = loaded({"python": EVERYTHING})
    name, _, rest = call.removeprefix("s.").partition("(")
    with pytest.raises(TypeError) as caught:
        _evaluated(stub, name, rest.removesuffix(")"))
    assert words in str(caught.value)
    line = json.loads((tmp_path / "calls.jsonl").read_text("utf-8"))
    assert (line["operation"], line["valid"], line["error"]) == (
        f"Store.{name}",
        False,
        "TypeError",
    )


def _evaluated(stub: ModuleType, name: str, arguments: str) -> Any:
    program = f"made = s.{name}({arguments})"
    scope: dict[str, Any] = {"s": stub.Store(), "m": stub}
    exec(program, scope)
    return scope["made"]


def test_the_same_seed_answers_the_same_and_documented_errors_come_on_demand(loaded: Any) -> None:
    source = {"python": EXAMPLE.read_text("utf-8")}
    one, other = loaded(source, seed=3), loaded(source, seed=3)
    assert str(one.Pricing().quote("a")) == str(other.Pricing().quote("a"))
    quote = one.Pricing().quote("AB-9", 4, currency=one.Currency.USD)
    assert (quote.sku, quote.quantity, quote.currency) == ("AB-9", 4, one.Currency.USD)
    one.PREFER["Pricing.quote"] = "UnknownProduct"
    with pytest.raises(one.UnknownProduct):
        one.Pricing().quote("a")


def test_a_document_of_methods_makes_functions_and_classes(loaded: Any) -> None:
    stub = loaded(
        {
            "methods": [
                {"name": "add", "parameters": [{"name": "a", "schema": {"type": "integer",
                 "maximum": 9}}, {"name": "b", "schema": {"type": "integer"}, "default": 2}],
                 "returns": {"type": "integer"}, "examples": [{"arguments": {}, "returns": 7}]},
                {"name": "run", "class": "Job", "returns": {"$ref": "#/$defs/R"}, "async": True,
                 "raises": ["Stuck", "KeyError"]},
            ],
            "$defs": {"R": {"type": "object", "required": ["ok"],
                            "properties": {"ok": {"type": "boolean"}}}},
        }
    )  # fmt: skip
    assert stub.add(1) == 7
    assert asyncio.run(stub.Job().run())["ok"] in (True, False)
    assert issubclass(stub.Stuck, Exception)
    with pytest.raises(TypeError, match="maximum"):
        stub.add(10)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("class A(Protocol:\n", "line 1"),
        ("x = 1", "no class derives from typing.Protocol"),
        ("class A: ...", "is no Protocol"),
        ("class A(Protocol):\n def f(self, x: Unknown): ...", "line 2, column 17"),
        ("class A(Protocol):\n def f(self) -> print('x'): ...", "is code, not a type"),
        ("class A(Protocol):\n def f(self) -> 'print(1)': ...", "is code, not a type"),
        ("class A(Protocol):\n def f(self, x: int = print(1)): ...", "is no plain value"),
        ("class A(Protocol):\n @cached\n def f(self): ...", "nothing is known of @cached"),
        ("class A(Protocol):\n def f(self) -> " + "list[" * 50 + "int" + "]" * 50 + ": ...",
         "nests too deep"),
        ("(" * 500 + ")" * 500, "mine"),
        ("\0", "null bytes"),
        ("A = list[B]\nB = list[A]\nclass P(Protocol):\n def f(self) -> A: ...", "nests too deep"),
    ],
)  # fmt: skip
def test_what_promises_nothing_clear_is_refused_with_its_place(source: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="contract 'mine'") as caught:
        interface_model({"python": source}, name="mine")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "specification",
    [
        {},
        {"methods": []},
        {"methods": ["f"]},
        {"methods": [{"name": "f()"}]},
        {"methods": [{"name": "import"}]},
        {"methods": [{"name": "f"}, {"name": "f"}]},
        {"methods": [{"name": "f", "parameters": [{"name": "x\ny"}]}]},
        {"methods": [{"name": "f", "parameters": [{"name": "x", "default": float("nan")}]}]},
        {"methods": [{"name": "f", "returns": {"type": "nonsense"}}]},
        {"methods": [{"name": "f", "raises": ["os.system('x')"]}]},
        {"methods": [{"name": "f", "class": "A:\n import os"}]},
        {"methods": [{"name": "f"}], "module": "a; import os"},
        {"python": "x", "module": "../up"},
    ],
)
def test_documents_that_could_smuggle_code_or_mean_nothing_are_refused(
    specification: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInput, match="contract 'mine'"):
        interface_model(specification, name="mine")


def test_reading_runs_nothing(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    source = f"open({str(trap)!r}, 'w')\nfrom typing import Protocol\n"
    source += "class A(Protocol):\n    def f(self) -> int:\n        open('x', 'w')\n"
    mine = replace(contract({"python": source}), version="1.0.0")
    text = stub_module(mine)
    assert not trap.exists()
    assert str(trap) not in text
