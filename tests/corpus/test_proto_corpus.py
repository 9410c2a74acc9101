"""Proto files that others wrote: each is served in every method, or refused with a reason."""

import asyncio
import os
import re
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc_provider import inventory_contract

from maestro.contracts.mocks.grpc.server import GrpcMock
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.protobuf.model import ProtobufModel, read_protobuf
from maestro.contracts.protobuf.sampling import MessageSampler
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall

CORPUS = Path(os.environ.get("MAESTRO_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
ROOTS = (CORPUS / "proto" / "grpc-proto", CORPUS / "proto" / "microcks")

REFUSED = {
    "storage.proto": "import 'google/iam/v1/iam_policy.proto' is not among",
    "stats.proto": "import 'grpc/core/stats.proto' is not among",
    "control.proto": "import 'grpc/core/stats.proto' is not among",
    "worker_service.proto": "import 'grpc/core/stats.proto' is not among",
}
"""Incomplete documents: what they lack lies in no folder of theirs, nor with Google's API types,
which come with the set-up.
"""

WITHOUT_SERVICE = "declares no service"


def documents() -> list[tuple[Path, Path]]:
    return [(root, path) for root in ROOTS for path in sorted(root.rglob("*.proto"))]


def contract_of(root: Path, path: Path) -> Contract:
    """The file with those it imports, under the paths by which it does."""
    files: dict[str, str] = {}
    waiting = [path.relative_to(root).as_posix()]
    while waiting:
        name = waiting.pop()
        place = root / name
        if name in files or not place.is_file():
            continue
        files[name] = place.read_text("utf-8")
        waiting += re.findall(r'^\s*import\s+(?:public\s+)?"([^"]+)"', files[name], re.M)
    contract: Contract = replace(inventory_contract(), specification={"files": files})
    return contract


def test_the_corpus_is_there() -> None:
    assert len(documents()) >= 20, f"no proto files below {CORPUS}; set MAESTRO_CORPUS"


@pytest.mark.parametrize(("root", "path"), documents(), ids=lambda value: value.name)
def test_every_method_answers_or_the_file_is_refused_with_a_reason(root: Path, path: Path) -> None:
    contract = contract_of(root, path)
    if path.name in REFUSED:
        with pytest.raises(InvalidInput, match=REFUSED[path.name]):
            read_protobuf(contract)
        return
    model = read_protobuf(contract)
    calls: list[RecordedCall] = []
    mock = GrpcMock(contract, MockBehaviour(), calls.append)
    if not model.methods:
        with pytest.raises(InvalidInput, match=WITHOUT_SERVICE):
            asyncio.run(_answered(mock, model))
        return
    asyncio.run(_answered(mock, model))
    assert len(calls) == len(model.methods)
    assert {call.status for call in calls} <= {0, 5}  # OK, or no entry of that id yet
    assert all(call.valid for call in calls)


async def _answered(mock: GrpcMock, model: ProtobufModel) -> None:
    sampler = MessageSampler(model)
    async with mock:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{mock.port}") as channel:
            for method in model.methods:
                raw = sampler.sample(method.request).SerializeToString()
                kind = model.message_class(method.reply)
                try:
                    async for reply in channel.unary_stream(method.path)(raw, timeout=20):
                        assert kind.FromString(reply).IsInitialized()
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.NOT_FOUND:
                        raise
