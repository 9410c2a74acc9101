"""Each check, with what it looks at broken."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from maestro.bootstrap import connect, sandbox_provider
from maestro.errors import SandboxFailed
from maestro.ports import Sandbox, SandboxStrength
from maestro.server.health import CHECK_SECONDS, Health, StoreWatch, summary
from maestro.settings import Settings


class BrokenSandboxes:
    """A provider that finds nothing it could use."""

    async def probe(self) -> SandboxStrength:
        raise SandboxFailed("no sandbox of the required strength")

    def open(self, root: Path) -> AbstractAsyncContextManager[Sandbox]:
        raise NotImplementedError

    def lend(self) -> AbstractAsyncContextManager[Path]:
        raise NotImplementedError


def settings(folder: Path) -> Settings:
    return Settings.load(
        {"MAESTRO_DATA": str(folder / "data")}, database=folder / "m.db", sandbox="off"
    )


def test_all_is_well_with_a_warning_for_no_sandbox(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            health = Health(m, sandbox_provider(m.settings), draining=lambda: False)
            stop = asyncio.Event()
            stop.set()
            told = summary(await health.ready())
            assert told["status"] == "warn"
            assert told["checks"]["store"]["status"] == "pass"
            assert told["checks"]["disk"]["status"] == "pass"
            assert told["checks"]["server"]["status"] == "pass"

    asyncio.run(run())


def test_a_store_that_is_gone(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            health = Health(m, sandbox_provider(m.settings), draining=lambda: False)
            watch = StoreWatch(m)
            await m.store.close()
            found = await health.ready()
            assert (found["store"].status, "closed" in found["store"].detail) == ("fail", True)
            assert summary(found)["status"] == "fail"
            stop = asyncio.Event()
            task = asyncio.create_task(watch.run(stop))
            async with asyncio.timeout(10):
                while watch.away() is None:
                    await asyncio.sleep(0.01)
            stop.set()
            await task

    asyncio.run(run())


def test_a_store_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            health = Health(m, sandbox_provider(m.settings), draining=lambda: False)
            held, letting_go = asyncio.Event(), asyncio.Event()
            loop = asyncio.get_running_loop()

            def hold(_: object) -> None:
                loop.call_soon_threadsafe(held.set)
                asyncio.run_coroutine_threadsafe(letting_go.wait(), loop).result()

            holding = asyncio.create_task(m.store.write(hold))
            await held.wait()
            found = await health.ready()
            letting_go.set()
            await holding
            assert found["store"].status == "fail"
            assert found["store"].detail == f"no answer within {CHECK_SECONDS:g} s"

    asyncio.run(run())


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            full = replace(m, settings=replace(m.settings, data_folder=Path("/proc/self")))
            found = await Health(full, BrokenSandboxes(), draining=lambda: False).ready()
            assert found["disk"].status == "fail"

    asyncio.run(run())


def test_a_sandbox_that_cannot_be_had(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            strict = replace(m, settings=replace(m.settings, sandbox="required"))
            health = Health(strict, BrokenSandboxes(), draining=lambda: False)
            stop = asyncio.Event()
            task = asyncio.create_task(health.watch(stop))
            async with asyncio.timeout(10):
                while (await health.ready())["sandbox"].status != "fail":
                    await asyncio.sleep(0.01)
            stop.set()
            await task

    asyncio.run(run())


def test_a_server_that_is_going_down(tmp_path: Path) -> None:
    async def run() -> None:
        async with connect(settings(tmp_path)) as m:
            found = await Health(m, BrokenSandboxes(), draining=lambda: True).ready()
            assert found["server"].status == "fail"

    asyncio.run(run())
