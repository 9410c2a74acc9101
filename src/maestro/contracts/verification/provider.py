"""Verifies a REST provider: started or found, tried, judged. Commands and runs share this."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from maestro.contracts.openapi.document import from_object
from maestro.contracts.openapi.lint import errors_of
from maestro.contracts.verification.acceptance import check_criteria
from maestro.contracts.verification.conformance import ConformanceRun
from maestro.contracts.verification.conformance_process import run_conformance
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.contracts.verification.interface import Interface
from maestro.contracts.verification.judging import Gathered, judged
from maestro.contracts.verification.mockery import refuse_mock
from maestro.contracts.verification.not_built import check_not_built, known_operations
from maestro.contracts.verification.outcome import ProviderReport
from maestro.contracts.verification.probe import Probe
from maestro.contracts.verification.starting import START_SECONDS, provider_started
from maestro.contracts.verification.trials.api import ApiUnderTest
from maestro.contracts.verification.trials.bodies import BodyMaker
from maestro.contracts.verification.trials.calls import CallReplay
from maestro.contracts.verification.trials.connections import Connections
from maestro.contracts.verification.trials.lab import Lab
from maestro.contracts.verification.trials.run import run_trials
from maestro.contracts.verification.trials.wire import Wire
from maestro.contracts.verification.world import World
from maestro.domain.contract import Contract, SpecificationFormat
from maestro.domain.work import LaunchCommand
from maestro.errors import InvalidInput
from maestro.ports import RecordedCall, Report

REQUEST_SECONDS = 15.0
EXAMPLES = 60
"""Generated requests that are shared out among the operations, beside those of each phase."""
RUNS_APART = 20_000
"""Texts of one run; later runs start behind them, as entries may stay."""
WINDOW = 350_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOptions:
    seed: int = 1
    credentials: Mapping[str, str] = field(default_factory=dict)
    """Security scheme -> key, token or `user:password`; `x-test-credential` in the document
    stands in for what is not given."""
    start_seconds: float = START_SECONDS
    generated_seconds: float = 120.0
    """The most that generated requests may take; 0 leaves them out."""
    examples: int = EXAMPLES
    base_path: str | None = None
    """Below a started provider's address; the document's first server when None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A contract with what its verification has found out so far, and what remains to be tried."""

    gathered: Gathered
    api: ApiUnderTest
    not_built: tuple[str, ...] = ()
    """Operations the provider declared as answering 501."""


async def verify_provider(
    contract: Contract,
    *,
    url: str | None = None,
    command: LaunchCommand | None = None,
    folder: Path,
    calls: Sequence[RecordedCall] = (),
    report: Report,
    options: VerificationOptions = VerificationOptions(),
) -> ProviderReport:
    """Holds a REST provider against its contract, started by `command` or found at `url`.

    `folder` is where the command runs and where deliverables are looked for.

    Raises:
        InvalidInput: not exactly one of url and command, no OpenAPI contract, a document with
            errors, or a mock instead of a provider.
        StepFailed: the provider does not start.
    """
    if (url is None) == (command is None):
        raise InvalidInput("give either the URL of a running provider or the command to start one")
    began = time.monotonic()
    opening = await asyncio.to_thread(
        opened, contract, folder=folder, target=url or "", options=options
    )
    gathered = opening.gathered
    async with _reached(gathered, url, command, folder, report, options) as address:
        await examined(opening, address, calls, report, options)
    gathered.seconds = time.monotonic() - began
    return await asyncio.to_thread(judged, gathered)


def opened(
    contract: Contract,
    *,
    folder: Path,
    target: str,
    options: VerificationOptions,
    not_built: Sequence[str] = (),
) -> Opening:
    """What can be said before anything is asked: of the document and of the files in `folder`.
    Blocks.

    Raises InvalidInput for a contract that is no OpenAPI document or has errors.
    """
    if contract.format is not SpecificationFormat.OPENAPI:
        raise InvalidInput(f"contract {contract.id!r} is {contract.format.value}, not OpenAPI")
    document = from_object(contract.specification, name=contract.id)
    errors = errors_of(document)
    if errors:
        raise InvalidInput(f"contract {contract.id!r} is not valid: {errors[0]}")
    left_out = known_operations(Interface(contract.specification), not_built)
    api = ApiUnderTest(document, secrets=options.credentials, excluded=left_out)
    gathered = Gathered(
        contract=contract,
        document=document,
        operations=api.operations,
        target=target,
        seed=options.seed,
        examples=options.examples,
    )
    gathered.files = examine_deliverables(contract, folder)
    return Opening(gathered=gathered, api=api, not_built=tuple(not_built))


@asynccontextmanager
async def _reached(
    gathered: Gathered,
    url: str | None,
    command: LaunchCommand | None,
    folder: Path,
    report: Report,
    options: VerificationOptions,
) -> AsyncIterator[str]:
    """The provider's address with the base path; what was started is ended on leaving."""
    async with AsyncExitStack() as stack:
        if command is not None:
            await report(f"starting {' '.join(command.argv)}")
            gathered.started = await stack.enter_async_context(
                provider_started(command, folder, timeout=options.start_seconds)
            )
            await report(f"ready after {gathered.started.ready_seconds:.1f} s")
            gathered.target = gathered.started.command
            base = options.base_path
            if base is None:
                base = command.base_path or gathered.document.base_path
            url = gathered.started.url + base
        assert url is not None
        yield url.rstrip("/")


