"""What breaks whoever listens, and whoever speaks."""

import copy
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.asyncapi.document import from_object
from maestro.contracts.comparison.changes import ChangeKind
from maestro.contracts.comparison.events import compare_asyncapi
from maestro.contracts.reading import read_contract

SOURCE: Any = read_contract(
    Path(__file__).parents[4] / "examples/contracts/orders.asyncapi.yaml"
).specification
MESSAGES = "components.messages"
CHANNELS = "channels"
GONE = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    made: Any = copy.deepcopy(SOURCE)
    *heads, last = path.split(".")
    target = made
    for head in heads:
        target = target[int(head) if isinstance(target, list) else head]
    key = int(last) if isinstance(target, list) else last
    if value is GONE:
        del target[key]
    else:
        target[key] = value
    result: dict[str, Any] = made
    return result


def verdict(old: Any, new: Any) -> tuple[str, set[str]]:
    found = compare_asyncapi(from_object(old), from_object(new))
    return found.kind.value, {c.rule for c in found.changes}


PAID = "components.messages.orderPaid.payload"
CANCEL = "components.messages.cancelOrder.payload"
CASES = [
    # forwards, backwards, rule forwards
    (f"{PAID}.properties.note", {"type": "string"}, "breaking", "dangerous", "sent-property-added"),
    (f"{PAID}.required.4", GONE, "breaking", "compatible", "sent-property-became-optional"),
    (f"{CANCEL}.required.1", GONE, "compatible", "breaking", None),
    (f"{CANCEL}.properties.reason.maxLength", 100, "breaking", "compatible", None),
    (f"{PAID}.properties.method.enum.2", GONE, "compatible", "breaking", None),
    ("operations.publishOrderEvents.messages.2", GONE, "breaking", "dangerous",
     "sent-message-removed"),
    ("operations.takeCancellation", GONE, "breaking", "compatible", "received-message-removed"),
    ("operations.publishOrderEvents", GONE, "breaking", "breaking", "operations-removed"),
    ("operations.giveQuote.reply", GONE, "breaking", "compatible", "reply-removed"),
    ("channels.orders.address", "all-orders", "breaking", "breaking", "address-changed"),
    ("servers.events.protocol", "wss", "breaking", "breaking", "server-protocol-changed"),
    ("components.messages.quoteGiven.correlationId.location", "$message.payload#/id", "breaking",
     "breaking", "reply-correlation-changed"),
    ("components.messages.cancelOrder.contentType", "text/plain", "breaking", "breaking",
     "received-content-type-changed"),
    ("channels.order.parameters.orderId.enum", ["ord-1"], "breaking", "compatible", None),
    ("channels.orders.bindings", {"ws": {"query": {"type": "object"}}}, "dangerous", "dangerous",
     "binding-changed"),
]  # fmt: skip


def test_the_same_document_differs_in_nothing() -> None:
    found = compare_asyncapi(from_object(SOURCE), from_object(copy.deepcopy(SOURCE)))
    assert found.changes == ()
    assert not found.edited


def test_descriptions_are_edits_only() -> None:
    found = compare_asyncapi(from_object(SOURCE), from_object(changed("info.title", "Other")))
    assert found.changes == ()
    assert found.edited


@pytest.mark.parametrize(
    ("path", "value", "kind", "back", "rule"), CASES, ids=[c[0] for c in CASES]
)
def test_direction_decides(path: str, value: Any, kind: str, back: str, rule: str | None) -> None:
    new = changed(path, value)
    forwards, rules = verdict(SOURCE, new)
    assert forwards == kind, rules
    assert rule is None or rule in rules, rules
    backwards, others = verdict(new, SOURCE)
    assert backwards == back, others


def test_names_of_the_document_are_not_on_the_wire() -> None:
    new = copy.deepcopy(SOURCE)
    new["operations"]["tellAll"] = new["operations"].pop("publishOrderEvents")
    parameters = new["channels"]["order"]["parameters"]
    parameters["id"] = parameters.pop("orderId")
    new["channels"]["order"]["address"] = "orders/{id}"
    assert verdict(SOURCE, new) == ("compatible", set())


def test_a_renamed_message_is_no_removal() -> None:
    new = changed(f"{CHANNELS}.orders.messages.orderSettled", {"$ref": "#/components/messages/x"})
    new["components"]["messages"]["x"] = copy.deepcopy(new["components"]["messages"]["orderPaid"])
    del new["channels"]["orders"]["messages"]["orderPaid"]
    new["operations"]["publishOrderEvents"]["messages"][1] = {
        "$ref": "#/channels/orders/messages/orderSettled"
    }
    assert verdict(SOURCE, new) == ("dangerous", {"sent-message-renamed"})


def test_pointers_lead_into_the_later_document() -> None:
    new = changed(f"{CANCEL}.properties.reason.maxLength", 100)
    found = compare_asyncapi(from_object(SOURCE), from_object(new)).of_kind(ChangeKind.BREAKING)
    assert [c.operation for c in found] == ["/orders/{orderId}"]
    assert found[0].pointer.startswith("/components/messages/cancelOrder/payload/properties/reason")


def test_schemas_that_cannot_be_judged_are_dangerous() -> None:
    avro = {"schemaFormat": "application/vnd.apache.avro;version=1.9.0", "schema": {"type": "int"}}
    old = changed(PAID, avro)
    new = changed(PAID, {**avro, "schema": {"type": "long"}})
    assert verdict(old, new) == ("dangerous", {"sent-message-changed"})
