"""One conversation with a remote agent: its card, one task, its answer."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

import httpx
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types import (
    AgentCard,
    Artifact,
    CancelTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    TaskState,
    TaskStatus,
)
from a2a.utils.constants import TransportProtocol
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict, ParseError

from maestro.agents.executors.a2a.addresses import CardOrigin, card_address, same_origin
from maestro.agents.executors.a2a.transport import guarded_client
from maestro.agents.executors.a2a.wire import EXTENSION, MEDIA_TYPE, read_document
from maestro.domain.values import JsonObject
from maestro.errors import AgentFailed, Blocked, InvalidInput
from maestro.ports import Report

CANCEL_SECONDS = 5.0
MAX_TOLD = 300
"""Characters of a line that a remote agent wants shown."""
MAX_LINES = 200
"""Lines of one task that are shown; each is an event of the run."""
MAX_QUESTION = 2_000
BROKEN = (
    A2AError,
    A2AClientError,
    httpx.HTTPError,
    ParseError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""What the SDK raises for replies of all kinds that are no answers."""
_DONE = TaskState.TASK_STATE_COMPLETED
_ENDINGS = {
    TaskState.TASK_STATE_FAILED: "failed",
    TaskState.TASK_STATE_CANCELED: "was cancelled",
    TaskState.TASK_STATE_REJECTED: "was refused by the agent",
    TaskState.TASK_STATE_AUTH_REQUIRED: "asks for a login, which is not given",
}


@dataclass(slots=True)
class _Heard:
    """What the stream has told so far."""

    task: str = ""
    parts: dict[str, list[Part]] = field(default_factory=dict)
    ended: bool = False
    lines: int = 0


