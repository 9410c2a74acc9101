"""What a mock of a gRPC contract answers to each method, held against its descriptors."""

from collections.abc import Iterator

from google.protobuf.message import DecodeError, EncodeError

from maestro.contracts.protobuf.model import GrpcMethod, ProtobufModel, read_protobuf
from maestro.contracts.protobuf.sampling import MessageSampler
from maestro.domain.contract import Contract


def fitting_replies(contract: Contract) -> Iterator[bool]:
    """Raises InvalidInput for a contract that cannot be compiled."""
    model = read_protobuf(contract)
    sampler = MessageSampler(model)
    for method in model.methods:
        yield _fits(model, method, sampler)


def _fits(model: ProtobufModel, method: GrpcMethod, sampler: MessageSampler) -> bool:
    """Whole, and the same when it has been over the wire."""
    made = sampler.sample(method.reply)
    try:
        read = model.message_class(method.reply).FromString(made.SerializeToString())
    except (DecodeError, EncodeError, ValueError):
        return False
    return bool(made.IsInitialized() and read == made)
