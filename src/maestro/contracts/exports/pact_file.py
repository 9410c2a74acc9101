"""What consumers need of a provider, as a Pact (specification 4)."""

import json
from collections.abc import Sequence

from maestro.contracts.exports.client_names import snake
from maestro.contracts.exports.planned_requests import RestContract, recorded
from maestro.contracts.exports.project import ExportedProject
from maestro.contracts.mocks.pact import pact_of
from maestro.domain.contract import Contract
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall


def pact_file(contract: Contract, calls: Sequence[RecordedCall] = ()) -> ExportedProject:
    """A Pact for each consumer that made calls; of one sampled call per operation without any.

    Raises:
        InvalidInput: no OpenAPI contract, or nothing to write down.
    """
    rest = RestContract(contract, what="Pact files are")
    own = [call for call in calls if call.contract in ("", contract.id)]
    if calls and not any(call.valid and call.operation for call in own):
        raise InvalidInput(
            f"none of the {len(calls)} recorded calls is a valid call of contract "
            f"{contract.id!r}; without calls a Pact of sampled ones is written"
        )
    if not own:
        own = [recorded(contract, planned) for planned in rest.plan().requests]
    if not own:
        raise InvalidInput(f"contract {contract.id!r} has no operation that can be called")
    files: dict[str, bytes] = {}
    for consumer in dict.fromkeys(call.consumer for call in own):
        name = f"{snake(consumer or 'consumer')}-{snake(contract.provider or contract.id)}.json"
        made = pact_of(
            [call for call in own if call.consumer == consumer],
            consumer=consumer,
            provider=contract.provider or contract.id,
        )
        if made["interactions"] and name not in files:
            files[name] = (json.dumps(made, indent=2) + "\n").encode()
    return ExportedProject(files=files)
