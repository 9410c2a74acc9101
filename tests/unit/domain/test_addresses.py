"""The names of addresses."""

from dataclasses import replace

import pytest

from maestro.domain.addresses import address_variables, joined_variables
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId

CONTRACT = Contract(
    id=ContractId("orders"),
    name="Orders",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="order-service",
    consumers=(),
    format=SpecificationFormat.OPENAPI,
    specification={},
    deliverables=(),
    acceptance=(),
)


@pytest.mark.parametrize(
    ("kind", "url", "told"),
    [
        (ContractKind.REST, "http://h:1/api", {"API_URL_ORDER_SERVICE": "http://h:1/api"}),
        (ContractKind.GRAPHQL, "http://h:1", {"GRAPHQL_URL_ORDER_SERVICE": "http://h:1"}),
        (ContractKind.MESSAGE_QUEUE, "http://h:1", {"EVENTS_URL_ORDER_SERVICE": "http://h:1"}),
        (ContractKind.GRPC, "grpc://127.0.0.1:5", {"GRPC_ADDRESS_ORDER_SERVICE": "127.0.0.1:5"}),
        (ContractKind.INTERFACE, "", {}),
        (ContractKind.REST, "", {}),
    ],
)
def test_every_kind_has_a_variable_of_its_own(
    kind: ContractKind, url: str, told: dict[str, str]
) -> None:
    assert address_variables(replace(CONTRACT, kind=kind), url) == told


def test_import_paths_follow_one_another() -> None:
    parts = ({"PYTHONPATH": "/a", "X": "1"}, {"PYTHONPATH": "/b"}, {"Y": "2"})
    assert joined_variables(parts) == {"PYTHONPATH": "/a:/b", "X": "1", "Y": "2"}
