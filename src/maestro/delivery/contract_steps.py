"""Contracts as durable steps: agree, verify, and the consumers' second look."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from maestro.agents.executors.offline.interpreters import resolve
from maestro.contracts.agree import agree
from maestro.contracts.amendment import amend
from maestro.contracts.mocks.interfaces.reading import import_folders, read_interface
from maestro.contracts.verification.loopback import free_port
from maestro.delivery.providers import (
    START_SECONDS,
    Providers,
    answering,
    application_ports,
    application_reach,
    component_works,
    served,
    upstream_artifacts,
    upstream_calls,
)
from maestro.delivery.record import RecheckRecord, RunRecord, WorkRecord
from maestro.delivery.refusals import refusals
from maestro.delivery.shelf import Shelf
from maestro.delivery.workspace import merge
from maestro.domain.addresses import PATH_VARIABLE, address_variables, joined_variables
from maestro.domain.contract import CheckResult, Contract, ContractKind, Verification
from maestro.domain.encoding import encode
from maestro.domain.values import StepId
from maestro.domain.work import CheckCommand
from maestro.errors import Blocked
from maestro.ports import (
    ContractVerifier,
    Reach,
    Sandbox,
    StepContext,
    StepHandler,
    StepResult,
    VerificationTarget,
)


@dataclass(frozen=True, slots=True)
class ContractSteps:
    providers: Providers
    verifier: ContractVerifier
    shelf: Shelf
    browser: bool
    """Without a browser on this host pages are not verified, and say so."""

    def handlers(self) -> Mapping[str, StepHandler]:
        return {
            "contract.agree": self.agree,
            "contract.verify": self.verify,
            "consumer.recheck": self.recheck,
        }

    async def agree(self, context: StepContext) -> StepResult:
        """Lints and locks a contract: consumers and provider start from the same digest.

        What the run had locked before under the same version changes only as an amendment does.
        """
        record, name = RunRecord.of(context), str(context.step.inputs["contract"])
        agreed = await asyncio.to_thread(lambda: agree(record.contract(name)))
        locked = await self.shelf.locked(context.run_id, agreed)
        if locked is None or locked.digest == agreed.digest:
            await self.shelf.agreed(context.run_id, agreed)
        else:
            agreed = await asyncio.to_thread(amend, locked, agreed, ())
            await self.shelf.amended(context.run_id, locked, agreed, "it was planned anew")
        return StepResult(output=await asyncio.to_thread(encode, agreed))

    async def verify(self, context: StepContext) -> StepResult:
        """Holds the built thing against its contract; Blocked with every finding if they differ."""
        contract = RunRecord.of(context).contract(str(context.step.inputs["contract"]))
        if contract.kind is ContractKind.PAGE and not self.browser:
            await context.progress("no browser on this host: the page is not checked in one")
            return StepResult()
        verification = await self._verification(context, contract)
        await self.shelf.judged(context.run_id, contract, verification)
        _check_conforms(contract, verification)
        return StepResult(output=encode(verification))

    async def hold(self, context: StepContext, contract: Contract) -> Verification:
        """As `verify`, for what is on no shelf."""
        verification = await self._verification(context, contract)
        _check_conforms(contract, verification)
        return verification

    async def _verification(self, context: StepContext, contract: Contract) -> Verification:
        record = RunRecord.of(context)
        if served(contract):
            return await self._verify_served(context, record, contract)
        if contract.kind is ContractKind.PAGE:
            return await self._verify_page(context, record, contract)
        return await self._verify_files(context, record, contract)

    async def _verify_served(
        self, context: StepContext, record: RunRecord, contract: Contract
    ) -> Verification:
        async with self.providers.started(context, record, contract) as provider:
            target = VerificationTarget(
                description=f"{contract.provider} ({contract.component}), really started",
                sandbox=provider.sandbox,
                url=provider.url,
                port=provider.port,
                not_built=provider.not_built,
                replay=upstream_calls(record, context.step, contract.id),
            )
            return await self.verifier.verify(contract, target, context.progress)

    async def _verify_page(
        self, context: StepContext, record: RunRecord, contract: Contract
    ) -> Verification:
        integration = record.integration()
        if integration is None or integration.launch is None:
            raise Blocked("the integrated application has no launch command; page not checked")
        tree = await self.providers.workspace.fresh(
            context.run_id, context.step.id, context.attempt, integration.artifacts
        )
        port = free_port(application_ports(record))
        await context.progress(f"starting the integrated application on port {port}")
        async with (
            self.providers.sandboxes.open(tree) as sandbox,
            answering(
                "the integrated application",
                sandbox.serve(
                    integration.launch,
                    port=port,
                    timeout=START_SECONDS,
                    reach=application_reach(record, port),
                ),
            ) as server,
        ):
            target = VerificationTarget(
                description="the page of the integrated application, in a real browser",
                sandbox=sandbox,
                url=server.url,
                port=port,
            )
            return await self.verifier.verify(contract, target, context.progress)

    async def _verify_files(
        self, context: StepContext, record: RunRecord, contract: Contract
    ) -> Verification:
        works = component_works(record, contract.component)
        merged = merge({work.persona: work.artifacts for work in works})
        tree = await self.providers.workspace.fresh(
            context.run_id, context.step.id, context.attempt, merged
        )
        async with self.providers.sandboxes.open(tree) as sandbox:
            target = VerificationTarget(
                description=f"files of {contract.provider} ({contract.component})",
                sandbox=sandbox,
                replay=upstream_calls(record, context.step, contract.id),
            )
            return await self.verifier.verify(contract, target, context.progress)

    async def recheck(self, context: StepContext) -> StepResult:
        """Runs a consumer's own checks again, with every mock swapped for the real provider."""
        record = RunRecord.of(context)
        persona = str(context.step.inputs["persona"])
        work = next((w for _, w in record.works() if w.persona == persona), None)
        if work is None or not work.result.rechecks:
            raise Blocked(f"{persona!r} delivered no check that could run on a real provider")
        contracts = [record.contract(str(item)) for item in context.step.inputs["contracts"]]
        async with AsyncExitStack() as stack:
            found: list[dict[str, str]] = []
            ports: list[int] = []
            for contract in filter(served, contracts):
                provider = await stack.enter_async_context(
                    self.providers.started(context, record, contract, f".{contract.component}")
                )
                found.append(address_variables(contract, provider.url))
                ports.append(provider.port)
            result = await self._run_checks(
                context, record, work, contracts, joined_variables(found), tuple(ports)
            )
        failed = [check for check in result.checks if not check.passed]
        if failed:
            raise Blocked(
                f"{persona!r} does not work with the real provider",
                reasons=tuple(f"{check.id}: {check.detail}" for check in failed),
                detail=encode(result),
            )
        return StepResult(output=encode(result))

    async def _run_checks(
        self,
        context: StepContext,
        record: RunRecord,
        work: WorkRecord,
        contracts: Sequence[Contract],
        addresses: Mapping[str, str],
        ports: tuple[int, ...],
    ) -> RecheckRecord:
        upstream = upstream_artifacts(record, context.step)
        tree = await self.providers.workspace.fresh(
            context.run_id, StepId(f"{context.step.id}.consumer"), context.attempt, upstream
        )
        modules = [c for c in contracts if c.kind is ContractKind.INTERFACE]
        async with self.providers.sandboxes.open(tree) as sandbox:
            found = [
                await asyncio.to_thread(import_variables, module, sandbox.root)
                for module in modules
            ]
            env = joined_variables([addresses, *found])
            checks = [
                await run_check(sandbox, check, env, Reach(connect=ports))
                for check in work.result.rechecks
            ]
        return RecheckRecord(persona=work.persona, checks=tuple(checks))


