"""Two versions of a contract held against each other: what breaks its consumers."""

from collections.abc import Callable
from importlib import import_module

from maestro.contracts.comparison.changes import Change, ChangeKind, Comparison, version_numbers
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.errors import InvalidInput

__all__ = ["Change", "ChangeKind", "Comparison", "compare", "version_numbers"]

_Compare = Callable[[Contract, Contract], Comparison]


def compare(old: Contract, new: Contract) -> Comparison:
    """Every change between two versions of a contract, worst first.

    Raises:
        InvalidInput: they are of different formats, or one of them cannot be read as what it is.
    """
    if old.format is not new.format:
        raise InvalidInput(
            f"contract {new.id!r} is {new.format.value}, its earlier version is "
            f"{old.format.value}; only versions of one format can be compared"
        )
    return _COMPARE[old.format](old, new)


def _openapi(old: Contract, new: Contract) -> Comparison:
    from maestro.contracts.comparison.openapi import compare_openapi  # noqa: PLC0415 - see _late

    return compare_openapi(old.specification, new.specification)


def _schema(old: Contract, new: Contract) -> Comparison:
    from maestro.contracts.comparison.schemas_documents import (  # noqa: PLC0415 - see _late
        compare_documents,
    )

    return compare_documents(old.specification, new.specification)


def _late(module: str, function: str, *, needs: str = "") -> _Compare:
    """Formats bring their own libraries, which only those who compare such contracts load.

    `needs` is the package that says in words which extra is missing.
    """

    def run(old: Contract, new: Contract) -> Comparison:
        if needs:
            import_module(needs)
        found = getattr(import_module(f"maestro.contracts.comparison.{module}"), function)
        result: Comparison = found(old, new)
        return result

    return run


_COMPARE: dict[SpecificationFormat, _Compare] = {
    SpecificationFormat.OPENAPI: _openapi,
    SpecificationFormat.JSON_SCHEMA: _schema,
    SpecificationFormat.GRAPHQL: _late("graphql", "compare_graphql"),
    SpecificationFormat.PROTOBUF: _late(
        "protobuf", "compare_protobuf", needs="maestro.contracts.protobuf"
    ),
    SpecificationFormat.ASYNCAPI: _late("events", "compare_events"),
    SpecificationFormat.INTERFACE: _late("interfaces", "compare_interfaces"),
}
