"""What of a contract can be asked without knowing what is stored."""

from collections.abc import Mapping

from maestro.domain.contract import Contract, ContractKind


def readable_paths(contract: Contract) -> tuple[str, ...]:
    """Paths of a REST contract that GET reads without knowing anything."""
    paths = contract.specification.get("paths")
    if contract.kind is not ContractKind.REST or not isinstance(paths, Mapping):
        return ()
    return tuple(
        str(path)
        for path, item in paths.items()
        if "{" not in str(path) and isinstance(item, Mapping) and _reads_freely(item)
    )


def _reads_freely(item: Mapping[str, object]) -> bool:
    get = item.get("get")
    if not isinstance(get, Mapping):
        return False
    shared, own = item.get("parameters"), get.get("parameters")
    named = [*(shared if isinstance(shared, list | tuple) else ())]
    named += [*(own if isinstance(own, list | tuple) else ())]
    return not any(isinstance(p, Mapping) and (p.get("required") or "$ref" in p) for p in named)
