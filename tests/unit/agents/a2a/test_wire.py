"""Assignments come back from JSON as they were, but for what is nobody else's business."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.executors.a2a.wire import (
    RemoteDelivery,
    RemoteLease,
    RemoteOrder,
    delivery_text,
    order_text,
    read_delivery,
    read_document,
    read_order,
)
from maestro.agents.executors.outside.claims import Claims
from maestro.agents.executors.outside.files import TreeFile
from maestro.domain.work import Usage
from maestro.errors import InvalidInput

SUPPORT = Path(__file__).parents[3] / "data" / "support" / "builds.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("support_builds", SUPPORT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load()


@pytest.mark.parametrize("persona", builds.SUPPORT)
def test_an_order_is_read_as_it_was_written(persona: str) -> None:
    assignment = builds.assignment_of(persona, builds.SHOP)
    order = RemoteOrder(
        lease=RemoteLease.of(assignment),
        assignment=replace(assignment, failed_agents=("somebody",)),
        upstream=(TreeFile(path="a/b", content=b"\xff\x00", executable=True),),
    )
    read = read_order(read_document(order_text(order)))
    assert read == replace(order, assignment=replace(assignment, failed_agents=()))


def test_large_numbers_of_a_contract_stay_exact() -> None:
    assignment = builds.assignment_of("qa_engineer", builds.SHOP)
    bound = 2**63 - 1
    contract = replace(assignment.provides[0], specification={"maximum": bound, "a": 0.1})
    order = RemoteOrder(
        lease=RemoteLease.of(assignment), assignment=replace(assignment, provides=(contract,))
    )
    read = read_order(read_document(order_text(order)))
    assert read.assignment.provides[0].specification == {"maximum": bound, "a": 0.1}


def test_a_delivery_is_for_one_lease_only() -> None:
    assignment = builds.assignment_of("solution_architect", builds.SHOP)
    lease, later = RemoteLease.of(assignment), RemoteLease.of(assignment)
    claims = Claims(summary="done", usage=Usage(model_calls=2, cost=None))
    delivery = RemoteDelivery(files=(TreeFile(path="docs/x", content=b"y"),), claims=claims)
    document = read_document(delivery_text(lease, delivery))
    assert read_delivery(document, lease, ("docs/",)) == delivery
    with pytest.raises(InvalidInput, match="token of the leased attempt"):
        read_delivery(document, later, ("docs/",))


def test_a_cost_that_is_not_told_is_unknown_and_not_zero() -> None:
    assignment = builds.assignment_of("solution_architect", builds.SHOP)
    lease = RemoteLease.of(assignment)
    text = delivery_text(lease, RemoteDelivery(files=(), claims=Claims(summary="")))
    document = {**json.loads(text), "result": {"summary": "done"}}
    assert read_delivery(document, lease, ()).claims.usage.cost is None
