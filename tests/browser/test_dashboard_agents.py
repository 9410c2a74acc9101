"""The page of the agents shows what a dispatcher is really doing, while it does it."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from dashboard_host import OF_THE_DASHBOARD, serving, watched
from playwright.sync_api import Browser, Locator, Page, Route, expect
from team import NO_SANDBOX, NOW, FakeExecutor, an_agent, an_assignment, no_report, team

from maestro.delivery.dispatch_telling import ToldDispatch
from maestro.domain.pool import Pool, PoolEvent, PoolEventKind
from maestro.domain.values import JsonObject
from maestro.errors import AgentFailed
from maestro.ports import Transaction
from maestro.workflow.clock import SystemClock

pytestmark = OF_THE_DASHBOARD


@contextmanager
def dispatching(folder: Path) -> Iterator[Callable[[], None]]:
    """A dispatcher on `team.db` that has two assignments in hand while one waits for a place, and
    gives nothing to an agent that failed three times; what is yielded lets the work end.
    """
    begun, let_go = threading.Event(), threading.Event()

    async def work() -> None:
        executor, broken = FakeExecutor(), FakeExecutor(AgentFailed("no"))
        broken.let_go.set()
        flaky = an_agent("flaky", executor="broken", personas=("qa_engineer",))
        executors = {"fixed": executor, "broken": broken}
        async with team(folder, executors, [an_agent("steady", capacity=2), flaky]) as made:
            dispatcher, _, store = made
            told = ToldDispatch(dispatcher, store, SystemClock(), "host:7", 60.0)
            await store.write(_pool)
            for _ in range(3):
                with suppress(AgentFailed):
                    await told.execute(an_assignment("qa_engineer"), NO_SANDBOX, no_report)
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(told.execute(an_assignment(), NO_SANDBOX, no_report))
                begun.set()
                await asyncio.to_thread(let_go.wait)
                executor.let_go.set()

    with ThreadPoolExecutor(1) as thread:  # Playwright's loop runs in this one
        working = thread.submit(asyncio.run, work())
        working.add_done_callback(lambda _: begun.set())
        begun.wait()
        try:
            yield let_go.set
        finally:
            let_go.set()
            working.result()


def _pool(tx: Transaction) -> None:
    """One that is kept, has started an agent and lost it."""
    pool = Pool(capability="gpu", personas=("technical_writer",), min=1, max=4)
    tx.agents.pools.keep(pool, "host:9", 600.0)
    happened: tuple[tuple[PoolEventKind, JsonObject], ...] = (
        (PoolEventKind.AGENT_STARTED, {"waiting": 3}),
        (PoolEventKind.AGENT_LOST, {"reason": "out of memory", "retry_seconds": 2.0}),
    )
    for kind, data in happened:
        about = {"capability": "gpu", "keeper": "host:9", "agent": "gpu-1"}
        tx.agents.pools.note(PoolEvent(kind=kind, at=NOW, data=data, **about))


def card(page: Page, title: str) -> Locator:
    return page.locator(".card", has=page.get_by_role("heading", name=title, exact=True))


def test_load_queues_circuits_and_pools_are_shown_live(opened: Browser, tmp_path: Path) -> None:
    with (
        dispatching(tmp_path) as let_go,
        serving(tmp_path / "team.db") as (address, _),
        watched(opened, address) as page,
    ):
        held: list[Route] = []
        page.page.route("**/api/v1/agents", lambda route: held.append(route))
        with page.page.expect_request("**/api/v1/agents"):
            page.page.goto(f"{address}/dashboard/#/agents")
        main = page.page.get_by_role("main")
        expect(main.locator(".loading").first).to_be_visible()
        expect(main).not_to_contain_text("place")  # nothing is told before it is known
        held[0].continue_()
        page.page.unroute("**/api/v1/agents")

        load = page.page.locator(".load")
        expect(load).to_contain_text(re.compile(r"In hand2 of \d+ places"))
        expect(load).to_contain_text(re.compile(r"Waiting for an agent1, the oldest [\d.]+ m?s"))
        expect(load).to_contain_text("2 not closed")
        expect(load).to_contain_text("Failed3")
        expect(card(page.page, "steady")).to_contain_text("Load2 of 2")
        expect(card(page.page, "flaky")).to_contain_text(re.compile(r"Open, for [\d.]+ m?s more"))
        queue = page.page.get_by_role("region", name="Waits for an agent")
        expect(queue.get_by_role("row").last).to_contain_text("Backend developer")
        circuits = page.page.get_by_role("region", name="Circuits")
        expect(circuits.get_by_role("row", name="Provider broken")).to_contain_text("3host:7")
        pool = card(page.page, "Pool gpu")
        expect(pool).to_contain_text("0, at least 1, at most 4")
        expect(pool).to_contain_text("kept by host:9")
        decisions = pool.get_by_role("listitem")
        expect(decisions).to_have_count(2)
        expect(decisions.first).to_contain_text("out of memory; the next try in 2.0 s")
        expect(decisions.last).to_contain_text("3 steps waited")
        page.settled()
        assert page.axe() == []

        let_go()
        expect(load).to_contain_text(re.compile(r"In hand0 of \d+ places"))
        expect(load).to_contain_text("Succeeded3, 50 %")
        expect(queue).to_have_count(0)
        expect(card(page.page, "steady")).to_contain_text("Load0 of 2, idle")
