"""`maestro contracts`: mock, verify, export. They start servers, and end them in order."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter
from rich.console import Console
from rich.status import Status

from maestro.bootstrap import provider_verification
from maestro.cli import contract_view, render
from maestro.cli.contracts import Json, Run
from maestro.cli.named_contracts import contracts_of
from maestro.cli.options import StoreOptions
from maestro.cli.shutdown import Departure, Interrupted, departing
from maestro.contracts.exports import EXPORTS
from maestro.contracts.mocks.host import run_mock_server
from maestro.contracts.mocks.recording import read_calls
from maestro.contracts.mocks.serving import mock_loop
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.verification.outcome import ProviderReport
from maestro.contracts.verification.provider import VerificationOptions
from maestro.contracts.verification.reports import validation_report, write_reports
from maestro.delivery.contract_desk import ContractReference, exported
from maestro.delivery.contract_verification import ProviderPlace
from maestro.domain.encoding import encode
from maestro.errors import InvalidInput

T = TypeVar("T")
END_SECONDS = 15.0
"""In which servers and whatever a provider has started end after a signal."""


def mock(
    *files: Annotated[str, Parameter(name="FILE", help="Contracts of any kind: files or ids.")],
    port: Annotated[int, Parameter(help="0 takes a free one.")] = 4010,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, Parameter(help="Other numbers make other sample values.")] = 0,
    dynamic: Annotated[
        bool, Parameter(negative="", help="Replies are drawn anew for each request.")
    ] = False,
    stateless: Annotated[
        bool, Parameter(negative="", help="Remember nothing: every reply is an example or sample.")
    ] = False,
    record: Annotated[Path | None, Parameter(help="Write every call to this JSONL file.")] = None,
    proxy: Annotated[
        str | None, Parameter(help="Pass on to this provider, and check both directions.")
    ] = None,
    seed_data: Annotated[
        Path | None, Parameter(help="YAML or JSON with entries to begin with, by collection.")
    ] = None,
    broker: Annotated[
        str | None, Parameter(help="Play AsyncAPI contracts on this Redis, RabbitMQ or NATS, too.")
    ] = None,
    store: StoreOptions | None = None,
) -> int:
    """Serve mocks of contracts until told to end; prints their addresses at once."""
    behaviour = MockBehaviour(seed=seed, dynamic=dynamic, stateful=not stateless)

    async def serve() -> int:
        if not files:
            raise InvalidInput("name at least one FILE to serve")
        stored = [text for text in files if ContractReference.of(text).path is None]
        found = iter(await contracts_of(stored, store))
        chosen = [next(found) if text in stored else Path(text) for text in files]
        await _until_told(
            run_mock_server(
                chosen,
                host=host,
                port=port,
                behaviour=behaviour,
                record_to=record,
                proxy=proxy,
                seed_data=seed_data,
                broker=broker,
                tell=render.line,
            ),
            told="the mock server ends",
        )
        return 0

    with asyncio.Runner(loop_factory=mock_loop) as runner:
        return runner.run(serve())


async def verify(
    file: Annotated[str, Parameter(name="FILE", help="A contract's file, or ID or ID@VERSION.")],
    *,
    url: Annotated[str | None, Parameter(help="Of a running provider, base path included.")] = None,
    command: Annotated[
        str | None, Parameter(help="Starts the provider; {port} stands for its port.")
    ] = None,
    cwd: Annotated[Path, Parameter(help="Folder of the provider's files.")] = Path(),
    calls: Annotated[
        Path | None, Parameter(help="Calls that a mock has recorded, to be repeated.")
    ] = None,
    output: Annotated[
        Path | None, Parameter(help="Folder for validation_report.json, JUnit and SARIF.")
    ] = None,
    credential: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="SCHEME=VALUE for a security scheme; repeat for several."),
    ] = (),
    seed: Annotated[int, Parameter(help="Of what is drawn by lot.")] = 1,
    run: Run = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Hold a provider against its contract; exit code 3 when it does not conform."""
    where = store or StoreOptions()
    options = VerificationOptions(seed=seed, credentials=_credentials(credential))
    recorded = [] if calls is None else await asyncio.to_thread(read_calls, calls)
    [contract] = await contracts_of((file,), store, run)
    place = ProviderPlace(folder=cwd, url=url, command=command)
    with _Progress(quiet=json) as progress:
        work = provider_verification(where.settings()).verify(
            contract, place, progress.tell, calls=recorded, options=options
        )
        report = await _finished(work, "the verification ends, and what it has started")
    written = await asyncio.to_thread(_written, report, output, file)
    if json:
        render.document({"type": "verification", **validation_report(report)})
    else:
        contract_view.verification(report)
        for path in written:
            render.line(f"written    {path}")
    return 0 if report.conforms else 3


