"""`maestro contracts`: list, show, lint, diff, design, import, export."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.bootstrap import connect
from maestro.cli import contract_view, render
from maestro.cli.named_contracts import constraints_of, contracts_of
from maestro.cli.options import PlanOptions, StoreOptions, most, requirement_text
from maestro.contracts.reading import read_contracts
from maestro.delivery.contract_desk import (
    ContractDesk,
    ContractReference,
    differences,
    linted,
)
from maestro.domain.contract import Severity
from maestro.domain.encoding import encode
from maestro.domain.values import ContractId, RunId, is_identifier
from maestro.errors import InvalidInput

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
Run = Annotated[str | None, Parameter(help="Only of this run.")]


async def list_contracts(
    *words: Annotated[str, Parameter(help="Operations, entities, names; all have to fit.")],
    run: Run = None,
    limit: Annotated[int, Parameter(help="How many, latest first.")] = 50,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """List stored contracts, latest first, or those in which every word occurs."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        run_id = None if run is None else (await maestro.run(RunId(run))).id
        found = await ContractDesk(maestro=maestro).find(words, run_id=run_id, limit=most(limit))
    if json:
        told = [contract_view.record_document(record) for record in found]
        render.document({"type": "contracts", "contracts": told})
    else:
        contract_view.records(found, words=words)
    return 0


async def show(
    reference: Annotated[str, Parameter(name="REF", help="ID or ID@VERSION.")],
    *,
    version: Annotated[str | None, Parameter(help="This version, not the latest.")] = None,
    run: Run = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Show a stored contract: parties, status, promises, and the words it is found by."""
    wanted = ContractReference.of(reference, version)
    if wanted.path is not None:
        raise InvalidInput(
            f"{reference!r} is a file; show tells of stored contracts: maestro contracts import "
            f"{reference}"
        )
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        desk = ContractDesk(maestro=maestro)
        found = await desk.record(wanted, None if run is None else RunId(run))
    if json:
        document = contract_view.record_document(found)
        render.document({"type": "contract", **document, "contract": encode(found.contract)})
    else:
        contract_view.record(found)
    return 0


async def lint(
    *files: Annotated[Path, Parameter(name="FILE", help="Contracts of any kind.")],
    json: Json = False,
) -> int:
    """Say what is wrong or doubtful in contracts; exit code 3 when something is wrong."""
    if not files:
        raise InvalidInput("name at least one FILE to lint")
    wrong = False
    for file in files:
        contract, found = await asyncio.to_thread(linted, file)
        errors = [problem for problem in found if problem.severity is Severity.ERROR]
        wrong = wrong or bool(errors)
        if json:
            render.document(
                {
                    "type": "lint",
                    "file": str(file),
                    "kind": contract.kind.value,
                    "ok": not errors,
                    "problems": encode(found),
                }
            )
        else:
            contract_view.problems(str(file), contract, found)
    return 3 if wrong else 0


async def diff(
    old: Annotated[str, Parameter(name="OLD", help="The earlier one: a file, ID or ID@VERSION.")],
    new: Annotated[str, Parameter(name="NEW", help="The later one.")],
    *,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Compare two versions of a contract; exit code 3 when consumers can break."""
    before, after = await contracts_of((old, new), store)
    found, due = await asyncio.to_thread(differences, before, after)
    if json:
        render.document(
            {
                "type": "diff",
                "breaking": bool(found.breaking),
                "version": before.version,
                "due": due,
                "changes": encode(found.changes),
            }
        )
    else:
        contract_view.comparison(before, after, found, due)
    return 3 if found.breaking else 0


async def design(
    requirement: Annotated[str, Parameter(help="Text, a file, or - for stdin.")],
    *,
    output: Annotated[Path, Parameter(help="Folder for the specifications.")],
    json: Json = False,
    options: PlanOptions | None = None,
    store: StoreOptions | None = None,
) -> int:
    """Design the contracts of a requirement, as drafts and files, and build nothing."""
    text = await asyncio.to_thread(requirement_text, requirement)
    constraints = await constraints_of(options, store)
    async with connect((store or StoreOptions()).settings()) as maestro:
        desk = ContractDesk(maestro=maestro)
        detail, contracts, paths = await desk.design(text, constraints, output)
    if json:
        render.document(
            {
                "type": "design",
                "run": detail.run.id,
                "status": detail.run.status.value,
                "contracts": [{"id": c.id, "kind": c.kind.value} for c in contracts],
                "files": [str(path) for path in paths],
                "reasons": list(detail.outcome.reasons),
            }
        )
    elif not contracts:
        render.line(f"{detail.run.status.value}: no contract was designed")
        for reason in detail.outcome.reasons:
            render.line(f"  • {reason}")
    else:
        for contract, path in zip(contracts, paths[::2], strict=True):
            render.line(f"{contract.id}  {contract.kind.value}  {path}")
        render.line(f"drafts of {detail.run.id}; build from them: maestro build REQUIREMENT")
    return render.exit_code(detail.run.status.value)


async def hand_in(
    *files: Annotated[Path, Parameter(name="FILE", help="Contracts of any kind.")],
    name: Annotated[str | None, Parameter(help="Id, instead of the file's name.")] = None,
    provider: Annotated[str | None, Parameter(help="Who provides it.")] = None,
    consumer: Annotated[
        tuple[str, ...], Parameter(negative="", help="Who works with it; repeat for several.")
    ] = (),
    consent: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="A consumer that agrees to what breaks; repeat for several."),
    ] = (),
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Keep contracts as agreed. A changed one becomes the next version, or is refused."""
    if not files or (name is not None and len(files) > 1):
        raise InvalidInput("name one FILE, or several without --name")
    if name is not None and not is_identifier(name):
        raise InvalidInput(f"--name {name!r}: a small letter, then letters, digits, '.', '_', '-'")
    read = await asyncio.to_thread(read_contracts, files)
    async with connect((store or StoreOptions()).settings()) as maestro:
        desk = ContractDesk(maestro=maestro)
        for contract in read:
            given = replace(
                contract,
                id=contract.id if name is None else ContractId(name),
                provider=provider or contract.provider,
                consumers=tuple(dict.fromkeys(consumer)),
            )
            kept = await desk.hand_in(given, consent)
            if json:
                render.document({"type": "contract", **contract_view.record_document(kept)})
            else:
                render.line(
                    f"{kept.contract.id}@{kept.contract.version}  {kept.status.value}  "
                    f"{kept.contract.digest}"
                )
    return 0
