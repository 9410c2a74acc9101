"""Mocks that people started, and verifications that were asked for: tasks of this process.

Neither outlives it; a run's own mocks are steps' resources and not kept here.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from maestro.contracts.mocks.host import MockHost
from maestro.contracts.mocks.surface import MockBehaviour
from maestro.contracts.verification.reports import validation_report
from maestro.delivery.contract_verification import ProviderPlace, ProviderVerification
from maestro.domain.contract import Contract
from maestro.domain.values import JsonObject
from maestro.errors import Conflict, InvalidInput, MaestroError, NotFound, StorageUnavailable
from maestro.ports import Clock
from maestro.server.problems import contained

MOST_MOCKS = 50
LOOK_SECONDS = 2.0
"""How often it is asked whether a mock may still be served."""
MOST_VERIFICATIONS = 200
MOST_AT_ONCE = 2
VERIFICATION_SECONDS = 900.0


Allowed = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMock:
    id: str
    contract: Contract
    url: str
    started_by: str
    started_at: datetime
    project: str
    """Whose contract it is; empty for one that belongs to no run."""
    stop: asyncio.Event
    task: "asyncio.Task[object]"


@dataclass(slots=True, kw_only=True)
class AskedVerification:
    id: str
    contract: Contract
    url: str
    project: str
    status: str = "running"
    """`running`, `done` or `failed`."""
    progress: str = ""
    report: JsonObject | None = None
    error: str | None = None


@dataclass(slots=True)
class _Opening:
    url: "asyncio.Future[str]" = field(default_factory=asyncio.Future)


class Errands:
    """Everything that was started for somebody and is no run."""

    def __init__(
        self, clock: Clock, verification: Callable[[], ProviderVerification], folder: Path
    ) -> None:
        """`folder`: an empty place, for verifiers that want one."""
        self._clock = clock
        self._verification = verification
        self._folder = folder
        self._mocks: dict[str, LiveMock] = {}
        self._verifications: dict[str, AskedVerification] = {}
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._tasks: set[asyncio.Task[object]] = set()
        self._group: asyncio.TaskGroup | None = None

    def begin(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    def end(self) -> None:
        self._group = None
        for task in self._tasks:
            task.cancel()

    @property
    def mocks(self) -> list[LiveMock]:
        return list(self._mocks.values())

    def mock(self, mock_id: str) -> LiveMock:
        """Raises NotFound."""
        if mock_id not in self._mocks:
            raise NotFound(f"there is no mock {mock_id!r}; it ended, or the server was restarted")
        return self._mocks[mock_id]

    def verification(self, verification_id: str) -> AskedVerification:
        """Raises NotFound."""
        if verification_id not in self._verifications:
            raise NotFound(f"there is no verification {verification_id!r} in this process")
        return self._verifications[verification_id]

    async def serve(
        self, contract: Contract, *, by: str, project: str, seed: int, allowed: Allowed | None
    ) -> LiveMock:
        """Until it is stopped, or `allowed` says no.

        Raises:
            InvalidInput: the contract has no mock. Conflict: there are too many.
        """
        if len(self._mocks) >= MOST_MOCKS:
            raise Conflict(f"{MOST_MOCKS} mocks are served already; stop one first")
        opening, stop = _Opening(), asyncio.Event()
        serving = _served(contract, seed, opening, stop, allowed)
        task = self._own(serving, f"mock of {contract.id}")
        begun: set[asyncio.Future[Any]] = {task, opening.url}
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if not opening.url.done():
            error = task.result()
            raise error if isinstance(error, MaestroError) else Conflict("the mock ended at once")
        made = LiveMock(
            id=f"mock-{uuid.uuid4().hex[:12]}",
            contract=contract,
            url=opening.url.result(),
            started_by=by,
            started_at=self._clock.now(),
            project=project,
            stop=stop,
            task=task,
        )
        self._mocks[made.id] = made
        task.add_done_callback(lambda _: self._mocks.pop(made.id, None))
        return made

    async def retire(self, mock_id: str) -> None:
        """Returns when its port is free. Raises NotFound."""
        mock = self.mock(mock_id)
        mock.stop.set()
        await asyncio.wait({mock.task})

    def verify(self, contract: Contract, url: str, *, project: str) -> AskedVerification:
        """Begins to hold a running provider against its contract.

        Raises:
            InvalidInput: the address is not on this machine.
        """
        _check_address(url)
        asked = AskedVerification(
            id=f"verification-{uuid.uuid4().hex[:12]}", contract=contract, url=url, project=project
        )
        ended = [key for key, one in self._verifications.items() if one.status != "running"]
        for key in ended[: max(0, len(self._verifications) + 1 - MOST_VERIFICATIONS)]:
            del self._verifications[key]
        if len(self._verifications) >= MOST_VERIFICATIONS:
            raise Conflict(f"{MOST_VERIFICATIONS} verifications are waiting; ask again later")
        self._verifications[asked.id] = asked
        self._own(self._verified(asked), f"verification of {contract.id}")
        return asked

    async def _verified(self, asked: AskedVerification) -> None:
        async def tell(message: str) -> None:
            asked.progress = message

        try:
            async with self._places, asyncio.timeout(VERIFICATION_SECONDS):
                verification = await asyncio.to_thread(self._verification)
                await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
                place = ProviderPlace(folder=self._folder, url=asked.url)
                report = await verification.verify(asked.contract, place, tell)
            asked.report, asked.status = validation_report(report), "done"
        except TimeoutError:
            asked.error = f"not done within {VERIFICATION_SECONDS:g} s"
        except MaestroError as error:
            asked.error = str(error)
        finally:
            if asked.status == "running":
                asked.status = "failed"

    def _own(self, work: Coroutine[Any, Any, None], doing: str) -> "asyncio.Task[object]":
        if self._group is None:
            work.close()
            raise Conflict("the server is going down and begins nothing more; ask it again later")
        task: asyncio.Task[object] = self._group.create_task(contained(work, doing), name=doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _served(
    contract: Contract,
    seed: int,
    opening: _Opening,
    stop: asyncio.Event,
    allowed: Allowed | None,
) -> None:
    async with MockHost([contract], behaviour=MockBehaviour(seed=seed)) as host:
        addresses = host.addresses()
        opening.url.set_result(addresses[0][1] if addresses else host.url)
        while not stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(None if allowed is None else LOOK_SECONDS):
                    await stop.wait()
            if allowed is not None and not await _still(allowed):
                return


async def _still(allowed: Allowed) -> bool:
    """While the store is away nobody can take anything back."""
    try:
        return await allowed()
    except StorageUnavailable:
        return True


def _check_address(url: str) -> None:
    """Whoever may ask for a verification must not make this machine ask others."""
    try:
        host = urlsplit(url).hostname or ""
        local = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise InvalidInput(
            f"url {url!r}: only providers on this machine (127.0.0.1) are verified over HTTP; for "
            "others use 'maestro contracts verify' where you may reach them"
        )