async def examined(
    opening: Opening,
    address: str,
    calls: Sequence[RecordedCall],
    report: Report,
    options: VerificationOptions,
) -> None:
    """Everything that is asked of a provider that answers at `address`, base path included.

    Raises InvalidInput for a mock, or when nothing answers.
    """
    gathered, api = opening.gathered, opening.api
    parts = urlsplit(address)
    connections = Connections(f"{parts.scheme}://{parts.netloc}", REQUEST_SECONDS)
    wire = Wire(api, address, connections)
    first = int(time.time()) % WINDOW * RUNS_APART
    lab = Lab(api, wire, BodyMaker(api, first=first))
    try:
        await refuse_mock(api, connections, parts.path)
        gathered.trials = await run_trials(lab, report)
        if calls:
            await report(f"replaying {len(calls)} calls of consumers")
            gathered.calls = await CallReplay(lab).run(calls)
    finally:
        await connections.close()
    gathered.statuses = wire.statuses
    gathered.requests = wire.requests
    await _promises(opening, address, report)
    gathered.looked_at = frozenset(lab.looked_at)
    if options.generated_seconds > 0:
        await _generated(opening, address, report, options)


async def _promises(opening: Opening, address: str, report: Report) -> None:
    """The contract's own acceptance criteria, and what the provider says it has not built."""
    gathered, contract = opening.gathered, opening.gathered.contract
    if not contract.acceptance and not opening.not_built:
        return
    await report(f"{len(contract.acceptance)} acceptance criteria")
    timeout = httpx.Timeout(REQUEST_SECONDS)
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(
        timeout=timeout, limits=limits, trust_env=False, headers=_headers(opening.api)
    ) as http:
        probe = Probe(Interface(contract.specification), address, http)
        world = World(probe, opening.api.excluded)
        gathered.criteria = await check_criteria(contract.acceptance, world)
        if opening.not_built:
            gathered.not_built = await check_not_built(probe, opening.not_built)
        gathered.requests += probe.requests


async def _generated(
    opening: Opening, address: str, report: Report, options: VerificationOptions
) -> None:
    gathered = opening.gathered
    run = ConformanceRun(
        interface=Interface(gathered.contract.specification),
        url=address,
        seed=options.seed,
        excluded=opening.api.excluded,
        time_limit=options.generated_seconds,
        headers=_headers(opening.api),
        examples_in_all=options.examples,
    )
    gathered.conformance = await run_conformance(run, report)
    gathered.requests += gathered.conformance.requests


def _headers(api: ApiUnderTest) -> dict[str, str]:
    """Credentials for all operations together."""
    headers: dict[str, str] = {}
    for operation in api.operations:
        if api.is_closed(operation) and api.credentials(operation).known:
            headers = {**api.credentials(operation).headers, **headers}
    return headers
