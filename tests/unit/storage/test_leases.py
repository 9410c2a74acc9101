"""Runs that several processes may own, one after the other: heartbeat, expiry, takeover."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from postgres import PostgresServer

from maestro.domain.run import EventKind, Run, RunStatus
from maestro.domain.values import RunId, StepId
from maestro.domain.workflow import Step, Workflow
from maestro.errors import Conflict
from maestro.ports import Store
from maestro.storage.opening import open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunId("run-1")
FLOW = Workflow(name="flow", steps=(Step(id=StepId("a"), action="work"),))

OWNER = """
import asyncio, signal, sys, threading
from datetime import UTC, datetime
from maestro import failpoints
from maestro.domain.run import EventKind
from maestro.errors import MaestroError
from maestro.storage.opening import open_store

stops_at = sys.argv[3] if sys.argv[3:] else None
owned = False

def reach(name):
    global stops_at
    if owned and name == stops_at:
        stops_at = None
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # at once, not soon

failpoints.reach = reach

def change(fence, tx):
    tx.events.append("run-1", EventKind.STEP_PROGRESS, datetime.now(UTC), step_id="a", attempt=1,
                     data={"fence": fence}, fence=fence)
    reach("change")

async def main(url, lease):
    global owned
    store = await open_store(url, lease_seconds=lease, seal_key=b"seal")
    async with store.own("run-1") as fence:
        owned = True
        print(fence, flush=True)
        try:
            while True:
                await store.write(lambda tx: change(fence, tx))
        except MaestroError as error:
            print(type(error).__name__, flush=True)
    await store.close()

asyncio.run(main(sys.argv[1], float(sys.argv[2])))
"""


def owner(url: str, lease: float, *options: str) -> "subprocess.Popen[str]":
    """A process that owns the run and writes without a pause."""
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OWNER, url, str(lease), *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip().isdigit()
    return child


async def begin(store: Store) -> None:
    run = Run(
        id=RUN,
        workflow="flow",
        status=RunStatus.RUNNING,
        inputs={},
        max_parallel=1,
        created_at=NOW,
    )
    await store.write(lambda tx: tx.runs.insert(run, FLOW))


async def abandoned(store: Store) -> list[RunId]:
    return list(await store.read(lambda tx: tx.runs.abandoned(9)))


async def take_over(store: Store, limit: float) -> None:
    """Owns the run as soon as its old owner's lease has ended."""
    until = time.monotonic() + limit
    while True:
        try:
            async with store.own(RUN) as fence:
                await store.write(
                    lambda tx: tx.events.append(
                        RUN,
                        EventKind.STEP_PROGRESS,
                        NOW,
                        step_id=StepId("a"),
                        attempt=1,
                        data={"fence": fence},
                        fence=fence,
                    )
                )
                return
        except Conflict:
            assert time.monotonic() < until, "the lease did not end in time"
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_an_owner_that_gives_no_sign_is_replaced_and_then_refused(
    postgres_url: str, sent: signal.Signals
) -> None:
    lease = 1.0

    async def play() -> None:
        store = await open_store(postgres_url, lease_seconds=lease, seal_key=b"seal")
        await begin(store)
        assert await abandoned(store) == [RUN]
        child = await asyncio.to_thread(owner, postgres_url, lease)
        try:
            assert await abandoned(store) == []
            os.kill(child.pid, sent)
            await take_over(store, lease + 1.0)
            os.kill(child.pid, signal.SIGCONT)
            answer = (await asyncio.to_thread(child.communicate))[0]
        finally:
            child.kill()
            child.wait()
        assert answer.strip() == ("LeaseLost" if sent is signal.SIGSTOP else "")
        events = await store.read(lambda tx: tx.events.after(RUN, 0, 1_000_000))
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert [event.data["fence"] for event in events] == [1] * (len(events) - 1) + [2]
        await store.close()

    asyncio.run(play())


def test_a_run_is_driven_for_as_long_as_its_owner_s_lease(postgres_url: str) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, lease_seconds=1.0, seal_key=b"seal")
        await begin(store)
        child = await asyncio.to_thread(owner, postgres_url, 1.0)
        try:
            assert await store.driven(RUN)
        finally:
            child.kill()
            child.communicate()
        killed = time.monotonic()
        while await store.driven(RUN):
            assert time.monotonic() < killed + 2.0, "the lease did not end in time"
            await asyncio.sleep(0.02)
        await store.close()

    asyncio.run(play())


@pytest.mark.parametrize("stops_at", ["change", "commit.before"])
def test_an_owner_stopped_in_the_middle_of_a_transaction_holds_nobody_up(
    postgres_url: str, stops_at: str
) -> None:
    """It holds the run's row; the server does not end its session by itself at every place."""
    lease = 1.5

    async def play() -> None:
        store = await open_store(postgres_url, lease_seconds=lease, seal_key=b"seal")
        await begin(store)
        child = await asyncio.to_thread(owner, postgres_url, lease, stops_at)
        try:
            await asyncio.to_thread(os.waitpid, child.pid, os.WUNTRACED)
            await asyncio.wait_for(take_over(store, lease + 1.0), lease + 1.0)
            os.kill(child.pid, signal.SIGCONT)
            answer = (await asyncio.to_thread(child.communicate))[0]
        finally:
            child.kill()
            child.wait()
        assert answer.strip() == "LeaseLost"
        [event] = await store.read(lambda tx: tx.events.after(RUN, 0))
        assert event.data == {"fence": 2}
        await store.close()

    asyncio.run(play())


def test_a_heartbeat_keeps_the_lease_and_leaving_ends_it(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]

    def lease_end() -> float | None:
        """Of whoever owns the run."""
        [(until,)] = postgres_server.run(
            "SELECT CASE WHEN owner IS NOT NULL THEN lease_until END FROM runs", database=database
        )
        return None if until is None else float(until)

    async def play() -> None:
        store = await open_store(postgres_url, lease_seconds=0.6, seal_key=b"seal")
        other = await open_store(postgres_url, lease_seconds=0.6, seal_key=b"seal")
        await begin(store)
        async with store.own(RUN) as fence:
            first = lease_end()
            assert first is not None
            while (end := lease_end()) is not None and end < first + 1.2:  # outlives two leases
                with pytest.raises(
                    Conflict, match=rf"process {os.getpid()} on .* lease ends in 0\."
                ):
                    async with other.own(RUN):
                        pass
        assert lease_end() is None
        assert await abandoned(other) == [RUN]
        async with other.own(RUN) as later:
            assert later == fence + 1
        await store.close()
        await other.close()

    asyncio.run(play())


def test_a_lease_outlives_a_crash_of_the_server(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async def play() -> None:
        store = await open_store(postgres_url, lease_seconds=60.0, seal_key=b"seal")
        other = await open_store(postgres_url, lease_seconds=60.0, seal_key=b"seal")
        await begin(store)
        async with store.own(RUN):
            for _ in range(3):
                await asyncio.to_thread(postgres_server.restart)
                with pytest.raises(Conflict):
                    async with other.own(RUN):
                        pass
        async with other.own(RUN):
            pass
        await store.close()
        await other.close()

    asyncio.run(play())
