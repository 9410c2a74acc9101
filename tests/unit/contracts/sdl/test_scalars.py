import pytest
from graphql import GraphQLScalarType
from hypothesis import given, settings
from hypothesis import strategies as st

from maestro.contracts.sdl.scalars import _KINDS, fits, sample_of, scalar_kind
from maestro.contracts.sdl.values import text

KINDS = sorted(set(_KINDS.values()) - {"text"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_sample_fits_its_own_kind(kind: str) -> None:
    assert all(fits(kind, sample_of(kind, number)) for number in (*range(400), 10**6))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DateTime", "date-time"),
        ("GraphQLDateTime", "date-time"),
        ("UUID", "uuid"),
        ("JSON", "json"),
        ("JSONObject", "object"),
        ("BigInt", "integer"),
        ("Decimal", "decimal"),
        ("EmailAddress", "email"),
        ("URL", "url"),
        ("Gizmo", "text"),
    ],
)
def test_a_well_known_name_has_its_kind(name: str, kind: str) -> None:
    assert scalar_kind(GraphQLScalarType(name)) == kind


def test_specified_by_tells_what_a_name_does_not() -> None:
    url = "https://www.rfc-editor.org/rfc/rfc4122"
    assert scalar_kind(GraphQLScalarType("Handle", specified_by_url=url)) == "uuid"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date-time", "yesterday"),
        ("date-time", "2030-01-15"),
        ("date", "2030-02-30"),
        ("uuid", "123"),
        ("integer", 1.5),
        ("integer", True),
        ("decimal", "NaN"),
        ("email", "ada"),
        ("url", "not a url"),
        ("object", []),
        ("base64", "%"),
        ("ipv6", "192.0.2.1"),
    ],
)
def test_a_wrong_value_does_not_fit(kind: str, value: object) -> None:
    assert not fits(kind, value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.recursive(st.none() | st.booleans() | st.floats() | st.text(),
       lambda inner: st.lists(inner, max_size=2)))  # fmt: skip
def test_no_value_breaks_a_check(kind: str, value: object) -> None:
    assert fits(kind, value) in (True, False)


def test_texts_suit_their_names() -> None:
    assert text("User", "name", 0) == "Ada Lovelace"
    assert text("Product", "name", 0) == "Oak desk"
    assert "@" in text("User", "email", 3)
    assert text("Ship", "callSign", 1) == "Call sign 2"
