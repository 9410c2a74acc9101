"""Really starting what was built."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from maestro.contracts.verification.loopback import free_port
from maestro.delivery.record import RunRecord, WorkRecord
from maestro.delivery.workspace import Workspace, merge
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.values import StepId
from maestro.domain.work import Artifact, LaunchCommand
from maestro.domain.workflow import Step
from maestro.errors import Blocked, StepFailed
from maestro.ports import (
    Reach,
    RecordedCall,
    Sandbox,
    SandboxProvider,
    ServerProcess,
    StepContext,
)

START_SECONDS = 45.0
_SERVED = frozenset(
    {
        ContractKind.REST,
        ContractKind.GRAPHQL,
        ContractKind.GRPC,
        ContractKind.EVENT_STREAM,
        ContractKind.MESSAGE_QUEUE,
    }
)


@dataclass(frozen=True, slots=True)
class RunningProvider:
    contract: str
    component: str
    url: str
    """Base URL of the API, base path included; `grpc://HOST:PORT` for gRPC."""
    port: int
    sandbox: Sandbox
    not_built: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Providers:
    workspace: Workspace
    sandboxes: SandboxProvider

    @asynccontextmanager
    async def started(
        self, context: StepContext, record: RunRecord, contract: Contract, label: str = ""
    ) -> AsyncIterator[RunningProvider]:
        """The provider of a contract, started from what was built for its component.

        Raises Blocked when nobody delivered a launch command or it does not come up.
        """
        works = component_works(record, contract.component)
        launch = launch_of(works, contract)
        artifacts = merge({work.persona: work.artifacts for work in works})
        name = f"{context.step.id}{label}"
        tree = await self.workspace.fresh(context.run_id, StepId(name), context.attempt, artifacts)
        port = free_port()
        await context.progress(
            f"starting {contract.provider} of {contract.component} on port {port}"
        )
        async with (
            self.sandboxes.open(tree) as sandbox,
            answering(
                f"what {contract.provider!r} built for {contract.component!r}",
                sandbox.serve(
                    launch, port=port, timeout=START_SECONDS, reach=Reach(listen=(port,))
                ),
            ) as server,
        ):
            yield RunningProvider(
                contract=contract.id,
                component=contract.component,
                url=_address(contract, server.url + launch.base_path, port),
                port=port,
                sandbox=sandbox,
                not_built=unbuilt_operations(works),
            )


@asynccontextmanager
async def answering(
    what: str, server: AbstractAsyncContextManager[ServerProcess]
) -> AsyncIterator[ServerProcess]:
    """The server, once it takes requests.

    Raises Blocked when it does not come up: then what was built is not what was asked for, and
    Maestro itself has done its work.
    """
    async with AsyncExitStack() as stack:
        try:
            process = await stack.enter_async_context(server)
        except StepFailed as error:
            raise Blocked(f"{what} does not start", reasons=(str(error),)) from error
        yield process


def _address(contract: Contract, url: str, port: int) -> str:
    return f"grpc://127.0.0.1:{port}" if contract.kind is ContractKind.GRPC else url


def component_works(record: RunRecord, component: str) -> Sequence[WorkRecord]:
    return [work for _, work in record.works() if work.component == component]


def launch_of(works: Sequence[WorkRecord], contract: Contract) -> LaunchCommand:
    for work in works:
        if work.persona == contract.provider and work.result.launch is not None:
            return work.result.launch
    raise Blocked(
        f"{contract.provider!r} delivered nothing that can be started for contract "
        f"{contract.id!r}; a provider must name its launch command"
    )


def unbuilt_operations(works: Sequence[WorkRecord]) -> tuple[str, ...]:
    """Operations a provider declared as answering 501 on purpose."""
    return tuple(
        str(operation)
        for work in works
        for operation in work.result.details.get("not_built_operations", ())
    )


def served(contract: Contract) -> bool:
    """Whether its provider is started, instead of looked at as files."""
    return contract.kind in _SERVED


def mocked(contract: Contract) -> bool:
    """Whether consumers get a mock of it while they build: a server, or a module to import."""
    return served(contract) or contract.kind is ContractKind.INTERFACE


def upstream_artifacts(record: RunRecord, step: Step) -> tuple[Artifact, ...]:
    """The union of what the personas delivered whose work `step` needs, directly or not.

    Never more than that: which other steps happen to be finished must not change a result.
    """
    needed = ancestors(record.decided().steps, step)
    return merge(
        {str(step_id): work.artifacts for step_id, work in record.works() if step_id in needed}
    )


def own_contracts(record: RunRecord, step: Step) -> tuple[Contract, ...]:
    """Those whose agreement `step` needs; how far others have come must not change a result."""
    needed = ancestors(record.decided().steps, step)
    return tuple(
        contract for contract in record.contracts() if StepId(f"contract.{contract.id}") in needed
    )


def upstream_calls(record: RunRecord, step: Step, contract: str) -> tuple[RecordedCall, ...]:
    """What consumers whose work `step` needs, directly or not, did on the contract's mock.

    Never more than that, for the reason that upstream_artifacts gives.
    """
    needed = ancestors(record.decided().steps, step)
    return tuple(
        call
        for step_id, work in record.works()
        if step_id in needed
        for call in work.calls.get(contract, ())
    )


def ancestors(steps: Sequence[Step], step: Step) -> frozenset[StepId]:
    """Ids of all steps that `step` needs, directly or through others."""
    by_id = {candidate.id: candidate for candidate in steps}
    found: set[StepId] = set()
    waiting = list(step.needs)
    while waiting:
        need = waiting.pop()
        if need not in found and need in by_id:
            found.add(need)
            waiting.extend(by_id[need].needs)
    return frozenset(found)


def application_ports(record: RunRecord) -> int:
    """How many ports in a row the integrated application uses: its own, then one per service."""
    services = len(record.decided().analysis.domain.services)
    return 1 + (services if services > 1 else 0)


def application_reach(record: RunRecord, port: int) -> Reach:
    """The ports the integrated application uses, `port` being the first."""
    ports = tuple(range(port, port + application_ports(record)))
    return Reach(listen=ports, connect=ports)
