"""Texts made from regular expressions match them."""

import re

import pytest

from maestro.contracts.sampling.patterns import matching


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-z]{3}$",
        r"^\d{4}-\d{2}$",
        r"^(a|b)+c?$",
        r"^[^a-c]$",
        r"^\w+@\w+\.(com|org)$",
        r"^(?:x(y)z)\1$",
        r"^[\s]$",
        r"^.{0,4}$",
        r"^[A-F0-9]{8}(-[A-F0-9]{4}){3}$",
        r"a*",
        r"^[é-ü]$",
        "",
    ],
)
def test_the_text_matches(pattern: str) -> None:
    text = matching(pattern)
    assert text is not None
    assert re.search(pattern, text)


def test_repetitions_are_stretched() -> None:
    text = matching("^[a-z]+$", least=20)
    assert text is not None
    assert len(text) >= 20
    assert len(matching("^[a-z]{2,5}$", least=20) or "") == 5


@pytest.mark.parametrize("pattern", ["(", r"\p{Nothing}", "a{99999999}"])
def test_what_is_out_of_reach(pattern: str) -> None:
    assert matching(pattern) is None
