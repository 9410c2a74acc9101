"""Work as durable steps: one persona at work, and the integration of what all made."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.recognition import recognise
from maestro.contracts.verification.loopback import free_port
from maestro.delivery.amendment_steps import proposals
from maestro.delivery.contract_steps import application_ports, application_reach
from maestro.delivery.providers import START_SECONDS, answering, served, upstream_artifacts
from maestro.delivery.record import IntegrationRecord, RunRecord, WorkRecord
from maestro.delivery.workspace import Workspace
from maestro.domain.contract import Contract, ContractKind, RecognisedOperation
from maestro.domain.encoding import encode
from maestro.domain.run import EventKind
from maestro.domain.work import Artifact, Assignment, Budget, ConsumedContract, LaunchCommand
from maestro.errors import Blocked
from maestro.planning.catalogue import Catalogue
from maestro.ports import (
    MockProvider,
    MockServer,
    PersonaExecutor,
    RecordedCall,
    SandboxProvider,
    StepContext,
    StepHandler,
    StepResult,
)

MAX_RECORDED_CALLS = 500
READERS_OF_THE_WHOLE = frozenset({"security_specialist", "code_reviewer", "integration_tester"})
"""Personas whose work is about what others built: their tree starts with all earlier files."""


@dataclass(frozen=True, slots=True)
class WorkSteps:
    catalogue: Catalogue
    workspace: Workspace
    sandboxes: SandboxProvider
    mocks: MockProvider
    executor: PersonaExecutor

    def handlers(self) -> Mapping[str, StepHandler]:
        return {"persona.work": self.work, "app.integrate": self.integrate}

    async def work(self, context: StepContext) -> StepResult:
        """One persona, one work tree, a live mock of each contract it consumes."""
        record = RunRecord.of(context)
        persona = self.catalogue.persona(str(context.step.inputs["persona"]))
        upstream = (
            upstream_artifacts(record, context.step) if persona.id in READERS_OF_THE_WHOLE else ()
        )
        tree = await self.workspace.fresh(
            context.run_id, context.step.id, context.attempt, upstream
        )
        consumed = [record.contract(str(item)) for item in context.step.inputs["consumes"]]
        async with (
            self._mocks(context, persona.id, consumed) as mocks,
            self.sandboxes.open(tree) as sandbox,
        ):
            assignment = self._assignment(context, record, consumed, mocks)
            result = await self.executor.execute(assignment, sandbox, context.progress)
            calls = {name: _evidence(mock.calls()) for name, mock in mocks.items()}
            strength = f"{sandbox.strength.level} {sandbox.strength.mechanism}"
        artifacts = await self.workspace.collect(tree, upstream)
        output = WorkRecord(
            persona=persona.id,
            component=assignment.component,
            result=result,
            artifacts=artifacts,
            calls=calls,
            sandbox=strength,
        )
        # A step with additions cannot be run again; most have none.
        return StepResult(output=encode(output), extend=proposals(context.step, persona.id, result))

    @asynccontextmanager
    async def _mocks(
        self, context: StepContext, consumer: str, contracts: Sequence[Contract]
    ) -> AsyncIterator[Mapping[str, MockServer]]:
        """A mock per served contract, alive exactly as long as the consumer's step."""
        running: dict[str, MockServer] = {}
        async with AsyncExitStack() as stack:
            for contract in filter(served, contracts):
                server = await stack.enter_async_context(
                    self.mocks.serve(contract, consumer=consumer)
                )
                running[contract.id] = server
                await context.emit(
                    EventKind.MOCK_STARTED,
                    {"contract": contract.id, "url": server.url, "consumer": consumer},
                )
            yield running
        for name, server in running.items():
            await context.emit(
                EventKind.MOCK_STOPPED, {"contract": name, "calls": len(server.calls())}
            )

    def _assignment(
        self,
        context: StepContext,
        record: RunRecord,
        consumed: Sequence[Contract],
        mocks: Mapping[str, MockServer],
    ) -> Assignment:
        plan = record.decided()
        persona = self.catalogue.persona(str(context.step.inputs["persona"]))
        requirement = record.requirement
        provides = tuple(record.contract(str(item)) for item in context.step.inputs["provides"])
        return Assignment(
            run_id=context.run_id,
            step_id=context.step.id,
            attempt=context.attempt,
            persona=persona,
            component=str(context.step.inputs["component"]),
            goal=context.step.label,
            requirement=requirement.text,
            domain=plan.analysis.domain,
            parts=plan.analysis.parts,
            provides=provides,
            consumes=tuple(
                ConsumedContract(
                    contract=contract,
                    url=mocks[contract.id].url if contract.id in mocks else "",
                )
                for contract in consumed
            ),
            constraints=requirement.constraints,
            budget=Budget(wall_seconds=context.step.timeout_seconds),
            contracts=record.contracts(),
            operations=(
                _recognised((*provides, *consumed)) if requirement.constraints.contract else ()
            ),
            feedback=context.feedback,
        )

    async def integrate(self, context: StepContext) -> StepResult:
        """Merges all contributions and really starts the result once.

        Raises StepFailed when contributions collide, Blocked when the application does not come up.
        """
        record = RunRecord.of(context)
        artifacts = upstream_artifacts(record, context.step)
        launch = next(
            (
                work.result.launch
                for _, work in record.works()
                if work.persona == "devops_engineer" and work.result.launch is not None
            ),
            None,
        )
        answered = ""
        if launch is not None:
            answered = await self._start_once(context, record, artifacts, launch)
        output = IntegrationRecord(artifacts=artifacts, launch=launch, answered=answered)
        return StepResult(output=encode(output))

    async def _start_once(
        self,
        context: StepContext,
        record: RunRecord,
        artifacts: Sequence[Artifact],
        launch: LaunchCommand,
    ) -> str:
        tree = await self.workspace.fresh(
            context.run_id, context.step.id, context.attempt, artifacts
        )
        port = free_port(application_ports(record))
        await context.progress(f"starting the whole application on port {port}")
        async with (
            self.sandboxes.open(tree) as sandbox,
            answering(
                "the integrated application",
                sandbox.serve(
                    launch,
                    port=port,
                    timeout=START_SECONDS,
                    reach=application_reach(record, port),
                ),
            ) as server,
            httpx.AsyncClient(timeout=10.0, trust_env=False) as client,
        ):
            try:
                reply = await client.get(server.url + launch.ready_path)
            except httpx.HTTPError as error:
                raise Blocked(
                    f"the started application did not answer on {launch.ready_path!r} "
                    f"({type(error).__name__}): {server.log()[-500:]}"
                ) from error
            if reply.status_code >= 400:
                raise Blocked(
                    f"the started application answered {reply.status_code} on "
                    f"{launch.ready_path!r}: {server.log()[-500:]}"
                )
            return f"GET {launch.ready_path} -> {reply.status_code}"


def _evidence(calls: Sequence[RecordedCall]) -> tuple[RecordedCall, ...]:
    return tuple(calls[:MAX_RECORDED_CALLS])


def _recognised(contracts: Sequence[Contract]) -> tuple[RecognisedOperation, ...]:
    """What the operations of the caller's own document do."""
    return tuple(
        operation
        for contract in contracts
        if contract.kind is ContractKind.REST
        for operation in recognise(from_object(contract.specification, name=contract.id))
    )
