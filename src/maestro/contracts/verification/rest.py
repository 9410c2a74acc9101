"""Holds a really started REST provider of a run against its OpenAPI contract."""

import asyncio
import time
from dataclasses import dataclass, replace

from maestro.contracts.verification.interface import Interface
from maestro.contracts.verification.judging import judged
from maestro.contracts.verification.not_built import known_operations
from maestro.contracts.verification.provider import VerificationOptions, examined, opened
from maestro.domain.contract import Contract, Verification
from maestro.errors import InvalidInput
from maestro.ports import Report, VerificationTarget

LEAST_SECONDS = 120.0
SECONDS_PER_OPERATION = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestVerifier:
    """The verification of `maestro contracts verify`, on a provider that the run has started."""

    seed: int = 1
    time_limit_seconds: float | None = None
    """Of the generated requests; grows with the number of operations when None."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for a mock, a target without URL or an unreadable document."""
        if target.url is None:
            raise InvalidInput(f"contract {contract.id!r}: a REST target needs the provider's URL")
        began = time.monotonic()
        interface = await asyncio.to_thread(Interface, contract.specification)
        options = VerificationOptions(
            seed=self.seed, generated_seconds=self._limit(len(interface.operations))
        )
        opening = await asyncio.to_thread(
            opened,
            contract,
            folder=target.sandbox.root,
            target=target.description,
            options=options,
            not_built=target.not_built,
        )
        await examined(opening, target.url.rstrip("/"), target.replay, report, options)
        opening.gathered.seconds = time.monotonic() - began
        left_out = known_operations(interface, target.not_built)
        made = await asyncio.to_thread(judged, opening.gathered)
        verification = made.verification()
        return replace(
            verification,
            operations_total=verification.operations_total + len(left_out),
            not_built=tuple(sorted(left_out)),
        )

    def _limit(self, operations: int) -> float:
        if self.time_limit_seconds is not None:
            return self.time_limit_seconds
        return max(LEAST_SECONDS, SECONDS_PER_OPERATION * operations)
