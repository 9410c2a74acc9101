"""The words by which a contract is found again: its operations and its entities."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

MAX_TERMS = 2_000


def terms_of(contract: Contract) -> tuple[str, ...]:
    """In small letters, each once; its name and component where nothing else can be read."""
    found = [contract.id, contract.name, contract.component]
    with suppress(InvalidInput):  # a draft may be unreadable and is still found by its name
        found += _TERMS[contract.format](contract)
    told = (" ".join(term.lower().split()) for term in found)
    return tuple(dict.fromkeys(term for term in told if term))[:MAX_TERMS]


def _openapi(contract: Contract) -> Iterator[str]:
    from maestro.contracts.openapi.document import from_object  # noqa: PLC0415 - only for its kind
    from maestro.contracts.openapi.operations import (  # noqa: PLC0415 - only for its kind
        raw_operations,
    )

    document = from_object(contract.specification, name=contract.id)
    for path, method, _, operation in raw_operations(document):
        yield f"{method} {path}"
        yield from _texts(operation.get("operationId"), operation.get("tags"))
    yield from _names(document.root.get("components"), "schemas")


def _asyncapi(contract: Contract) -> Iterator[str]:
    from maestro.contracts.asyncapi.document import from_object  # noqa: PLC0415 - only for its kind
    from maestro.contracts.asyncapi.events import events_of  # noqa: PLC0415 - only for its kind

    model = events_of(from_object(contract.specification, name=contract.id))
    yield from (operation.title for operation in model.operations)
    for channel in model.channels:
        yield channel.address
        yield from (message.name for message in channel.messages)


def _graphql(contract: Contract) -> Iterator[str]:
    from graphql import GraphQLObjectType  # noqa: PLC0415 - only for its kind

    from maestro.contracts.sdl.reading import read_sdl, sdl_of  # noqa: PLC0415 - only for its kind

    schema = read_sdl(sdl_of(contract), name=contract.id).schema
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        for field in root.fields if root is not None else ():
            yield f"{root.name}.{field}" if root is not None else field
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType) and not name.startswith("__"):
            yield name


def _protobuf(contract: Contract) -> Iterator[str]:
    from maestro.contracts.protobuf.model import read_protobuf  # noqa: PLC0415 - only for its kind

    for method in read_protobuf(contract).methods:
        yield method.key
        yield from (method.request.name, method.reply.name)


def _interface(contract: Contract) -> Iterator[str]:
    from maestro.contracts.mocks.interfaces.reading import (  # noqa: PLC0415 - only for its kind
        read_interface,
    )

    model = read_interface(contract)
    yield from (f"{method.owner}.{method.name}".lstrip(".") for method in model.methods)
    yield from (kind.name for kind in model.types)


def _json_schema(contract: Contract) -> Iterator[str]:
    yield from _names(contract.specification, "$defs")
    yield from _names(contract.specification, "properties")
    tables = contract.specification.get("tables")
    for table in tables if isinstance(tables, list) else ():
        yield from _texts(table.get("name") if isinstance(table, Mapping) else None)


def _names(owner: Any, key: str) -> Iterator[str]:
    named = owner.get(key) if isinstance(owner, Mapping) else None
    yield from _texts(list(named) if isinstance(named, Mapping) else None)


def _texts(*values: Any) -> Iterator[str]:
    for value in values:
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str):
                yield entry


_TERMS: dict[SpecificationFormat, Callable[[Contract], Iterable[str]]] = {
    SpecificationFormat.OPENAPI: _openapi,
    SpecificationFormat.ASYNCAPI: _asyncapi,
    SpecificationFormat.GRAPHQL: _graphql,
    SpecificationFormat.PROTOBUF: _protobuf,
    SpecificationFormat.INTERFACE: _interface,
    SpecificationFormat.JSON_SCHEMA: _json_schema,
}
