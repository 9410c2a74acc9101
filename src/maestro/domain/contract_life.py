"""What becomes of a contract, from its draft to its successor, and what the shelf keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from maestro.domain.contract import Contract
from maestro.domain.values import RunId
from maestro.errors import Conflict


class ContractStatus(StrEnum):
    DRAFT = "draft"
    AGREED = "agreed"
    """Locked: the specification's digest names it from now on."""
    FULFILLED = "fulfilled"
    """What was really built was verified against it."""
    BREACHED = "breached"
    AMENDED = "amended"
    """A later version stands in its place."""


_S = ContractStatus
LEGAL_MOVES: Mapping[ContractStatus, frozenset[ContractStatus]] = {
    _S.DRAFT: frozenset({_S.AGREED}),
    _S.AGREED: frozenset({_S.FULFILLED, _S.BREACHED, _S.AMENDED}),
    _S.FULFILLED: frozenset({_S.BREACHED, _S.AMENDED}),
    _S.BREACHED: frozenset({_S.FULFILLED, _S.AMENDED}),
    _S.AMENDED: frozenset(),
}
"""The one table; a contract may also be found to be what it already is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRecord:
    """One version of a contract as the database keeps it."""

    contract: Contract
    status: ContractStatus
    run_id: RunId | None
    """The run it belongs to; None for one that was handed in on its own."""
    at: datetime
    """When it reached its status."""
    terms: tuple[str, ...] = ()
    """Words it is found by: operations and entities, in small letters."""
    reason: str = ""
    """Why it was breached or amended."""


def check_contract_move(before: ContractRecord, after: ContractRecord) -> None:
    """Raises Conflict for an illegal move or a locked specification that differs."""
    name = f"contract {after.contract.id!r} {after.contract.version}"
    if after.status is not before.status and after.status not in LEGAL_MOVES[before.status]:
        legal = ", ".join(sorted(LEGAL_MOVES[before.status])) or "nothing"
        raise Conflict(
            f"{name} is {before.status.value} and cannot become {after.status.value}; it can "
            f"become {legal}"
        )
    locked = before.status is not ContractStatus.DRAFT
    if locked and before.contract.digest != after.contract.specification_digest():
        raise Conflict(
            f"{name} is locked as {before.contract.digest}; a changed specification is a new "
            "version, made by an amendment"
        )