class RemoteAgent:
    """An agent whose card was read. One task at a time."""

    def __init__(self, card: AgentCard, client: Client) -> None:
        self.card = card
        self._client = client

    async def do(self, text: str, report: Report) -> JsonObject:
        """Gives it one task and returns the JSON object of its answer.

        A task that did not end is cancelled, also when this is.

        Raises:
            AgentFailed: the agent failed, refused, broke off, or answered something else.
            Blocked: it asks something; the reasons are its questions.
        """
        heard = _Heard()
        context = str(uuid.uuid4())
        try:
            async with aclosing(self._replies(text, context)) as replies:
                async for reply in replies:
                    await _hear(heard, reply, report)
                    if heard.ended:
                        break
        except BROKEN as error:
            raise AgentFailed(f"the conversation broke: {_shown(error)}") from error
        finally:
            if not heard.ended:
                await asyncio.shield(self._cancel(heard.task, context))
        if not heard.ended:
            raise AgentFailed("the agent ended the conversation before its task had an end")
        return await asyncio.to_thread(_document, heard)

    async def _replies(self, text: str, context: str) -> AsyncGenerator[StreamResponse, None]:
        message = Message(
            message_id=str(uuid.uuid4()),
            context_id=context,
            role=Role.ROLE_USER,
            parts=[Part(text=text, media_type=MEDIA_TYPE)],
            extensions=[EXTENSION],
        )
        request = SendMessageRequest(
            message=message,
            configuration=SendMessageConfiguration(accepted_output_modes=[MEDIA_TYPE]),
        )
        async for reply in self._client.send_message(request):
            yield reply

    async def _cancel(self, task: str, context: str) -> None:
        """Tells the agent that nobody waits any more; that it hears it cannot be made sure."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                for known in [task] if task else await self._begun(context):
                    await self._client.cancel_task(CancelTaskRequest(id=known))
        except (*BROKEN, TimeoutError):
            return

    async def _begun(self, context: str) -> list[str]:
        """What was begun before it could be told of."""
        listed = await self._client.list_tasks(ListTasksRequest(context_id=context))
        return [task.id for task in listed.tasks[:1]]


@asynccontextmanager
async def met(card_url: str, *, read_seconds: float) -> AsyncIterator[RemoteAgent]:
    """The agent behind a card.

    Raises:
        InvalidInput: the URL or the card is not one that is taken.
        AgentFailed: no card could be had.
    """
    origin, path = card_address(card_url)
    async with guarded_client(origin, read_seconds=read_seconds) as http:
        try:
            resolver = A2ACardResolver(http, str(origin), path)
            card = await resolver.get_agent_card()
        except BROKEN as error:
            raise AgentFailed(
                f"no card at {card_url!r}: {_shown(error)}; check the address, and that an agents "
                "service answers there"
            ) from error
        _check_card(card, origin)
        config = ClientConfig(
            httpx_client=http, supported_protocol_bindings=[TransportProtocol.JSONRPC]
        )
        client = ClientFactory(config).create(card)
        yield RemoteAgent(card, client)


def _check_card(card: AgentCard, origin: CardOrigin) -> None:
    interfaces = [
        interface
        for interface in card.supported_interfaces
        if interface.protocol_binding == TransportProtocol.JSONRPC
        and interface.protocol_version.split(".")[0] == "1"
    ]
    if not interfaces:
        raise InvalidInput(
            "the card offers no JSONRPC interface of A2A 1.x; nothing else is spoken"
        )
    for interface in card.supported_interfaces:
        if not same_origin(interface.url, origin):
            raise InvalidInput(
                f"the card leads to {interface.url[:200]!r}, which is not at {origin}, where the "
                "card is"
            )
    if EXTENSION not in [extension.uri for extension in card.capabilities.extensions]:
        raise InvalidInput(
            f"the card does not declare the extension {EXTENSION!r}; an agent that has not agreed "
            "to it cannot be given assignments"
        )


async def _hear(heard: _Heard, reply: StreamResponse, report: Report) -> None:
    kind = reply.WhichOneof("payload")
    if kind == "message":
        heard.parts["message"] = list(reply.message.parts)
        heard.ended = True
    elif kind == "artifact_update":
        update = reply.artifact_update
        _collect(heard, update.artifact, append=update.append)
    elif kind == "task":
        heard.task = reply.task.id
        for artifact in reply.task.artifacts:
            _collect(heard, artifact, append=False)
        await _status(heard, reply.task.status, report)
    elif kind == "status_update":
        heard.task = heard.task or reply.status_update.task_id
        await _status(heard, reply.status_update.status, report)


async def _status(heard: _Heard, status: TaskStatus, report: Report) -> None:
    told = _told(status.message)
    if status.state == _DONE:
        heard.ended = True
    elif status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
        questions = tuple(_question(part.text) for part in status.message.parts if part.text)
        raise Blocked(
            "the remote agent asks before it goes on",
            reasons=questions or ("it does not say what it asks",),
        )
    elif status.state in _ENDINGS:
        heard.ended = True
        raise AgentFailed(f"the remote task {_ENDINGS[status.state]}: {told or 'no reason given'}")
    elif told:
        heard.lines += 1
        if heard.lines < MAX_LINES:
            await report(f"remote: {told}")
        elif heard.lines == MAX_LINES:
            await report("remote: it says more, which is not shown")


def _collect(heard: _Heard, artifact: Artifact, *, append: bool) -> None:
    known = heard.parts.setdefault(artifact.artifact_id, [])
    if not append:
        known.clear()
    known.extend(artifact.parts)


def _document(heard: _Heard) -> JsonObject:
    """The answer: exactly one artefact; its texts follow one another."""
    if len(heard.parts) != 1:
        raise AgentFailed(f"the agent handed in {len(heard.parts)} artefacts; one is taken")
    [parts] = heard.parts.values()
    kinds = {part.WhichOneof("content") for part in parts}
    try:
        if kinds == {"text"}:
            return read_document("".join(part.text for part in parts))
        if kinds == {"data"} and len(parts) == 1:
            content = MessageToDict(parts[0].data)
            if isinstance(content, dict):
                return _whole_numbers(content)
    except InvalidInput as error:
        raise AgentFailed(f"the agent's answer is refused: {error}") from error
    raise AgentFailed(
        f"the agent's answer is refused: its parts are {sorted(map(str, kinds))}; one JSON object "
        "is taken, as text or as data"
    )


def _whole_numbers(content: JsonObject) -> JsonObject:
    """The attempt's number: data parts know no whole numbers."""
    lease = content.get("lease")
    if isinstance(lease, dict) and isinstance(lease.get("attempt"), float):
        attempt = lease["attempt"]
        if attempt.is_integer():
            return {**content, "lease": {**lease, "attempt": int(attempt)}}
    return content


def _told(message: Message) -> str:
    text = " ".join(part.text for part in message.parts if part.text)
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:MAX_TOLD]


def _question(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n")[:MAX_QUESTION]


def _shown(error: BaseException) -> str:
    text = " ".join(str(error).split())[:500]
    return text or type(error).__name__