async def export(
    reference: Annotated[str, Parameter(name="REF", help="A contract's file, ID or ID@VERSION.")],
    *,
    to: Annotated[str, Parameter(help=f"What to make of it: {', '.join(EXPORTS)}.")],
    output: Annotated[Path, Parameter(help="Folder for it; missing or empty.")],
    calls: Annotated[
        Path | None, Parameter(help="Calls that a mock has recorded, for what takes them.")
    ] = None,
    run: Run = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Write a contract as something others run; exit code 3 when it does not pass its check."""
    recorded = [] if calls is None else await asyncio.to_thread(read_calls, calls)
    [contract] = await contracts_of((reference,), store, run)
    with _Progress(quiet=json) as progress:
        work = exported(contract, to, output, progress.tell, calls=recorded)
        made = await _finished(work, "the export ends, and nothing is written")
    if json:
        render.document({"type": "export", **encode(made), "output": str(output)})
    elif not made.check.passed:
        render.line(f"not written: {made.check.statement}: no: {made.check.detail}")
    else:
        for name in made.files:
            render.line(str(output / name))
        detail = f" ({made.check.detail})" if made.check.detail else ""
        render.line(f"checked: {made.check.statement}{detail}")
    return 0 if made.check.passed else 3


class _Progress:
    """What is being done now, on stderr: one changing line for people, lines for a log."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._status: Status | None = None
        console = Console(stderr=True, highlight=False)
        if not quiet and console.is_terminal:
            self._status = console.status("starting")

    def __enter__(self) -> "_Progress":
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    async def tell(self, message: str) -> None:
        if self._status is not None:
            self._status.update(message)
        elif not self._quiet:
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()


async def _until_told(work: Coroutine[Any, Any, None], *, told: str) -> None:
    """Runs what has no end of its own until the first signal, which is no failure."""
    task = asyncio.create_task(work)
    with _leaving(task, told) as leaving:
        await asyncio.wait({task})
    if leaving.asked is None or not task.cancelled():
        task.result()


async def _finished(work: Coroutine[Any, Any, T], told: str) -> T:
    """Raises Interrupted when a signal came before the work's end."""
    task = asyncio.create_task(work)
    with _leaving(task, told) as leaving:
        await asyncio.wait({task})
    if task.cancelled() and leaving.asked is not None:
        raise Interrupted(f"ended by {leaving.asked.name} before there was a result", leaving.asked)
    return task.result()


def _leaving(task: "asyncio.Task[Any]", told: str) -> AbstractContextManager[Departure]:
    def cancel() -> None:
        task.cancel()

    return departing(cancel, told=told, kept="nothing goes on", within=END_SECONDS)


def _credentials(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput("--credential: write SCHEME=VALUE, e.g. apiKey=secret")
        found[name] = value
    return found


def _written(report: ProviderReport, folder: Path | None, source: str) -> tuple[Path, ...]:
    if folder is None:
        return ()
    try:
        return write_reports(report, folder, source=source)
    except OSError as error:
        raise InvalidInput(
            f"--output {str(folder)!r} cannot be written: {error.strerror}"
        ) from error
