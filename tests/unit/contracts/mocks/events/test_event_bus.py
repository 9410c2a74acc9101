"""The bus inside one process lets pass what the contract allows, and counts who hears it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from maestro.contracts.mocks.events.bus import EventBus
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.reading import read_contract
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import RecordedCall

CONTRACT = read_contract(Path(__file__).parents[5] / "examples/contracts/orders.asyncapi.yaml")
QUOTE: dict[str, Any] = {
    "request_id": "q-1",
    "items": [{"product_id": 1, "quantity": 2, "price": 3.5}],
}
CANCELLED = {
    "event": "order_cancelled",
    "order_id": "ord-1",
    "cancelled_at": "2031-01-01T00:00:00Z",
}


def test_what_is_published_is_heard_in_order() -> None:
    async def run() -> list[Any]:
        bus = EventBus(CONTRACT)
        async with bus.listen("orders") as heard, bus.listen("orders/ord-2") as other:
            bus.publish("orders", CANCELLED)
            bus.play("orders", named="orderPaid")
            bus.publish("orders/ord-2", {**CANCELLED, "order_id": "ord-2"})
            first, second = await anext(heard), await anext(heard)
            third = await anext(other)
            return [(m.name, m.address, m.number) for m in (first, second, third)]

    assert asyncio.run(run()) == [
        ("orderCancelled", "orders", 1),
        ("orderPaid", "orders", 2),
        ("orderCancelled", "orders/ord-2", 1),
    ]


def test_what_breaks_the_contract_is_refused_recorded_and_not_heard() -> None:
    calls: list[RecordedCall] = []
    bus = EventBus(CONTRACT, record=calls.append, consumer="shop")

    async def run() -> str:
        async with bus.listen("orders") as heard:
            with pytest.raises(InvalidInput, match=r"orders: /order_id: .*\(pattern\)"):
                bus.publish("orders", {**CANCELLED, "order_id": "1"})
            bus.publish("orders", CANCELLED)
            order: str = (await anext(heard)).payload["order_id"]
            return order

    assert asyncio.run(run()) == "ord-1"
    assert [(c.protocol, c.valid, c.status, c.consumer) for c in calls] == [
        ("bus", False, 422, "shop"),
        ("bus", True, 202, "shop"),
    ]


def test_requests_are_answered_unless_somebody_else_answers() -> None:
    delivery = EventBus(CONTRACT).publish("quotes", QUOTE)
    assert delivery.reply is not None
    assert delivery.reply.payload["request_id"] == "q-1"
    assert EventBus(CONTRACT, answers=False).publish("quotes", QUOTE).reply is None


def test_a_listener_far_behind_is_told() -> None:
    async def run() -> int:
        bus = EventBus(CONTRACT)
        read = 0
        async with bus.listen("orders", limit=3) as slow, bus.listen("orders") as quick:
            for _ in range(5):
                bus.publish("orders", CANCELLED)
            with pytest.raises(Conflict, match="3 messages behind"):
                await anext(slow)
            for _ in range(5):
                await anext(quick)
                read += 1
        return read

    assert asyncio.run(run()) == 5


def test_unknown_addresses_and_silent_ones_are_told() -> None:
    bus = EventBus(CONTRACT)
    with pytest.raises(NotFound, match="/orders"):
        bus.publish("none", {})
    with pytest.raises(InvalidInput, match="sends no nothing"):
        bus.play("orders", named="nothing")


def test_the_same_seed_plays_the_same() -> None:
    def played(seed: int, *, dynamic: bool = False) -> list[Any]:
        bus = EventBus(CONTRACT, MockBehaviour(seed=seed, dynamic=dynamic))
        return [bus.play("orders").payload for _ in range(6)]

    assert played(1) == played(1)
    assert played(1) != played(2)
    assert played(1, dynamic=True) == played(1, dynamic=True)
