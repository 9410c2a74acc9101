"""The names under which programs are told where what they build on is to be found."""

import re
from collections.abc import Iterable, Mapping

from maestro.domain.contract import Contract, ContractKind

PATH_VARIABLE = "PYTHONPATH"
_NAMES = {
    ContractKind.REST: "API_URL",
    ContractKind.GRAPHQL: "GRAPHQL_URL",
    ContractKind.EVENT_STREAM: "EVENTS_URL",
    ContractKind.MESSAGE_QUEUE: "EVENTS_URL",
    ContractKind.GRPC: "GRPC_ADDRESS",
}


def address_variables(contract: Contract, url: str) -> dict[str, str]:
    """`API_URL_<COMPONENT>` and the like; nothing where there is no address.

    A gRPC address is `HOST:PORT`, as its clients want it.
    """
    if not url or contract.kind not in _NAMES:
        return {}
    name = f"{_NAMES[contract.kind]}_{re.sub(r'[^A-Z0-9]', '_', contract.component.upper())}"
    return {name: url.removeprefix("grpc://")}


def joined_variables(parts: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """All of them together; import paths follow one another."""
    made: dict[str, str] = {}
    for part in parts:
        paths = [made[PATH_VARIABLE]] if PATH_VARIABLE in made and PATH_VARIABLE in part else []
        made |= part
        if paths:
            made[PATH_VARIABLE] = ":".join([*paths, part[PATH_VARIABLE]])
    return made
