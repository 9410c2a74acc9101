"""What must hold for every specification, whoever wrote it: it says something.

The full rules of each format are kept where contracts are agreed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from maestro.domain.contract import Contract, ContractKind

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_CONTENT = {  # where what is promised stands, in the kinds that are data of our own
    ContractKind.DATA_SCHEMA: "tables",
    ContractKind.DOCUMENT: "files",
    ContractKind.PAGE: "views",
}


def faults_of(contract: Contract) -> Iterator[str]:
    """One sentence per fault."""
    if contract.kind is ContractKind.REST:
        yield from _rest_faults(contract.specification)
    elif contract.kind in _CONTENT:
        if not contract.specification.get(_CONTENT[contract.kind]):
            yield f"the specification names no {_CONTENT[contract.kind]}"
    elif not any(contract.specification.values()):
        yield "the specification is empty"
    if not contract.deliverables:
        yield "nothing is to be delivered for it"


def operations(specification: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method in capitals, path, and the operation itself."""
    for path, item in specification.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield method.upper(), path, operation


def _rest_faults(specification: Mapping[str, Any]) -> Iterator[str]:
    found = list(operations(specification))
    if not found:
        yield "the specification names no operation"
    seen: set[str] = set()
    for method, path, operation in found:
        name = operation.get("operationId")
        if name in seen:
            yield f"operationId {name!r} is used twice"
        if name:
            seen.add(name)
        if not operation.get("responses"):
            yield f"{method} {path} has no response"
