"""Contracts held against what was really started; a run did that before, and its facts say so."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from maestro.domain.contract import Contract, ContractKind, Verification
from maestro.domain.encoding import decode, encode
from maestro.domain.quality import Evidence
from maestro.domain.values import JsonScalar
from maestro.ports import ContractVerifier, EvidenceSubject, VerificationTarget
from maestro.quality.evidence.facts import FactCollector, verifications
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.workbench import Equipment, Workbench, measured
from maestro.quality.evidence.tooling import Measurement

NAME = "verifications"
_SERVED = frozenset(
    {
        ContractKind.REST,
        ContractKind.GRAPHQL,
        ContractKind.GRPC,
        ContractKind.EVENT_STREAM,
        ContractKind.MESSAGE_QUEUE,
        ContractKind.PAGE,
    }
)
_MAX_FINDINGS = 30


@dataclass(frozen=True, slots=True)
class VerificationCollector:
    """Implements ports.EvidenceCollector. Counts a run's verifications; of any other folder it
    verifies the contracts that maestro.yaml names.
    """

    equipment: Equipment | None
    name: str = NAME

    async def collect(self, subject: EvidenceSubject) -> Evidence:
        if "verifications" in subject.facts:
            return await FactCollector(NAME, verifications).collect(subject)
        measurement = Measurement(NAME, "maestro-verification", "1", subject)
        if self.equipment is None:
            return measurement.unavailable("nothing was lent to start projects with")
        return await measured(measurement, self.equipment, verify_contracts)


async def verify_contracts(bench: Workbench) -> Mapping[str, JsonScalar]:
    verifier = bench.equipment.verifier
    if verifier is None:
        raise NotMeasurable("nothing was lent to verify contracts with")
    contracts = await contracts_of(bench)
    if not contracts:
        raise NotMeasurable("the project names no contract; list them in maestro.yaml")
    found = {str(contract.id): await _held(bench, verifier, contract) for contract in contracts}
    bench.measurement.version = ", ".join(dict.fromkeys(v.tool for v in found.values() if v.tool))
    facts = {"contracts": encode(contracts), "verifications": encode(found)}
    examined, metrics, detail = verifications(facts)
    bench.measurement.files_examined = examined
    bench.measurement.raw = repr(facts["verifications"])
    bench.measurement.detail += [*detail, *_refusals(found)]
    return metrics


async def contracts_of(bench: Workbench) -> tuple[Contract, ...]:
    """Those of the run, or else those that the folder names.

    Raises:
        InvalidInput: a file holds no contract.
    """
    told = bench.subject.facts.get("contracts")
    if told is not None:
        return tuple(decode(Contract, one) for one in told)
    read = bench.equipment.read_contract
    if not bench.project.contracts or read is None:
        return ()
    paths = [bench.root / name for name in bench.project.contracts]
    for path in paths:
        if not path.resolve().is_relative_to(bench.root.resolve()) or not path.is_file():
            raise ToolFailed(f"{path.name}: no file of the project")
    return tuple([await asyncio.to_thread(read, path) for path in paths])


async def _held(bench: Workbench, verifier: ContractVerifier, contract: Contract) -> Verification:
    launch = bench.project.application
    async with AsyncExitStack() as stack:
        url: str | None = None
        port: int | None = None
        if contract.kind in _SERVED:
            if launch is None:
                raise NotMeasurable(
                    f"contract {contract.id!r} is held against a started provider, and nothing "
                    "says how to start the project"
                )
            started = await stack.enter_async_context(bench.started(launch, bench.project.ports))
            base = "" if contract.kind is ContractKind.PAGE else launch.base_path
            url, port = _address(contract, started.url) + base, started.ports[0]
        target = VerificationTarget(
            description=f"the project, {bench.project.source}",
            sandbox=bench.sandbox,
            url=url,
            port=port,
        )
        return await verifier.verify(contract, target, _silent)


def _address(contract: Contract, url: str) -> str:
    if contract.kind is ContractKind.GRPC:
        return url.replace("http://", "grpc://", 1)
    return url


def _refusals(found: Mapping[str, Verification]) -> list[str]:
    lines = [
        f"{name}: {check.id}: {check.statement}: {check.detail}"
        for name, verification in found.items()
        for check in verification.checks
        if not check.passed
    ]
    return lines[:_MAX_FINDINGS]


async def _silent(message: str) -> None:
    """Progress of one verification; evidence has no place for it."""
