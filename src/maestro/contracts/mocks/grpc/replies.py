"""What a gRPC mock answers: entries it keeps, else samples that echo what was asked."""

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from maestro.contracts.mocks.grpc.state import GrpcState, copy_alike
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel
from maestro.contracts.protobuf.resources import GrpcResource
from maestro.contracts.protobuf.sampling import MessageSampler, is_whole

STREAMED = 3
"""Replies of a stream nobody asked a number of."""

_COUNTS = ("count", "lines", "received", "messages", "items", "number", "total", "total_count")


class GrpcReplies:
    """Replies of every kind of call."""

    def __init__(self, model: ProtobufModel, behaviour: MockBehaviour) -> None:
        self._sampler = MessageSampler(model, seed=behaviour.seed)
        self._state = GrpcState(model, self._sampler) if behaviour.stateful else None
        self._drawn = itertools.count() if behaviour.dynamic else None

    def reset(self) -> None:
        if self._state is not None:
            self._state.reset()

    def resources(self) -> Sequence[GrpcResource]:
        return self._state.resources() if self._state is not None else ()

    def start_with(self, entries: Mapping[str, Sequence[Any]]) -> None:
        if self._state is not None:
            self._state.start_with(entries)

    def to_one(self, method: GrpcMethod, request: Any) -> Any:
        """Raises GrpcRefusal where the state forbids it."""
        if self._state is not None and self._state.owns(method):
            return self._state.handle(method, request)[0]
        return self._sampled(method, request, 0)

    def stream(self, method: GrpcMethod, request: Any, items: int | None) -> Sequence[Any]:
        """Raises GrpcRefusal where the state forbids it."""
        if self._state is not None and self._state.owns(method):
            kept = self._state.handle(method, request)
            return kept if items is None else kept[:items]
        count = STREAMED if items is None else items
        return [self._sampled(method, request, number) for number in range(count)]

    async def to_each(
        self, method: GrpcMethod, requests: AsyncIterator[Any], items: int | None
    ) -> AsyncIterator[Any]:
        """One reply for each request; at most `items`."""
        number = 0
        async for request in requests:
            if items is not None and number >= items:
                return
            yield self._sampled(method, request, number)
            number += 1

    def to_all(self, method: GrpcMethod, requests: Sequence[Any]) -> Any:
        """A summary: counts count, totals add up."""
        made = self._sampled(method, requests[-1] if requests else None, 0)
        for field in made.DESCRIPTOR.fields:
            if not is_whole(field) or field.is_repeated:
                continue
            if field.name in _COUNTS:
                setattr(made, field.name, len(requests))
            elif field.name.startswith("total_"):
                total = _sum(requests, field.name.removeprefix("total_"))
                if total is not None:
                    setattr(made, field.name, total)
        return made

    def _sampled(self, method: GrpcMethod, request: Any | None, number: int) -> Any:
        drawn = next(self._drawn) if self._drawn is not None else 0
        made = self._sampler.sample(method.reply, variant=number + drawn)
        if request is not None:
            copy_alike(request, made)
        return made


def _sum(requests: Iterable[Any], name: str) -> int | None:
    values = []
    for request in requests:
        field = request.DESCRIPTOR.fields_by_name.get(name)
        if field is None or not is_whole(field) or field.is_repeated:
            return None
        values.append(int(getattr(request, name)))
    total = sum(values)
    return total if -(2**31) <= total < 2**31 else None
