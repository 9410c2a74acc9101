"""Our rules for proto contracts, held against buf."""

from dataclasses import replace

import pytest
from protobuf_cases import CASES, OLD, contract

from maestro.contracts.agree import agree
from maestro.contracts.amendment import amend
from maestro.contracts.comparison.protobuf import buf_program, compare_protobuf
from maestro.errors import Blocked


@pytest.mark.parametrize(("old", "new", "rule"), CASES)
def test_buf_says_nothing_that_ours_does_not(old: str, new: str, rule: str) -> None:
    assert buf_program() is not None, "the extra 'buf' is not installed"
    result = compare_protobuf(contract(OLD), contract(OLD.replace(old, new)))
    assert [str(c) for c in result.breaking if c.rule.startswith("buf-")] == []


def test_an_amendment_is_held_against_what_was_locked_by_buf_too() -> None:
    assert buf_program() is not None, "the extra 'buf' is not installed"
    locked = agree(replace(contract(OLD), consumers=("web",)))
    changed = replace(
        locked, specification=contract(OLD.replace("  int32 n = 2;\n", "")).specification
    )
    with pytest.raises(Blocked, match=r"need version 2\.0\.0") as refused:
        amend(locked, changed, ())
    assert any("field-removed" in reason for reason in refused.value.reasons)
    assert amend(locked, changed, {"web"}).version == "2.0.0"
