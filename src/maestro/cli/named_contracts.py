"""Contracts as the command line names them: files, or what is kept under ID or ID@VERSION."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack

from maestro.bootstrap import connect
from maestro.cli.options import PlanOptions, StoreOptions, read_file
from maestro.delivery.contract_desk import ContractDesk, ContractReference, resolved
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.requirement import Constraints
from maestro.domain.values import RunId
from maestro.errors import InvalidInput


async def constraints_of(options: PlanOptions | None, store: StoreOptions | None) -> Constraints:
    """What the options ask for, with the document that `--contract` stands for.

    Raises InvalidInput, or NotFound where no such contract is kept.
    """
    asked = options or PlanOptions()
    if asked.contract is None:
        return asked.constraints()
    reference = ContractReference.of(asked.contract)
    if reference.path is not None:
        text = await asyncio.to_thread(read_file, reference.path, "--contract")
        return asked.constraints(text, reference.path.name)
    [contract] = await contracts_of((asked.contract,), store)
    if contract.format is not SpecificationFormat.OPENAPI:
        raise InvalidInput(
            f"--contract {asked.contract!r} is a contract of kind {contract.kind.value}; what is "
            "built from a contract of yours is built from OpenAPI"
        )
    return asked.constraints(
        json.dumps(contract.specification), f"{contract.id}@{contract.version}"
    )


async def contracts_of(
    references: Sequence[str], store: StoreOptions | None, run: str | None = None
) -> list[Contract]:
    """The contracts; the database is opened only where one of them is stored there."""
    wanted = [ContractReference.of(text) for text in references]
    run_id = None if run is None else RunId(run)
    async with AsyncExitStack() as stack:
        desk: ContractDesk | None = None
        if any(reference.path is None for reference in wanted):
            settings = (store or StoreOptions()).settings()
            desk = ContractDesk(maestro=await stack.enter_async_context(connect(settings)))
        return [await resolved(reference, desk, run_id) for reference in wanted]
