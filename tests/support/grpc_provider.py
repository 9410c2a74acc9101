"""A real gRPC provider of examples/contracts/inventory.proto, right or with one known fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection

from maestro.contracts.protobuf.model import ProtobufModel, protobuf_model
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat
from maestro.domain.values import ContractId

PROTO = Path(__file__).parents[2] / "examples" / "contracts" / "inventory.proto"
SERVICE = "shop.inventory.v1.InventoryService"

FAULTS = {
    "create_broken": "grpc_status",
    "create_without_id": "grpc_create_id",
    "create_refused": "grpc_entry_status",
    "same_id": "grpc_unique_id",
    "lost_write": "grpc_lost_write",
    "get_wrong_entry": "grpc_wrong_entry",
    "get_unknown_ok": "grpc_not_found",
    "get_unknown_internal": "grpc_status",
    "list_incomplete": "grpc_list_incomplete",
    "page_size_ignored": "grpc_page_size",
    "filter_ignored": "grpc_filter",
    "update_ignored": "grpc_lost_update",
    "delete_ineffective": "grpc_delete_ineffective",
    "method_missing": "grpc_method_missing",
    "stream_hangs": "grpc_deadline",
    "enum_out_of_range": "grpc_reply_shape",
    "unknown_field": "grpc_reply_shape",
    "wrong_type": "grpc_reply_shape",
    "reply_unreadable": "grpc_reply_unreadable",
    "empty_stream_broken": "grpc_status",
    "invalid_bytes_accepted": "grpc_invalid_bytes",
    "unknown_method_answered": "grpc_unknown_method",
    "descriptor_drifts": "grpc_descriptors",
}
"""Fault -> the rule that has to name it."""


def inventory_contract(text: str | None = None) -> Contract:
    return Contract(
        id=ContractId("inventory"),
        name="Inventory",
        kind=ContractKind.GRPC,
        version="1.0.0",
        provider="backend_developer",
        component="inventory",
        consumers=("frontend_developer",),
        format=SpecificationFormat.PROTOBUF,
        specification={"files": {"inventory.proto": text or PROTO.read_text("utf-8")}},
        deliverables=(),
        acceptance=(),
    )


class InventoryProvider:
    """Keeps items in a dict. Messages are read and written here, so that faults can be too."""

    def __init__(self, model: ProtobufModel, fault: str = "") -> None:
        assert not fault or fault in FAULTS
        self._model = model
        self._fault = fault
        self._items: dict[str, Any] = {}
        self._next = 0

    def service(self, details: Any) -> Any:
        method = self._model.method(details.method)
        if method is None:
            if self._fault == "unknown_method_answered":
                return grpc.unary_unary_rpc_method_handler(self._anything)
            return None
        if self._fault == "method_missing" and method.name == "ReceiveDelivery":
            return None
        streams = {
            "unary": grpc.unary_unary_rpc_method_handler,
            "server-stream": grpc.unary_stream_rpc_method_handler,
            "client-stream": grpc.stream_unary_rpc_method_handler,
            "bidi-stream": grpc.stream_stream_rpc_method_handler,
        }
        request = self._model.message_class(method.request)

        def read(raw: bytes) -> Any:
            if self._fault == "invalid_bytes_accepted" and raw.startswith(b"\xff"):
                return request()
            return request.FromString(raw)

        return streams[method.kind.value](
            getattr(self, method.name), request_deserializer=read, response_serializer=self._write
        )

    def make(self, kind: str, /, **values: Any) -> Any:
        full = f"shop.inventory.v1.{kind}"
        return self._model.message_class(self._model.pool.FindMessageTypeByName(full))(**values)

    async def CreateItem(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self._fault == "create_broken":
            raise RuntimeError("no space left")
        if self._fault == "create_refused":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "an item needs a colour")
        if self._fault != "same_id" or not self._next:
            self._next += 1
        item = self.make("Item")
        item.CopyFrom(request.item)
        item.id = f"i{self._next}"
        item.created_at.seconds = 1_800_000_000
        if self._fault == "lost_write":
            item.ClearField("quantity")
        if self._fault == "enum_out_of_range":
            item.status = 77
        self._items[item.id] = item
        if self._fault == "create_without_id":
            return self.make("Item", name=item.name)
        return item

    async def GetItem(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.id not in self._items:
            if self._fault == "get_unknown_ok":
                return self.make("Item")
            if self._fault == "get_unknown_internal":
                raise KeyError(request.id)
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        if self._fault == "get_wrong_entry":
            return self._items[min(self._items, key=lambda key: key == request.id)]
        return self._items[request.id]

    async def ListItems(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = list(self._items.values())
        if request.warehouse and self._fault != "filter_ignored":
            found = [item for item in found if item.warehouse == request.warehouse]
        if self._fault == "list_incomplete":
            found = found[:-2]
        start = int(request.page_token or 0)
        size = request.page_size or 2
        if self._fault == "page_size_ignored":
            size = 2
        page = found[start : start + size]
        token = str(start + size) if start + size < len(found) else ""
        return self.make(
            "ListItemsResponse", items=page, next_page_token=token, total_size=len(found)
        )

    async def UpdateItem(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.item.id not in self._items:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        item = self._items[request.item.id]
        if self._fault == "update_ignored":
            return item
        if request.update_mask.paths:
            request.update_mask.MergeMessage(request.item, item)
        else:
            item.CopyFrom(request.item)
        return item

    async def DeleteItem(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.id not in self._items:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
        if self._fault != "delete_ineffective":
            del self._items[request.id]
        empty = self._model.pool.FindMessageTypeByName("google.protobuf.Empty")
        return self._model.message_class(empty)()

    async def WatchStock(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        for number in range(2):
            yield self.make("StockChange", item_id=f"i{number}", difference=number + 1)

    async def ReceiveDelivery(self, requests: Any, context: Any) -> Any:  # noqa: N802
        lines = [line async for line in requests]
        if self._fault == "empty_stream_broken":
            return self.make("DeliverySummary", lines=len(lines), total_quantity=lines[0].quantity)
        total = sum(line.quantity for line in lines)
        return self.make("DeliverySummary", lines=len(lines), total_quantity=total)

    async def Reserve(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for line in requests:
            yield self.make("ReservationResult", sku=line.sku, quantity=line.quantity)
        if self._fault == "stream_hangs":
            await asyncio.Event().wait()

    async def _anything(self, raw: bytes, context: Any) -> bytes:
        return b""

    def _write(self, message: Any) -> bytes:
        raw: bytes = message.SerializeToString()
        if message.DESCRIPTOR.name == "DeliverySummary":
            if self._fault == "unknown_field":
                return raw + b"\x9a\x06\x01x"
            if self._fault == "wrong_type":
                return b"\x0a\x013"
            if self._fault == "reply_unreadable":
                return raw + b"\xff"
        return raw


@asynccontextmanager
async def provider(fault: str = "", *, reflects: bool = True) -> AsyncIterator[int]:
    """The port of a running provider."""
    text = PROTO.read_text("utf-8")
    model = protobuf_model({"files": {"inventory.proto": text}}, name="inventory")
    offered = model
    if fault == "descriptor_drifts":
        drifted = text.replace("int32 quantity = 5;", "string quantity = 5;")
        offered = protobuf_model({"files": {"inventory.proto": drifted}}, name="inventory")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((InventoryProvider(model, fault),))
    if reflects:
        reflection.enable_server_reflection((SERVICE,), server, pool=offered.pool)
    port = int(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)
