"""What runs tell the shelf of contracts: agreed, kept, broken, replaced. Repeating changes nothing.

What a run agrees or amends stands in the audit log under the run's own id: who started it and who
consented stands there already.

The engine's journal decides what a run works with; the shelf follows it, in the same database, so
that a contract can be found again by whoever comes later.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from maestro.contracts.terms import terms_of
from maestro.domain.access import AuditRecord
from maestro.domain.contract import Contract, Severity, Verification
from maestro.domain.contract_life import ContractRecord, ContractStatus
from maestro.domain.values import RunId
from maestro.errors import Conflict, NotFound
from maestro.ports import Clock, Store, Transaction

NO_RUN = RunId("")
"""Stands for "of no run" where the shelf is asked; None is "of any run" there."""
REASONS = 3
"""Findings that say why a contract was breached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Writes what becomes of a run's contracts."""

    store: Store
    clock: Clock

    async def locked(self, run_id: RunId, contract: Contract) -> Contract | None:
        """What the run agreed under this id and version, in an earlier attempt perhaps."""
        record = await self.store.read(lambda tx: known(tx, contract, run_id))
        agreed = record is not None and record.status is not ContractStatus.DRAFT
        return record.contract if record is not None and agreed else None

    async def latest(self, run_id: RunId, contract: Contract) -> Contract:
        """The version the run works with now; the given one as long as none was locked."""

        def newest(tx: Transaction) -> Contract:
            try:
                record = tx.contracts.get(contract.id, run_id=run_id)
            except NotFound:
                return contract
            return contract if record.status is ContractStatus.DRAFT else record.contract

        return await self.store.read(newest)

    async def agreed(self, run_id: RunId, contract: Contract) -> None:
        """Raises Conflict where another specification is locked under the same version."""
        agreement = await self._agreement(run_id, contract)

        def change(tx: Transaction) -> None:
            if put_agreed(tx, agreement):
                self._audit(tx, run_id, "contract:agree", contract)

        await self._write(run_id, change)

    async def judged(self, run_id: RunId, contract: Contract, verification: Verification) -> None:
        """Fulfilled or breached, with the first findings as the reason."""
        kept = verification.conforms
        agreement = await self._agreement(run_id, contract)
        verdict = replace(
            agreement,
            status=ContractStatus.FULFILLED if kept else ContractStatus.BREACHED,
            reason="" if kept else _reason(verification),
        )

        def change(tx: Transaction) -> None:
            put_agreed(tx, agreement)
            stored = known(tx, contract, run_id)
            if stored is not None and stored.status is not ContractStatus.AMENDED:
                tx.contracts.put(verdict)

        await self._write(run_id, change)

    async def amended(self, run_id: RunId, old: Contract, new: Contract, reason: str) -> None:
        """The old version has ended, the new one stands in its place.

        Raises Conflict where another amendment of the same version came first.
        """
        replaced = await self._agreement(run_id, old)
        agreed = await self._agreement(run_id, new)

        def change(tx: Transaction) -> None:
            if put_amended(tx, replaced, agreed, reason):
                self._audit(tx, run_id, "contract:amend", new)

        await self._write(run_id, change)

    async def _agreement(self, run_id: RunId | None, contract: Contract) -> ContractRecord:
        return ContractRecord(
            contract=contract,
            status=ContractStatus.AGREED,
            run_id=run_id,
            at=self.clock.now(),
            terms=await asyncio.to_thread(terms_of, contract),
        )

    def _audit(self, tx: Transaction, run_id: RunId, action: str, contract: Contract) -> None:
        target = f"{contract.id}@{contract.version}"
        tx.audit.append(
            AuditRecord(
                at=self.clock.now(), principal=run_id, action=action, target=target, allowed=True
            )
        )

    async def _write(self, run_id: RunId, change: Callable[[Transaction], None]) -> None:
        await self.store.write(change, about=run_id)


def known(tx: Transaction, contract: Contract, run_id: RunId | None) -> ContractRecord | None:
    """The record of exactly this version of this run, or of none."""
    try:
        return tx.contracts.get(contract.id, version=contract.version, run_id=run_id or NO_RUN)
    except NotFound:
        return None


def put_agreed(tx: Transaction, agreement: ContractRecord) -> bool:
    """Leaves alone what has gone on since with the same specification; whether it wrote."""
    stored = known(tx, agreement.contract, agreement.run_id)
    gone_on = stored is not None and stored.status is not ContractStatus.DRAFT
    wanted = stored is None or not gone_on or stored.contract.digest != agreement.contract.digest
    if wanted:
        tx.contracts.put(agreement)
    return wanted


def put_amended(
    tx: Transaction, replaced: ContractRecord, agreed: ContractRecord, reason: str
) -> bool:
    """Whether it wrote the new version. Raises Conflict."""
    old, new = replaced.contract, agreed.contract
    put_agreed(tx, replaced)
    stored = known(tx, old, replaced.run_id)
    there = known(tx, new, agreed.run_id)
    ended = stored is not None and stored.status is ContractStatus.AMENDED
    if ended and (there is None or there.contract.digest != new.digest):
        raise Conflict(
            f"contract {old.id!r} {old.version} was amended by somebody else in the meantime; "
            "propose the change to its successor"
        )
    if not ended:
        tx.contracts.put(
            replace(
                replaced,
                status=ContractStatus.AMENDED,
                reason=f"{new.version} stands in its place: {reason}",
            )
        )
    return put_agreed(tx, agreed)


def _reason(verification: Verification) -> str:
    wrong = [f for f in verification.findings if f.severity is Severity.ERROR]
    told = [f"{f.operation or verification.contract}: {f.message}" for f in wrong]
    told += [f"{c.id}: {c.detail or c.statement}" for c in verification.checks if not c.passed]
    more = len(told) - REASONS
    told = [*told[:REASONS], *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(told) or "not everything that the contract promises was checked"
