"""A provider with one fault after the other: each is caught, and the clean provider draws nothing.

A sample of the faults here; `make test-faults` (SEEDED_FAULTS=all) plays all of them, and some with
the generated requests, too.
"""

import json
import os

import pytest
from shop import PROVIDERS, SHOP, verified

from maestro.contracts.verification.provider import VerificationOptions

FAULTS: dict[str, str] = json.loads((PROVIDERS / "faults.json").read_text("utf-8"))
WHOLE = os.environ.get("SEEDED_FAULTS") == "all"
BLAMED = {
    "auth_absent": ("ignored_auth", "DELETE /products/{product_id}"),
    "create_status": ("status_code_conformance", "POST /products"),
    "cursor_loses_entry": ("pages_join", "GET /orders"),
    "delete_kept": ("delete_deletes", "DELETE /products/{product_id}"),
    "filter_ignored": ("filter_narrows", "GET /products"),
    "idempotency_ignored": ("idempotency_kept", "POST /orders"),
    "lost_write": ("change_kept", "PATCH /products/{product_id}"),
    "over_strict_body": ("positive_data_acceptance", "POST /products"),
    "path_validation_absent": ("negative_data_rejection", "GET /products/{product_id}"),
    "race_on_create": ("unique_at_once", "POST /products"),
    "update_changes_all": ("change_kept", "PATCH /orders/{order_id}"),
}
"""The only rule and operation that may be named; in the sample."""
REQUESTS = 2600
"""The most that a verification sends: its time must stay one that a person waits for."""


def test_there_are_faults_enough() -> None:
    assert len(FAULTS) >= 30
    assert set(BLAMED) <= set(FAULTS)


@pytest.mark.parametrize("fault", list(BLAMED) if WHOLE else list(BLAMED)[::2])
def test_a_fault_is_caught_and_nothing_else_is_blamed(fault: str) -> None:
    outcome = verified(SHOP, fault)
    assert {(f.rule, f.operation) for f in outcome.errors} == {BLAMED[fault]}
    assert not outcome.conforms
    for finding in outcome.errors:
        assert finding.expected
        assert finding.seen
        assert "curl " in finding.reproduce


@pytest.mark.parametrize("fault", ["", *FAULTS] if WHOLE else ["", *list(FAULTS)[::8]])
def test_every_fault_is_caught_by_trials_alone(fault: str) -> None:
    outcome = verified(SHOP, fault)
    assert bool(outcome.errors) == bool(fault), outcome.findings
    assert outcome.conforms != bool(fault)
    assert outcome.requests <= REQUESTS


@pytest.mark.parametrize("fault", list(FAULTS)[::6] if WHOLE else list(FAULTS)[:1])
def test_generated_requests_change_nothing_of_it(fault: str) -> None:
    outcome = verified(SHOP, fault, options=VerificationOptions())
    assert outcome.errors
    assert outcome.requests <= REQUESTS
