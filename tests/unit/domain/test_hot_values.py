"""Values without a lock at run time are values all the same."""

from dataclasses import FrozenInstanceError, dataclass, fields, replace

import pytest

from maestro.domain.hot_values import hot_dataclass


@hot_dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    name: str
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cold:
    name: str
    number: int = 0


def test_they_are_equal_and_hashed_by_what_they_hold() -> None:
    assert Hot(name="a") == Hot(name="a", number=0)
    assert Hot(name="a") != Hot(name="b")
    assert hash(Hot(name="a", number=1)) == hash(Cold(name="a", number=1))
    assert {Hot(name="a"): 1}[Hot(name="a")] == 1


def test_they_have_the_same_fields_and_places_for_no_others() -> None:
    assert [field.name for field in fields(Hot)] == [field.name for field in fields(Cold)]
    assert repr(replace(Hot(name="a"), number=2)) == "Hot(name='a', number=2)"
    with pytest.raises(AttributeError):
        Hot(name="a").other = 1  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        Hot("a")  # type: ignore[call-arg]


def test_only_the_type_checker_keeps_them_from_being_changed() -> None:
    """What is gained by it; the checker's word is in the comments that this test needs."""
    cold, hot = Cold(name="a"), Hot(name="a")
    with pytest.raises(FrozenInstanceError):
        cold.number = 1  # type: ignore[misc]
    hot.number = 1  # type: ignore[misc]
    assert hot.number == 1
