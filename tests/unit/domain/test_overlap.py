import pytest
from hypothesis import given
from hypothesis import strategies as st

from maestro.domain.overlap import may_meet

SEGMENTS = st.lists(st.text("ab.", min_size=1, max_size=3), min_size=1, max_size=4)


@st.composite
def _loosened(draw: st.DrawFn, segments: list[str]) -> str:
    """A pattern that the path fits, by construction."""
    pieces: list[str] = []
    for segment in segments[:-1]:
        pieces.append(draw(st.sampled_from([f"{segment}/", "*/", "**/", f"{segment[0]}*/"])))
    last = segments[-1]
    pieces.append(draw(st.sampled_from([last, "*", "**", f"{last[:-1]}?", f"*{last[-1]}"])))
    return draw(st.sampled_from(["", "**/"])) + "".join(pieces)


@given(st.data(), SEGMENTS)
def test_patterns_that_fit_one_path_meet(data: st.DataObject, segments: list[str]) -> None:
    one, other = data.draw(_loosened(segments)), data.draw(_loosened(segments))
    assert may_meet(one, other)
    assert may_meet(one, "/".join(segments))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("README.md", "readme.md"),
        ("backend/app/**/*.py", "backend/migrations/versions/*.py"),
        ("frontend/css/*.css", "frontend/js/**/*.js"),
        ("docs/*.md", "docs/api/index.md"),
        ("a?", "a"),
        ("a?b", "a/b"),
        ("**/test_*.py", "app/main.py"),
        ("*", "a/b"),
    ],
)
def test_patterns_without_a_common_path(one: str, other: str) -> None:
    assert not may_meet(one, other)
    assert not may_meet(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("docs/**", "docs/api/*.md"),
        ("**/*.py", "app/main.py"),
        ("app/**/main.py", "app/main.py"),
        ("*.md", "R*"),
        ("", ""),
    ],
)
def test_patterns_with_a_common_path(one: str, other: str) -> None:
    assert may_meet(one, other)
    assert may_meet(other, one)


def test_a_hostile_pattern_ends() -> None:
    assert not may_meet("**/*a" * 200, "**/*b" * 200 + "c")
