"""Whether the examples of a contract that is not REST fit it.

Where the document shows none for an operation or message, its example is what our mock answers
there, as that is what consumers were built on. Each is held against the contract by something that
did not make it.
"""

from collections.abc import Callable, Iterator

from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput


def fitting_examples(contract: Contract) -> tuple[bool, ...]:
    """One entry per example: whether it fits. Empty for formats without operations. Blocks."""
    examine = _EXAMPLES.get(contract.format)
    return tuple(examine(contract)) if examine is not None else ()


def _asyncapi(contract: Contract) -> Iterator[bool]:
    from maestro.contracts.asyncapi.document import from_object  # noqa: PLC0415 - only for its kind
    from maestro.contracts.asyncapi.events import events_of  # noqa: PLC0415 - only for its kind
    from maestro.contracts.asyncapi.samples import EventSampler  # noqa: PLC0415 - only for its kind

    model = events_of(from_object(contract.specification, name=contract.id))
    for message in (message for channel in model.channels for message in channel.messages):
        if message.unverifiable:
            continue
        sampler = EventSampler(message)
        unfit = len(list(sampler.unfit_examples()))
        yield from [False] * unfit + [True] * (len(message.examples) - unfit)
        if not message.examples:
            yield _made(sampler.sample)


def _interface(contract: Contract) -> Iterator[bool]:
    from maestro.contracts.mocks.interfaces.reading import (  # noqa: PLC0415 - only for its kind
        read_interface,
    )
    from maestro.contracts.openapi.bundling import compiled  # noqa: PLC0415 - only for its kind
    from maestro.contracts.samples import Sampler  # noqa: PLC0415 - only for its kind

    model = read_interface(contract)
    for method in model.methods:
        returns = model.whole(method.returns)
        shown = [example["returns"] for example in method.examples if "returns" in example]
        yield from (bool(compiled(returns).is_valid(value)) for value in shown)
        if not shown:
            yield _made(Sampler(returns, name=method.name).sample)


def _graphql(contract: Contract) -> Iterator[bool]:
    from maestro.contracts.verification.graphql_examples import (  # noqa: PLC0415 - only for its kind
        fitting_answers,
    )

    yield from fitting_answers(contract)


def _protobuf(contract: Contract) -> Iterator[bool]:
    from maestro.contracts.verification.grpc_examples import (  # noqa: PLC0415 - only for its kind
        fitting_replies,
    )

    yield from fitting_replies(contract)


def _made(sample: Callable[[], object]) -> bool:
    """Samplers hand out nothing that a validator has not accepted."""
    try:
        sample()
    except InvalidInput:
        return False
    return True


_EXAMPLES: dict[SpecificationFormat, Callable[[Contract], Iterator[bool]]] = {
    SpecificationFormat.ASYNCAPI: _asyncapi,
    SpecificationFormat.INTERFACE: _interface,
    SpecificationFormat.GRAPHQL: _graphql,
    SpecificationFormat.PROTOBUF: _protobuf,
}
