"""Words that show languages and skills, and words that do not."""

import pytest

from maestro.agents.vocabulary import asked_for


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("A FastAPI service with PostgreSQL.", {"python", "sql"}),
        ("Write it in C++, please", {"cpp"}),
        ("an ASP.NET backend in C#", {"csharp"}),
        ("Users go to the page", set()),
        ("a service written in Go", {"go"}),
        ("End-to-end tests", {"browser-testing"}),
        ("", set()),
    ],
)
def test_what_a_text_asks_for(text: str, terms: set[str]) -> None:
    assert asked_for(text) == terms


def test_a_skill_that_an_agent_made_up_counts_when_the_text_names_it() -> None:
    assert asked_for("Lay out the crop rotation", ("crop-rotation", "milking")) == {"crop-rotation"}
