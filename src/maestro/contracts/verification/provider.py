"""Verifies a provider as `maestro contracts verify` does: started or found, tried, judged."""

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
    if contract.format is not SpecificationFormat.OPENAPI:
        raise InvalidInput(f"contract {contract.id!r} is {contract.format.value}, not OpenAPI")
    document = from_object(contract.specification, name=contract.id)
    errors = errors_of(document)
    if errors:
        raise InvalidInput(f"contract {contract.id!r} is not valid: {errors[0]}")
    began = time.monotonic()
    api = ApiUnderTest(document, secrets=options.credentials)
    gathered = Gathered(
        contract=contract,
        document=document,
        operations=api.operations,
        target=url or "",
        seed=options.seed,
    )
    gathered.files = await asyncio.to_thread(examine_deliverables, contract, folder)
    async with _reached(gathered, url, command, folder, report, options) as address:
        await _examined(gathered, api, address, calls, report, options)
    gathered.seconds = time.monotonic() - began
    return judged(gathered)


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


async def _examined(
    gathered: Gathered,
    api: ApiUnderTest,
    address: str,
    calls: Sequence[RecordedCall],
    report: Report,
    options: VerificationOptions,
) -> None:
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
    await _criteria(gathered, api, address, report)
    gathered.looked_at = frozenset(lab.looked_at)
    if options.generated_seconds > 0:
        await _generated(gathered, api, address, report, options)


async def _criteria(gathered: Gathered, api: ApiUnderTest, address: str, report: Report) -> None:
    """The contract's own acceptance criteria."""
    contract = gathered.contract
    if not contract.acceptance:
        return
    await report(f"{len(contract.acceptance)} acceptance criteria")
    timeout = httpx.Timeout(REQUEST_SECONDS)
    limits = httpx.Limits(max_keepalive_connections=0)
    headers = _headers(api)
    async with httpx.AsyncClient(
        timeout=timeout, limits=limits, trust_env=False, headers=headers
    ) as http:
        probe = Probe(Interface(contract.specification), address, http)
        gathered.criteria = await check_criteria(contract.acceptance, World(probe, frozenset()))
        gathered.requests += probe.requests


async def _generated(
    gathered: Gathered,
    api: ApiUnderTest,
    address: str,
    report: Report,
    options: VerificationOptions,
) -> None:
    run = ConformanceRun(
        interface=Interface(gathered.contract.specification),
        url=address,
        seed=options.seed,
        excluded=frozenset(),
        time_limit=options.generated_seconds,
        headers=_headers(api),
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
