"""One WebSocket per page: any number of runs, each with its cursor."""

import asyncio
import json
from collections.abc import Mapping

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from maestro.domain.values import RunId
from maestro.errors import InvalidInput, MaestroError
from maestro.server.access import ApiCaller
from maestro.server.guard import SUBPROTOCOL
from maestro.server.services import Services, of_socket

router = APIRouter()
SEND_SECONDS = 10.0
"""Who has not taken a message by then is too slow, and is told from where to go on."""
MOST_RUNS = 200
TOO_SLOW = 4408


class _TooSlow(Exception):
    """The other side does not read."""


class _Conversation:
    """What one socket asked for."""

    def __init__(self, socket: WebSocket, use: Services, who: ApiCaller) -> None:
        self._socket = socket
        self._use = use
        self._who = who
        self._sending = asyncio.Lock()
        self._following: dict[str, asyncio.Task[None]] = {}
        self.at: dict[str, int] = {}
        """Up to where each run was sent."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            try:
                while True:
                    await self._take(await self._socket.receive_text(), group)
            except (WebSocketDisconnect, RuntimeError):
                pass  # it left
            finally:
                for task in self._following.values():
                    task.cancel()

    async def follow(self, run_id: str, after: int) -> None:
        """Sends the run's events from there on, until it ends."""
        self.at[run_id] = after
        try:
            await self._use.run_of(self._who, run_id)
            await self.send({"type": "subscribed", "run_id": run_id, "after": after})
            async for batch in self._use.broadcast.follow(RunId(run_id), after):
                for event in batch:
                    await self._deliver(event.message)
                    self.at[run_id] = event.sequence
                    await asyncio.sleep(0)  # a write that does not wait gives nobody else a turn,
                    # nor the news that the other side has left
            status, last = await self._use.desk.head(RunId(run_id))
            await self.send(
                {"type": "end", "run_id": run_id, "status": status.value, "last_sequence": last}
            )
        except MaestroError as error:
            await self.send(
                {"type": "error", "run_id": run_id, "code": error.code, "message": str(error)}
            )
        finally:
            if self._following.get(run_id) is asyncio.current_task():
                del self._following[run_id]

    async def send(self, message: Mapping[str, object]) -> None:
        await self._deliver(json.dumps(message, ensure_ascii=False))

    async def _deliver(self, text: str) -> None:
        try:
            async with self._sending, asyncio.timeout(SEND_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            raise _TooSlow from None

    async def _take(self, text: str, group: asyncio.TaskGroup) -> None:
        try:
            asked = json.loads(text)
            if not isinstance(asked, dict):
                raise InvalidInput("send a JSON object")
            wanted = _cursors(asked.get("subscribe", {}))
            if len(self._following.keys() | wanted.keys()) > MOST_RUNS:
                raise InvalidInput(f"at most {MOST_RUNS} runs are followed over one connection")
        except (ValueError, RecursionError) as error:
            await self._refuse("invalid_input", f"not JSON: {error}")
            return
        except InvalidInput as error:
            await self._refuse(error.code, str(error))
            return
        for run_id, after in wanted.items():
            self._stop(run_id)
            self._following[run_id] = group.create_task(self.follow(run_id, after))
        for run_id in _names(asked.get("unsubscribe", ())):
            self._stop(run_id)
        if "ping" in asked:
            await self.send({"type": "pong", "ping": asked["ping"]})

    async def _refuse(self, code: str, message: str) -> None:
        await self.send({"type": "error", "run_id": None, "code": code, "message": message})

    def _stop(self, run_id: str) -> None:
        task = self._following.pop(run_id, None)
        if task is not None:
            task.cancel()


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """See docs/server.md."""
    await converse(socket, {})


async def converse(socket: WebSocket, subscribed: Mapping[str, int]) -> None:
    """Answers until the other side leaves, or reads too slowly."""
    use, who = of_socket(socket)
    offered = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    conversation = _Conversation(socket, use, who)
    try:
        async with asyncio.TaskGroup() as group:
            for run_id, after in subscribed.items():
                group.create_task(conversation.follow(run_id, after))
            await conversation.run()
    except* _TooSlow:
        reason = "resume from " + ", ".join(
            f"{run}:{at}" for run, at in list(conversation.at.items())[:3]
        )
        await _closed(socket, reason[:120])
    except* (WebSocketDisconnect, RuntimeError):
        pass  # it left while something was being sent


async def _closed(socket: WebSocket, reason: str) -> None:
    """Says why, to who may read it once; the connection does not stay for that."""
    try:
        async with asyncio.timeout(1):
            await socket.close(TOO_SLOW, reason)
    except (TimeoutError, RuntimeError):
        return


def _cursors(given: object) -> dict[str, int]:
    if not isinstance(given, Mapping):
        raise InvalidInput('subscribe: send {"run-…": sequence}')
    for run_id, after in given.items():
        if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after < 2**53:
            raise InvalidInput(f"subscribe: {run_id!r}: {after!r} is not a sequence number")
    return dict(given)


def _names(given: object) -> list[str]:
    return [str(name) for name in given] if isinstance(given, list | tuple) else []
