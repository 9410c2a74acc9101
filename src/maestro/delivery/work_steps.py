"""Work as durable steps: one persona at work, and the integration of what all made."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from maestro.contracts.openapi import from_object
from maestro.contracts.openapi.recognition import recognise
from maestro.contracts.verification.loopback import free_port
from maestro.delivery.accepted_work import accepted_work
from maestro.delivery.amendment_steps import proposals
from maestro.delivery.announcing import failed_agents
from maestro.delivery.enlisting import enlist_models
from maestro.delivery.judging import PhaseJudge
from maestro.delivery.model_runs import model_table, pause_for_budget
from maestro.delivery.proposal_files import with_proposals
from maestro.delivery.providers import (
    START_SECONDS,
    answering,
    application_ports,
    application_reach,
    mocked,
    upstream_artifacts,
)
from maestro.delivery.questions import answers_of, ask_people
from maestro.delivery.record import IntegrationRecord, RunRecord, WorkRecord
from maestro.delivery.shelf import Shelf
from maestro.delivery.worked_examples import worked_examples
from maestro.delivery.workspace import Workspace
from maestro.domain.contract import Contract, ContractKind, RecognisedOperation
from maestro.domain.encoding import encode
from maestro.domain.run import EventKind
from maestro.domain.work import (
    Artifact,
    Assignment,
    Budget,
    ConsumedContract,
    LaunchCommand,
    WorkResult,
)
from maestro.errors import Blocked, BudgetExceeded, QuestionAsked
from maestro.planning.catalogue import Catalogue
from maestro.ports import (
    MockProvider,
    MockServer,
    PersonaExecutor,
    Sandbox,
    SandboxProvider,
    StepContext,
    StepHandler,
    StepResult,
)

MAX_RECORDED_CALLS = 500
"""Calls of a consumer on one mock that are kept as evidence: the last ones."""
FOLLOW_SECONDS = 0.5
"""How often a working consumer's contracts are looked at again."""
READERS_OF_THE_WHOLE = frozenset({"security_specialist", "code_reviewer", "integration_tester"})
"""Personas whose work is about what others built: their tree starts with all earlier files."""


