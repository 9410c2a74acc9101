"""What can be done about a run that stands still."""

import pytest

from maestro.cli.answering import onward
from maestro.cli.options import StoreOptions


@pytest.mark.parametrize(
    ("status", "planned", "not_built", "begins"),
    [
        ("succeeded", True, True, []),
        ("cancelled", True, False, []),
        ("paused", True, False, ["maestro runs resume run-1"]),
        ("failed", True, True, ["maestro runs resume run-1"]),
        ("blocked", True, False, ["maestro runs rework run-1", "maestro runs resume run-1"]),
        (
            "blocked",
            True,
            True,
            ["build again with --allow-partial", "maestro runs rework", "maestro runs resume"],
        ),
        ("blocked", False, False, ["say in the requirement what is missing"]),
    ],
)
def test_every_end_that_is_none_says_how_to_go_on(
    status: str, planned: bool, not_built: bool, begins: list[str]
) -> None:
    told = list(onward(status, "run-1", planned=planned, not_built=not_built, store=StoreOptions()))
    assert len(told) == len(begins)
    assert all(line.startswith(start) for line, start in zip(told, begins, strict=True))
