"""Holds a really started gRPC provider against its contract."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maestro.contracts.verification.binding import RanChecks, bound
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.domain.contract import (
    CheckResult,
    Contract,
    Finding,
    Severity,
    Verification,
)
from maestro.errors import InvalidInput
from maestro.ports import Report, VerificationTarget

if TYPE_CHECKING:
    from maestro.contracts.verification.grpc_session import GrpcSession

_STATEMENTS = {
    "grpc_reachable": "The provider can be reached.",
    "grpc_descriptors": "What the provider says of itself by reflection keeps to the contract.",
    "grpc_methods": "Every method answers valid calls as the contract says, in time.",
    "grpc_entries": "Entries are kept, listed, changed and taken away.",
    "grpc_invalid_bytes": "Bytes that are no message are refused, and the provider goes on.",
    "grpc_unknown_method": "A method that the contract has not is refused as unimplemented.",
    "grpc_deadlines": "A caller whose deadline passes does no harm to others.",
    "consumer_replay": "Every call that consumers made on the mock is answered alike.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcVerifier:
    """Descriptors, methods, entries, hostile bytes, deadlines, consumers' calls.

    Each finding has been seen twice and carries a line that shows it again.
    """

    seed: int = 1
    call_seconds: float = 10.0
    """How long a method may take."""
    connect_seconds: float = 10.0

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for a mock, a target without address or an unreadable contract."""
        address = target.url or (f"grpc://127.0.0.1:{target.port}" if target.port else "")
        if not address:
            raise InvalidInput(
                f"contract {contract.id!r}: a gRPC target needs the provider's address, like "
                "grpc://127.0.0.1:50051"
            )
        started = time.monotonic()
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        session = await self._session(contract, address, target)
        results = await session.run(report)
        checks = [_check(name, *told) for name, told in results.items()]
        findings = tuple(f for found, _ in results.values() for f in found)
        operations = {m.key: m.key in session.probe.answered for m in session.model.methods}
        ran = RanChecks(checks=checks, findings=findings, tested=operations)
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(session.model.methods),
            operations_tested=session.tested,
            checks=(*files.checks, *checks, *bound(contract.acceptance, ran)),
            findings=(*files.findings, *findings),
            requests=session.probe.requests,
            duration_seconds=time.monotonic() - started,
            not_built=tuple(sorted(session.not_built)),
            tool=session.tool,
            operations=operations,
        )

    async def _session(
        self, contract: Contract, address: str, target: VerificationTarget
    ) -> "GrpcSession":
        # gRPC is an extra and slow to import: it is loaded when such a contract is verified.
        from maestro.contracts.verification import grpc_session  # noqa: PLC0415

        return await asyncio.to_thread(
            grpc_session.opened,
            contract,
            address,
            target,
            seed=self.seed,
            call_seconds=self.call_seconds,
            connect_seconds=self.connect_seconds,
        )


def _check(name: str, findings: Sequence[Finding], detail: str) -> CheckResult:
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    first = f"{wrong[0].operation}: {wrong[0].message}" if wrong else detail
    return CheckResult(id=name, statement=_STATEMENTS[name], passed=not wrong, detail=first)
