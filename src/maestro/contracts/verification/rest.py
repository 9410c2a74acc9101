"""Holds a really started REST provider against its OpenAPI contract."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from maestro.contracts.openapi.document import from_object
from maestro.contracts.verification.acceptance import check_criteria
from maestro.contracts.verification.conformance import ConformanceRun, tool_name
from maestro.contracts.verification.conformance_process import run_conformance
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.interface import Interface
from maestro.contracts.verification.probe import Probe, Unmet
from maestro.contracts.verification.replay import Consumers
from maestro.contracts.verification.world import World
from maestro.domain.contract import CheckResult, Contract, Finding, Verification
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput
from maestro.ports import Report, VerificationTarget

REQUEST_SECONDS = 30.0
ONE_REQUEST_EACH = httpx.Limits(max_keepalive_connections=0)
"""A server may close a connection after an internal error; no other request must meet that."""
LEAST_SECONDS = 120.0
SECONDS_PER_OPERATION = 5.0
REPLAY_NUMBERS = 5000
"""Values made for replays start here, away from those of the acceptance criteria."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestVerifier:
    """Acceptance criteria first, then consumers' calls, then generated requests of every kind."""

    seed: int = 1
    time_limit_seconds: float | None = None
    """Of the generated requests; grows with the number of operations when None."""

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Raises InvalidInput for a mock, a target without URL or an unreadable document."""
        if target.url is None:
            raise InvalidInput(f"contract {contract.id!r}: a REST target needs the provider's URL")
        started = time.monotonic()
        interface = Interface(contract.specification)
        excluded = frozenset(_known(interface, target.not_built))
        timeout = httpx.Timeout(REQUEST_SECONDS)
        async with httpx.AsyncClient(
            timeout=timeout, limits=ONE_REQUEST_EACH, trust_env=False
        ) as http:
            probe = Probe(interface, target.url.rstrip("/"), http)
            await probe.refuse_mock()
            checks, findings = await self._by_hand(contract, target, probe, excluded, report)
        run = ConformanceRun(
            interface=interface,
            url=probe.url,
            seed=self.seed,
            excluded=excluded,
            time_limit=self._limit(len(interface.operations)),
        )
        conformance = await run_conformance(run, report)
        every = {operation.key for operation in interface.operations}
        tested = (conformance.tested | probe.answered) & (every - excluded)
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(every),
            operations_tested=len(tested),
            checks=(*checks, *conformance.checks),
            findings=(*findings, *conformance.findings),
            requests=probe.requests + conformance.requests,
            duration_seconds=time.monotonic() - started,
            not_built=tuple(sorted(excluded)),
            tool=tool_name(),
        )

    async def _by_hand(
        self,
        contract: Contract,
        target: VerificationTarget,
        probe: Probe,
        excluded: frozenset[str],
        report: Report,
    ) -> tuple[list[CheckResult], list[Finding]]:
        """Everything but the generated requests."""
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        checks, findings = list(files.checks), list(files.findings)
        await report(f"contract {contract.id}: {len(contract.acceptance)} acceptance criteria")
        for outcome in await check_criteria(contract.acceptance, World(probe, excluded)):
            checks.append(outcome.result)
            if outcome.finding is not None and _is_new(outcome.finding, findings):
                findings.append(outcome.finding)
        if target.replay:
            await report(f"contract {contract.id}: replaying {len(target.replay)} consumer calls")
            world = World(probe, excluded, numbers=REPLAY_NUMBERS)
            document = from_object(contract.specification, name=contract.id)
            replayed = await Consumers(world, document).replay(target.replay)
            checks.append(replayed.check)
            findings += replayed.findings
        if target.not_built:
            refused = await _answer_501(probe, sorted(excluded))
            findings += [*refused, *_unknown(probe.interface, target.not_built)]
            checks.append(_not_built_check(target.not_built, refused))
        return checks, findings

    def _limit(self, operations: int) -> float:
        if self.time_limit_seconds is not None:
            return self.time_limit_seconds
        return max(LEAST_SECONDS, SECONDS_PER_OPERATION * operations)


def _is_new(finding: Finding, findings: Sequence[Finding]) -> bool:
    """One fault that stops many checks is one finding; the checks fail all the same."""
    known = {(f.operation, f.message, f.expected) for f in findings}
    return (finding.operation, finding.message, finding.expected) not in known


def _known(interface: Interface, declared: Sequence[str]) -> list[str]:
    return [key for key in declared if interface.operation(key) is not None]


def _unknown(interface: Interface, declared: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            rule="not_built_declared",
            message="the provider declares an operation as not built that the contract lacks",
            operation=key,
            expected="an operation of the contract, like 'GET /tasks'",
            seen=key,
        )
        for key in declared
        if interface.operation(key) is None
    ]


async def _answer_501(probe: Probe, excluded: Sequence[str]) -> list[Finding]:
    """What is declared as not built must say so, whatever it is asked."""
    findings = []
    for key in excluded:
        operation = probe.interface.operation(key)
        if operation is None:
            continue
        path = operation.path
        for parameter in operation.parameters:
            if parameter.get("in") == "path":
                path = path.replace(f"{{{parameter.get('name')}}}", "1")
        body: JsonObject | None = {} if operation.method in ("POST", "PUT", "PATCH") else None
        try:
            exchange = await probe.send(key, operation.method, path, body=body)
            if exchange.status != 501:
                why = "an operation declared as not built answers 501"
                raise exchange.unmet("status 501", exchange.shown(), why)
        except Unmet as unmet:
            found = unmet.finding
            findings.append(
                Finding(
                    rule="not_built_declared",
                    message=found.message,
                    operation=key,
                    expected=found.expected,
                    seen=found.seen,
                    reproduce=found.reproduce,
                )
            )
    return findings


def _not_built_check(declared: Sequence[str], refused: Sequence[Finding]) -> CheckResult:
    return CheckResult(
        id="not_built_declared",
        statement="Operations declared as not built answer 501.",
        passed=not refused,
        detail=f"{len(declared)} declared: {', '.join(sorted(declared))}",
    )