def _check_conforms(contract: Contract, verification: Verification) -> None:
    if not verification.conforms:
        raise Blocked(
            f"{contract.provider!r} does not keep contract {contract.id!r} "
            f"{contract.version}{_consumed_by(contract)}",
            reasons=refusals(verification),
            detail=encode(verification),
        )


def import_variables(contract: Contract, root: Path) -> dict[str, str]:
    """Where the module that was built for an interface can be imported from."""
    folders = import_folders(read_interface(contract).module, root)
    return {PATH_VARIABLE: ":".join(map(str, folders))}


async def run_check(
    sandbox: Sandbox, check: CheckCommand, env: Mapping[str, str], reach: Reach
) -> CheckResult:
    """Runs one executable check; its exit status decides, the tail of its output explains."""
    outcome = await sandbox.run(
        resolve(check.argv), timeout=check.timeout_seconds, cwd=check.cwd, env=env, reach=reach
    )
    passed = outcome.exit_code == 0 and not outcome.timed_out
    detail = "timed out" if outcome.timed_out else (outcome.stdout + outcome.stderr)[-2000:]
    return CheckResult(
        id=check.id,
        statement=check.statement,
        passed=passed,
        detail="" if passed else detail.strip(),
    )


def _consumed_by(contract: Contract) -> str:
    names = ", ".join(repr(name) for name in contract.consumers)
    return f", which {names} work with" if names else ""
