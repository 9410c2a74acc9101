"""How soon the server answers while runs are active and a step blocks its executor, and what many
watchers get, some of whom never read.

    python -m bench.server [--runs 100] [--watchers 1000]

Prints one line per figure and writes bench/results/server.json; 1 where a bar is missed.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import quantiles

import httpx
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed

RESULTS = Path(__file__).parent / "results" / "server.json"
WAITING = """
name: waiting
steps:
  - id: ask
    kind: approval
"""
CHAIN = "name: chain\nsteps:\n" + "".join(
    f"  - id: s{n}\n    action: value.set\n    inputs: {{value: {n}}}\n"
    + (f"    needs: [s{n - 1}]\n" if n else "")
    for n in range(300)
)
SIGNALS = 25
HEAVY = "name: heavy\nsteps:\n  - id: gate\n    kind: approval\n" + "".join(
    f"  - id: s{n}\n    kind: signal\n    needs: [gate]\n" for n in range(SIGNALS)
)
PAYLOAD = "x" * 500_000
"""Of one signal; all of them are more than the sockets of both sides hold."""
ROUNDS = 80
DEAF_PERCENT = 1
ALSO_HEAVY = 10
"""Watchers that read, and follow the heavy run, too."""
AT_WORK = 4
"""Chains of steps that are at work while it is asked."""
TRY_AGAIN_LATER = 1013
P99_MS, MAX_MS = 300, 2000
MEMORY_MB, PEAK_MB = 200, 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--watchers", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        process, url = started(Path(folder))
        try:
            figures = asyncio.run(measured(url, process, Path(folder), chosen))
        finally:
            process.kill()  # its threads never end
            process.wait(60)
            assert process.stdout is not None
            process.stdout.close()
    figures["machine"] = f"{platform.machine()}, {os.cpu_count()} processors"
    for name, value in figures.items():
        sys.stdout.write(f"{name:<32} {value}\n")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["bars_met"] else 1


def started(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server_blocked", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


async def measured(
    url: str, process: "subprocess.Popen[str]", folder: Path, chosen: argparse.Namespace
) -> dict[str, object]:
    runs, watchers = chosen.runs, chosen.watchers
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        await until_up(client)
        for source in (WAITING, CHAIN, HEAVY):
            (await client.post("/api/v1/workflows", json={"source": source})).raise_for_status()
        ids = [await begun(client, "waiting") for _ in range(runs - 1)]
        while (await client.get("/api/v1/system")).json()["active_runs"] < runs:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        heavy = await begun(client, "heavy")
        for _ in range(AT_WORK):  # their steps follow on each other without pause
            await begun(client, "chain")
        (folder / "block").touch()
        assert process.stdout is not None
        assert process.stdout.readline() == "blocked\n"
        figures: dict[str, object] = {"active_runs": runs, "executor": "no thread left"}
        figures |= await latencies(client, ids)
        figures |= await fan_out(client, process.pid, (ids[0], heavy), watchers)
    every = figures["watchers"] == figures["watchers_with_every_event"]
    deaf = figures["never_reading"] == figures["closed_with_4408"]
    figures["bars_met"] = bool(
        every
        and deaf
        and float(str(figures["get_p99_ms"])) <= P99_MS
        and float(str(figures["get_max_ms"])) <= MAX_MS
        and float(str(figures["memory_mb_for_watchers"])) <= MEMORY_MB
        and float(str(figures["memory_mb_while_they_do_not_read"])) <= PEAK_MB
    )
    return figures


async def until_up(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/health/live")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)


async def begun(client: httpx.AsyncClient, workflow: str) -> str:
    answer = await client.post(f"/api/v1/workflows/{workflow}/execute", json={"inputs": {}})
    answer.raise_for_status()
    run_id: str = answer.json()["id"]
    return run_id


async def latencies(client: httpx.AsyncClient, ids: list[str]) -> dict[str, object]:
    """Of each list and status GET, one after the other."""
    taken: dict[str, list[float]] = {}
    for number in range(ROUNDS):
        run = f"/api/v1/runs/{ids[number % len(ids)]}"
        for name, path in {
            "runs": "/api/v1/runs",
            "running": "/api/v1/runs?status=running",
            "run": run,
            "step": f"{run}/steps/ask",
            "events": f"{run}/events",
            "gates": f"{run}/gates",
            "projects": "/api/v1/projects",
            "agents": "/api/v1/agents",
            "contracts": "/api/v1/contracts",
            "workflows": "/api/v1/workflows",
            "live": "/health/live",
            "ready": "/health/ready",
            "metrics": "/metrics",
        }.items():
            began = time.perf_counter()
            (await client.get(path)).raise_for_status()
            taken.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    every = [one for each in taken.values() for one in each]
    marks = quantiles(every, n=100)
    return {
        "gets": len(every),
        "get_p50_ms": round(marks[49], 1),
        "get_p99_ms": round(marks[98], 1),
        "get_max_ms": round(max(every), 1),
        "get_p99_ms_by_path": {
            name: round(quantiles(each, n=100)[98], 1) for name, each in taken.items()
        },
    }


async def fan_out(
    client: httpx.AsyncClient, pid: int, runs: tuple[str, str], watchers: int
) -> dict[str, object]:
    """Everybody watches the first run; some the second, too, whose events are many megabytes."""
    run, heavy = runs
    before = resident(pid)
    deaf = max(1, watchers * DEAF_PERCENT // 100)
    address = str(client.base_url).rstrip("/").replace("http", "ws", 1) + "/api/v1/stream"
    mute = [await connected(address) for _ in range(deaf)]
    for one in mute:
        await one.send(json.dumps({"subscribe": {run: 0, heavy: 0}}))
    ready = asyncio.Semaphore(0)
    reading = [
        asyncio.create_task(watch(address, (run, heavy) if n < ALSO_HEAVY else (run,), ready))
        for n in range(watchers - deaf)
    ]
    await subscribed(reading, ready, len(reading) + min(ALSO_HEAVY, len(reading)))
    grown = resident(pid) - before
    over = asyncio.Event()
    most = asyncio.create_task(peak_of(pid, over))
    for number in range(SIGNALS):
        place = f"/api/v1/runs/{heavy}/steps/s{number}/signal"
        (await client.post(place, json={"payload": {"text": PAYLOAD}})).raise_for_status()
    began = time.perf_counter()
    await approved(client, run, "ask")
    await approved(client, heavy, "gate")
    seen = await asyncio.gather(*reading)
    last = time.perf_counter() - began
    whole = {each: await numbers_of(client, each) for each in (run, heavy)}
    # Longer than the server waits for who does not read, and not as long as its last word stays.
    await asyncio.sleep(max(0.0, began + 14 - time.perf_counter()))
    closed = await asyncio.gather(*(end_of(one) for one in mute))
    over.set()
    peak = await most
    right = sum(all(whole[name] == got for name, got in each.items()) for each in seen)
    told = [reason for code, reason in closed if code == 4408 and "resume from" in reason]
    return {
        "watchers": watchers - deaf,
        "never_reading": deaf,
        "memory_mb_for_watchers": round(grown / 1e6, 1),
        "memory_mb_while_they_do_not_read": round((peak - before - grown) / 1e6, 1),
        "watchers_with_every_event": right,
        "closed_with_4408": len(told),
        "how_others_were_closed": sorted({str(one) for one in closed if one[0] != 4408}),
        "until_the_last_one_saw_the_end_s": round(last, 2),
        "heavy_run_mb": round(SIGNALS * len(PAYLOAD) / 1e6, 1),
    }


async def subscribed(
    watching: list["asyncio.Task[dict[str, list[int]]]"], ready: asyncio.Semaphore, times: int
) -> None:
    """Until that many subscriptions hold; raises what ended a watcher before."""
    for _ in range(times):
        one = asyncio.ensure_future(ready.acquire())
        await asyncio.wait([one, *watching], return_when=asyncio.FIRST_COMPLETED)
        for task in watching:
            if task.done() and not one.done():
                one.cancel()
                raise RuntimeError("a watcher ended before the runs did") from task.exception()
        await one


async def approved(client: httpx.AsyncClient, run: str, step: str) -> None:
    place = f"/api/v1/runs/{run}/steps/{step}"
    etag = (await client.get(place)).json()["etag"]
    answer = await client.post(f"{place}/approve", json={}, headers={"If-Match": etag})
    answer.raise_for_status()


async def numbers_of(client: httpx.AsyncClient, run: str) -> list[int]:
    found: list[int] = []
    while True:
        after = {"after": found[-1] if found else 0, "limit": 10}
        page = (await client.get(f"/api/v1/runs/{run}/events", params=after)).json()["items"]
        if not page:
            return found
        found += [event["sequence"] for event in page]


async def connected(address: str) -> websockets.asyncio.client.ClientConnection:
    """With as little room for what it does not read as there can be."""
    host, port = address.split("/")[2].split(":")
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, (host, int(port)))
    return await websockets.asyncio.client.connect(
        address, sock=small, max_queue=1, ping_interval=None, max_size=None, open_timeout=60
    )


async def watch(
    address: str, runs: tuple[str, ...], ready: asyncio.Semaphore
) -> dict[str, list[int]]:
    """The numbers of their events; comes again where it is told to come back later."""
    while True:
        try:
            return await watched(address, runs, ready)
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != TRY_AGAIN_LATER:
                raise
            await asyncio.sleep(1)


async def watched(
    address: str, runs: tuple[str, ...], ready: asyncio.Semaphore
) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {run: [] for run in runs}
    left = set(runs)
    async with websockets.asyncio.client.connect(
        address, open_timeout=60, ping_interval=None, max_size=None
    ) as link:
        await link.send(json.dumps({"subscribe": dict.fromkeys(runs, 0)}))
        async for text in link:
            message = json.loads(text)
            if message["type"] == "subscribed":
                ready.release()
            elif message["type"] == "event":
                numbers[message["run_id"]].append(message["sequence"])
            elif message["type"] == "end":
                left.discard(message["run_id"])
            if not left:
                return numbers
    raise RuntimeError("the stream ended before the runs did")


async def end_of(link: websockets.asyncio.client.ClientConnection) -> tuple[int, str]:
    """How it was closed: now, at last, it reads what was sent before."""
    try:
        async with asyncio.timeout(60):
            while True:
                await link.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, str(closed))
    except TimeoutError:
        return (0, "still open")


async def peak_of(pid: int, over: asyncio.Event) -> int:
    """The most memory it had until then."""
    most = 0
    while not over.is_set():
        most = max(most, resident(pid))
        await asyncio.sleep(0.2)
    return most


def resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found.group(1)) * 1024 if found else 0


if __name__ == "__main__":
    sys.exit(main())
