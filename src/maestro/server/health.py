"""What is looked at to say whether the server can do its work; each look ends within 2 s."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.service import Maestro
from maestro.domain.values import JsonObject
from maestro.errors import MaestroError
from maestro.ports import SandboxProvider
from maestro.settings import without_password

CHECK_SECONDS = 2.0
LEAST_FREE_BYTES = 200_000_000
SANDBOX_BELIEVED_SECONDS = 60.0
PASS, WARN, FAIL = "pass", "warn", "fail"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    status: str
    """`pass`, `warn` or `fail`."""
    detail: str
    seconds: float = 0.0


Look = Callable[[], Awaitable[CheckOutcome]]


class StoreWatch:
    """Asks the store once a second, so that nobody else has to find out that it is away."""

    def __init__(self, maestro: Maestro) -> None:
        self._maestro = maestro
        self._away: str | None = None
        self.on_away: Callable[[], None] = lambda: None
        """Called when it goes away."""

    def away(self) -> str | None:
        """Why it cannot be used, None where it can."""
        return self._away

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            outcome = await _within(self._look)
            before, self._away = self._away, None if outcome.status == PASS else outcome.detail
            if self._away is not None and before is None:
                self.on_away()
            try:
                async with asyncio.timeout(0.5 if self._away else 1.0):
                    await stop.wait()
            except TimeoutError:
                continue

    async def _look(self) -> CheckOutcome:
        await self._maestro.store.read(lambda tx: tx.listing.unfinished(1))
        return CheckOutcome(PASS, "answers")


class Health:
    """The checks behind /health and its parts."""

    def __init__(
        self, maestro: Maestro, sandboxes: SandboxProvider, draining: Callable[[], bool]
    ) -> None:
        self._maestro = maestro
        self._sandboxes = sandboxes
        self._draining = draining
        self._sandbox = CheckOutcome(WARN, "is being found out")
        self.started = False
        """Whether the server has begun to take requests."""

    async def ready(self) -> dict[str, CheckOutcome]:
        looks: dict[str, Look] = {
            "store": self._store,
            "disk": self._disk,
            "sandbox": self._sandbox_found,
            "server": self._server,
        }
        outcomes = await asyncio.gather(*(_within(look) for look in looks.values()))
        return dict(zip(looks, outcomes, strict=True))

    async def _store(self) -> CheckOutcome:
        """Reads and writes: an empty change takes the writer, and what it takes to commit."""
        await self._maestro.store.read(lambda tx: tx.listing.unfinished(1))
        await self._maestro.store.write(lambda tx: tx.listing.unfinished(1))
        return CheckOutcome(PASS, f"{self._maestro.settings.store_name} reads and writes")

    async def _disk(self) -> CheckOutcome:
        return await asyncio.to_thread(_free, self._maestro.settings.data_folder)

    async def watch(self, stop: asyncio.Event) -> None:
        """Keeps finding out what the sandbox keeps, which takes longer than a check may."""
        while not stop.is_set():
            self._sandbox = await self._looked()
            try:
                async with asyncio.timeout(SANDBOX_BELIEVED_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    async def _sandbox_found(self) -> CheckOutcome:
        return self._sandbox

    async def _looked(self) -> CheckOutcome:
        if self._maestro.settings.sandbox == "off":
            return CheckOutcome(WARN, "off: what agents write runs unprotected")
        try:
            strength = await self._sandboxes.probe()
        except MaestroError as error:
            return CheckOutcome(FAIL, str(error))
        return CheckOutcome(PASS, f"{strength.level} {strength.mechanism}")

    async def _server(self) -> CheckOutcome:
        if self._draining():
            return CheckOutcome(FAIL, "going down: no more work is taken")
        return CheckOutcome(PASS, "takes work")


def summary(checks: dict[str, CheckOutcome]) -> JsonObject:
    found = {check.status for check in checks.values()}
    status = FAIL if FAIL in found else WARN if WARN in found else PASS
    return {
        "status": status,
        "checks": {
            name: {
                "status": check.status,
                "detail": without_password(check.detail),
                "seconds": round(check.seconds, 4),
            }
            for name, check in checks.items()
        },
    }


async def _within(look: Look) -> CheckOutcome:
    began = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            outcome = await look()
    except TimeoutError:
        outcome = CheckOutcome(FAIL, f"no answer within {CHECK_SECONDS:g} s")
    except MaestroError as error:
        outcome = CheckOutcome(FAIL, str(error))
    return CheckOutcome(outcome.status, outcome.detail, time.monotonic() - began)


def _free(folder: Path) -> CheckOutcome:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        return CheckOutcome(FAIL, f"{place}: {error.strerror}")
    told = f"{free // 1_000_000} MB free in {place}"
    return CheckOutcome(PASS if free >= LEAST_FREE_BYTES else FAIL, told)
