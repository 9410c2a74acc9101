"""What a model proposes instead of contracts it works with; others decide on it after its work."""

from dataclasses import dataclass, field

import orjson

from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject
from maestro.domain.work import PROPOSALS, Assignment
from maestro.errors import InvalidInput


@dataclass(slots=True)
class Proposals:
    """Those of one try: at most one for each contract, the last one."""

    assignment: Assignment
    _made: dict[str, JsonObject] = field(default_factory=dict)

    def add(self, contract_id: str, text: str, reason: str) -> None:
        """Keeps a proposal. `text` is the whole specification as JSON.

        Raises:
            InvalidInput: it is no other specification of a contract the persona works with.
        """
        contract = self._contracts().get(contract_id)
        if contract is None:
            known = ", ".join(self._contracts()) or "none"
            raise InvalidInput(
                f"you neither provide nor consume a contract {contract_id[:80]!r}; yours: {known}"
            )
        try:
            wanted = orjson.loads(text)  # strict: nothing that could not be stored
        except ValueError as error:
            raise InvalidInput(f"the specification is not JSON: {error}") from None
        if not isinstance(wanted, dict) or not wanted:
            raise InvalidInput("the specification must be a JSON object, whole, as read_contract")
        if wanted == contract.specification:
            raise InvalidInput(f"that is how contract {contract_id!r} is already")
        self._made[contract_id] = {
            "contract": contract_id,
            "specification": wanted,
            "reason": reason,
        }

    def details(self) -> JsonObject:
        """What `WorkResult.details` says of them."""
        return {PROPOSALS: list(self._made.values())} if self._made else {}

    def _contracts(self) -> dict[str, Contract]:
        parties = (*self.assignment.provides, *(one.contract for one in self.assignment.consumes))
        return {str(contract.id): contract for contract in parties}
