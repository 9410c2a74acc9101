from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.comparison import compare
from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.graphql import compare_sdl
from maestro.contracts.reading import read_contract
from maestro.errors import InvalidInput

SHOP = Path(__file__).parents[4] / "examples" / "contracts" / "shop.graphql"
FIRST = """
schema { query: Query mutation: Mutation }
scalar Day @specifiedBy(url: "https://example.com/day")
interface Named { name: String }
type Query { product(id: ID!, locale: String = "en"): Product all: [Found!]! }
type Mutation { create(input: Input!): Product rename(id: ID!, name: String): Product }
type Product implements Named { id: ID! name: String price: Float size: Size day: Day }
type Shop { id: ID! }
type Place { id: ID! }
union Found = Product | Shop
enum Size { SMALL LARGE }
enum Order { UP DOWN }
input Input { name: String! order: Order = UP }
"""

BREAKING, DANGEROUS, COMPATIBLE = ChangeKind


@pytest.mark.parametrize(
    ("old", "new", "kind", "rule", "pointer"),
    [
        ("price: Float ", "", BREAKING, "field-removed", "Product.price"),
        ("price: Float", "price: String", BREAKING, "field-changed-kind", "Product.price"),
        ("id: ID! name", "id: ID name", BREAKING, "field-changed-kind", "Product.id"),
        ("all: [Found!]!", "all: [Found!]", BREAKING, "field-changed-kind", "Query.all"),
        ("type Place { id: ID! }", "", BREAKING, "type-removed", "Place"),
        ("type Place {", "interface Place {", BREAKING, "type-changed-kind", "Place"),
        ("Found = Product | Shop", "Found = Product", BREAKING, "type-removed-from-union",
         "Found.Shop"),
        ("SMALL LARGE", "SMALL", BREAKING, "value-removed-from-enum", "Size.LARGE"),
        ("input Input {", "input Input { sku: ID!", BREAKING, "required-input-field-added",
         "Input.sku"),
        (", name: String)", ")", BREAKING, "arg-removed", "Mutation.rename(name:)"),
        ("rename(id: ID!", "rename(id: Int!", BREAKING, "arg-changed-kind", "Mutation.rename(id:)"),
        ("rename(", "rename(why: ID!, ", BREAKING, "required-arg-added", "Mutation.rename(why:)"),
        ("name: String)", "name: String!)", BREAKING, "arg-changed-kind",
         "Mutation.rename(name:)"),
        ("implements Named ", "", BREAKING, "implemented-interface-removed", "Product"),
        (" mutation: Mutation", "", BREAKING, "root-type-removed", "schema.mutation"),
        ("input Input {", "input Input @oneOf {", BREAKING, "", "Input"),
        ("SMALL LARGE", "SMALL LARGE HUGE", DANGEROUS, "value-added-to-enum", "Size.HUGE"),
        ("Product | Shop", "Product | Shop | Place", DANGEROUS, "type-added-to-union",
         "Found.Place"),
        ("input Input {", "input Input { sku: ID", DANGEROUS, "optional-input-field-added",
         "Input.sku"),
        ("rename(", "rename(why: ID, ", DANGEROUS, "optional-arg-added", "Mutation.rename(why:)"),
        ("\"en\"", "\"de\"", DANGEROUS, "arg-default-value-change", "Query.product(locale:)"),
        ("order: Order = UP", "order: Order = DOWN", DANGEROUS,
         "input-field-default-value-change", "Input.order"),
        ("example.com/day", "example.com/other", DANGEROUS, "scalar-specified-otherwise", "Day"),
        ("UP DOWN", "UP DOWN BOTH", COMPATIBLE, "value-added-to-enum", "Order.BOTH"),
        ("price: Float", "price: Float!", COMPATIBLE, "field-changed-kind-safe", "Product.price"),
        ("rename(id: ID!", "rename(id: ID", COMPATIBLE, "arg-changed-kind-safe",
         "Mutation.rename(id:)"),
        ("type Shop {", "type Shop { open: Boolean", COMPATIBLE, "field-added", "Shop.open"),
        ("type Shop {", "type New { id: ID } type Shop {", COMPATIBLE, "type-added", "New"),
        ("price: Float", "price: Float @deprecated(reason: \"dear\")", COMPATIBLE,
         "deprecation-added", "Product.price"),
    ],
)  # fmt: skip
def test_a_change_has_its_kind_rule_and_place(
    old: str, new: str, kind: ChangeKind, rule: str, pointer: str
) -> None:
    assert old in FIRST
    later = FIRST.replace(old, new, 1)
    if "@oneOf" in later:
        later = later.replace("name: String! order: Order = UP", "name: String order: Order")
    if kind is BREAKING and rule == "root-type-removed":
        later = later.replace("type Mutation", "type Unused")
    changes = compare_sdl(FIRST, later).changes
    assert [c for c in changes if c.kind is kind and rule in c.rule and c.pointer == pointer]
    assert changes[0].kind is kind  # nothing worse is claimed


def test_types_are_told_before_and_after_with_the_operation() -> None:
    later = FIRST.replace("all: [Found!]!", "all: [Product!]!")
    (change,) = compare_sdl(FIRST, later).breaking
    assert (change.operation, change.before, change.after) == ("Query.all", "[Found!]!",
        "[Product!]!")  # fmt: skip


def test_nothing_differs_from_itself_whatever_the_order_and_the_words() -> None:
    contract = read_contract(SHOP)
    assert compare(contract, contract).changes == ()
    swapped = FIRST.replace("SMALL LARGE", "LARGE SMALL") + '"""Words."""\ntype Extra { id: ID }'
    found = compare_sdl(FIRST + "type Extra { id: ID }", swapped)
    assert found.changes == ()
    assert found.edited


def test_a_text_that_is_no_schema_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match=r"the later schema .*line 1, column 14"):
        compare_sdl(FIRST, "type Query { ")


FIELDS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["Int", "Int!", "[Int]", "[Int!]!", "String"]),
    min_size=1,
)


def _sdl(outputs: dict[str, str], inputs: dict[str, str]) -> str:
    fields = " ".join(f"{name}: {kind}" for name, kind in outputs.items())
    given_fields = " ".join(f"{name}: {kind}" for name, kind in inputs.items())
    return f"type Query {{ it(of: In): Out }} type Out {{ {fields} }} input In {{ {given_fields} }}"


@settings(max_examples=60, deadline=None)
@given(FIELDS, FIELDS, st.sampled_from(["a", "b", "c", "d"]))
def test_more_in_a_reply_never_breaks_and_less_always_does(
    outputs: dict[str, str], inputs: dict[str, str], name: str
) -> None:
    wide = {**outputs, name: "Int!"}
    narrow = {n: k for n, k in wide.items() if n != name} or {"z": "Int"}
    forward = compare_sdl(_sdl(narrow, inputs), _sdl({**narrow, **wide}, inputs))
    assert forward.breaking == ()
    assert compare_sdl(_sdl(wide, inputs), _sdl(narrow, inputs)).breaking


@settings(max_examples=60, deadline=None)
@given(FIELDS, FIELDS, st.sampled_from(["a", "b", "c", "d"]))
def test_a_request_that_needs_less_never_breaks_and_one_that_needs_more_always_does(
    outputs: dict[str, str], inputs: dict[str, str], name: str
) -> None:
    strict, lenient = {**inputs, name: "Int!"}, {**inputs, name: "Int"}
    assert compare_sdl(_sdl(outputs, strict), _sdl(outputs, lenient)).breaking == ()
    assert compare_sdl(_sdl(outputs, lenient), _sdl(outputs, strict)).breaking