@dataclass(frozen=True, slots=True)
class WorkSteps:
    catalogue: Catalogue
    workspace: Workspace
    sandboxes: SandboxProvider
    mocks: MockProvider
    shelf: Shelf
    executor: PersonaExecutor
    judge: PhaseJudge

    def handlers(self) -> Mapping[str, StepHandler]:
        return {"persona.work": self.work, "app.integrate": self.integrate}

    async def work(self, context: StepContext) -> StepResult:
        """One persona, one work tree, a live mock of each contract it consumes.

        Raises Blocked before anything was done when an entry gate of its phase refuses.
        """
        record = RunRecord.of(context)
        persona = self.catalogue.persona(str(context.step.inputs["persona"]))
        entry = await self.judge.entering(context, persona.phase)
        if entry is not None and not entry.verdict.passed:
            raise Blocked(
                f"work of phase {persona.phase!r} may not start",
                reasons=entry.verdict.reasons,
                detail=encode(entry),
            )
        upstream = (
            upstream_artifacts(record, context.step) if persona.id in READERS_OF_THE_WHOLE else ()
        )
        tree = await self.workspace.fresh(
            context.run_id, context.step.id, context.attempt, upstream
        )
        consumed = [record.contract(str(item)) for item in context.step.inputs["consumes"]]
        async with (
            self._mocks(context, persona.id, consumed, tree) as mocks,
            self.sandboxes.open(tree) as sandbox,
        ):
            failed = await failed_agents(self.shelf.store, context)
            assignment = await asyncio.to_thread(
                self._assignment, context, record, consumed, mocks, failed
            )
            if assignment.table is not None or await self._models_registered():
                examples = await asyncio.to_thread(worked_examples, assignment, record.decided())
                found = await accepted_work(self.shelf.store, self.workspace.artifacts, assignment)
                assignment = replace(assignment, examples=examples, accepted=found)
            result = await self._done(context, assignment, sandbox)
            result = await asyncio.to_thread(with_proposals, result, tree, assignment)
            calls = {
                name: tuple((await asyncio.to_thread(mock.calls))[-MAX_RECORDED_CALLS:])
                for name, mock in mocks.items()
            }
            seen = {name: await asyncio.to_thread(mock.seen) for name, mock in mocks.items()}
            strength = f"{sandbox.strength.level} {sandbox.strength.mechanism}"
        artifacts = await self.workspace.collect(tree, upstream)
        output = WorkRecord(
            persona=persona.id,
            component=assignment.component,
            result=result,
            artifacts=artifacts,
            calls=calls,
            calls_seen=seen,
            sandbox=strength,
            entry=entry,
        )
        # A step with additions cannot be run again; most have none.
        return StepResult(
            output=await asyncio.to_thread(encode, output),
            extend=proposals(context.step, persona.id, result),
        )

    async def _done(
        self, context: StepContext, assignment: Assignment, sandbox: Sandbox
    ) -> WorkResult:
        """A budget that is used up pauses the run; the step goes on when it is resumed, and after
        a question when that is answered.
        """
        if assignment.table is not None:
            names = assignment.table.names(assignment.persona.id)
            await enlist_models(self.shelf.store, self.shelf.clock, names)
        try:
            return await self.executor.execute(assignment, sandbox, context.progress)
        except BudgetExceeded as error:
            await pause_for_budget(self.shelf.store, self.shelf.clock, context.run_id, error)
            raise BudgetExceeded(str(error), reasons=context.feedback) from error
        except QuestionAsked as asked:
            await ask_people(self.shelf.store, self.shelf.clock, context, assignment, asked)
            raise

    async def _models_registered(self) -> bool:
        """Whether the router may give the work to a model."""
        agents = [one.agent for one in await self.shelf.store.read(lambda tx: tx.agents.all())]
        return any(agent.model is not None and not agent.on_request for agent in agents)

    @asynccontextmanager
    async def _mocks(
        self, context: StepContext, consumer: str, contracts: Sequence[Contract], tree: Path
    ) -> AsyncIterator[Mapping[str, MockServer]]:
        """A mock per contract that has one, there exactly as long as the consumer's step."""
        running: dict[str, MockServer] = {}
        async with AsyncExitStack() as stack:
            for contract in filter(mocked, contracts):
                server = await stack.enter_async_context(
                    self.mocks.serve(contract, consumer=consumer, folder=tree)
                )
                running[contract.id] = server
                await _tell_start(context, contract, server, consumer)
            async with _beside(self._follow(context, consumer, contracts, running)):
                yield running
        for name, server in running.items():
            await _tell_end(context, name, server)

    async def _follow(
        self,
        context: StepContext,
        consumer: str,
        contracts: Sequence[Contract],
        running: Mapping[str, MockServer],
    ) -> None:
        """Starts a mock again when its contract is amended while the consumer works with it."""
        present = {contract.id: contract for contract in contracts if contract.id in running}
        while present:
            await asyncio.sleep(FOLLOW_SECONDS)
            for contract in tuple(present.values()):
                latest = await self.shelf.latest(context.run_id, contract)
                if latest.digest == contract.digest:
                    continue
                server = running[contract.id]
                await _tell_end(context, contract.id, server)
                await server.go_on_with(latest)
                present[contract.id] = latest
                await _tell_start(context, latest, server, consumer)

    def _assignment(
        self,
        context: StepContext,
        record: RunRecord,
        consumed: Sequence[Contract],
        mocks: Mapping[str, MockServer],
        failed: tuple[str, ...],
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
                    environment=mocks[contract.id].environment if contract.id in mocks else {},
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
            languages=tuple(context.step.inputs.get("languages", ())),
            answers=answers_of(context),
            failed_agents=failed,
            table=model_table(context.run_inputs),
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


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs `work` until left; a failure of it shows then."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


async def _tell_start(
    context: StepContext, contract: Contract, server: MockServer, consumer: str
) -> None:
    await context.emit(
        EventKind.MOCK_STARTED,
        {
            "contract": contract.id,
            "version": contract.version,
            "url": server.url,
            "consumer": consumer,
        },
    )


async def _tell_end(context: StepContext, name: str, server: MockServer) -> None:
    seen = await asyncio.to_thread(server.seen)
    await context.emit(EventKind.MOCK_STOPPED, {"contract": name, "calls": seen})


def _recognised(contracts: Sequence[Contract]) -> tuple[RecognisedOperation, ...]:
    """What the operations of the caller's own document do."""
    return tuple(
        operation
        for contract in contracts
        if contract.kind is ContractKind.REST
        for operation in recognise(from_object(contract.specification, name=contract.id))
    )
