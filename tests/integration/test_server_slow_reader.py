"""Who never reads is let go with a word, and nobody else misses anything because of him."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from api_server import APPROVAL, RunningServer, awaited, settings_of, started
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect as opened
from websockets.sync.connection import Connection

from maestro.bootstrap import connect
from maestro.domain.run import EventKind
from maestro.domain.values import RunId, StepId

EVENTS = 120
TEXT = "x" * 100_000
"""So many of them are more than the buffers between two programs take."""


async def _told(database: Path, run: str, number: int, text: str) -> None:
    async with connect(settings_of(database)) as m:
        for _ in range(number):
            await m.store.write(
                lambda tx: tx.events.append(
                    RunId(run),
                    EventKind.STEP_PROGRESS,
                    m.clock.now(),
                    step_id=StepId("ask"),
                    attempt=1,
                    data={"message": text},
                )
            )


@dataclass(frozen=True)
class _Talkative:
    """A server with a run that has told a good deal."""

    server: RunningServer
    client: httpx.Client
    run: str

    @property
    def address(self) -> str:
        return self.server.url.replace("http", "ws", 1) + "/api/v1/stream"

    @property
    def ask(self) -> str:
        return json.dumps({"subscribe": {self.run: 0}})

    def until_nobody_watches(self) -> None:
        self.server.until(lambda: self.client.get("/api/v1/system").json()["watchers"] == 0)


@contextmanager
def _talkative(folder: Path, number: int, text: str) -> Iterator[_Talkative]:
    server = RunningServer(folder / "m.db")
    server.start()
    try:
        with server.client() as client:
            run = started(client, APPROVAL)
            awaited(client, run, "ask")
            asyncio.run(_told(folder / "m.db", run, number, text))
            yield _Talkative(server, client, run)
    finally:
        assert server.stop() == 0


def test_a_client_that_never_reads_is_closed_and_the_others_see_everything(tmp_path: Path) -> None:
    with _talkative(tmp_path, EVENTS, TEXT) as one:
        last = one.client.get(f"/api/v1/runs/{one.run}").json()["last_sequence"]
        with (
            opened(one.address, max_queue=1) as mute,
            opened(one.address) as reader,
        ):
            mute.send(one.ask)
            reader.send(one.ask)
            seen: list[int] = []
            while not seen or seen[-1] < last:
                message = json.loads(reader.recv(30))
                if message["type"] == "event":
                    seen.append(message["sequence"])
            assert seen == list(range(1, last + 1))
            reader.close()
            one.until_nobody_watches()
            got, told = _rest(mute)
        assert got < EVENTS * len(TEXT)
        assert told is not None
        assert told.code == 4408
        number = int(told.reason.removeprefix(f"resume from {one.run}:"))
        assert 0 < number < last


def test_what_a_client_that_left_would_have_got_is_not_written_any_further(tmp_path: Path) -> None:
    """Written to, a connection that is lost tells of itself in the log, a line for each message."""
    with _talkative(tmp_path, 1_000, "x" * 100) as one:
        for _ in range(20):
            leaver = opened(one.address)
            leaver.send(one.ask)
            leaver.recv(10)  # that it is subscribed
            leaver.recv(10)  # the first of five hundred that are sent together
            at_once = struct.pack("ii", 1, 0)
            leaver.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            leaver.close_socket()
        one.until_nobody_watches()
    assert "socket.send()" not in one.server.log.read_text()


def _rest(mute: Connection) -> tuple[int, Close | None]:
    """How much there was still to read, and how the connection was closed."""
    got = 0
    while True:
        try:
            got += len(mute.recv(10))
        except ConnectionClosed as closed:
            return got, closed.rcvd
