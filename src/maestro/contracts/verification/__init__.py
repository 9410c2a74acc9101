"""Holds built things against their contracts, really: one verifier per kind of contract."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from maestro.contracts.verification.replayable import replayable
from maestro.domain.contract import Contract, ContractKind, Verification
from maestro.errors import InvalidInput
from maestro.ports import ContractVerifier, Report, VerificationTarget


@dataclass(frozen=True, slots=True)
class KindVerifier:
    """A contract verifier that hands each contract to the verifier of its kind."""

    verifiers: Mapping[ContractKind, ContractVerifier]

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        verifier = self.verifiers.get(contract.kind)
        if verifier is None:
            known = ", ".join(sorted(kind.value for kind in self.verifiers))
            raise InvalidInput(
                f"contract {contract.id!r}: nothing verifies kind {contract.kind.value!r}; "
                f"kinds with a verifier: {known or 'none'}"
            )
        recorded = replayable(contract, target.replay)
        for note in recorded.notes:
            await report(f"contract {contract.id}: {note}")
        verification = await verifier.verify(
            contract, replace(target, replay=recorded.calls), report
        )
        return replace(verification, findings=(*verification.findings, *recorded.findings))
