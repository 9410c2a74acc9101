"""Our rules for proto contracts, held against buf."""

import pytest
from protobuf_cases import CASES, OLD, contract

from maestro.contracts.comparison.protobuf import buf_program, compare_protobuf


@pytest.mark.parametrize(("old", "new", "rule"), CASES)
def test_buf_says_nothing_that_ours_does_not(old: str, new: str, rule: str) -> None:
    assert buf_program() is not None, "the extra 'buf' is not installed"
    result = compare_protobuf(contract(OLD), contract(OLD.replace(old, new)))
    assert [str(c) for c in result.breaking if c.rule.startswith("buf-")] == []
