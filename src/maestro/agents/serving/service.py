"""The A2A side of the service: tasks in, cards, progress and results out."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    Message,
    Part,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.utils.constants import PROTOCOL_VERSION_1_0, TransportProtocol
from starlette.applications import Starlette
from starlette.types import ASGIApp

from maestro.agents.executors.a2a.addresses import CARD_PATH
from maestro.agents.executors.a2a.wire import (
    EXTENSION,
    MEDIA_TYPE,
    delivery_text,
    probe_answer,
    read_document,
    read_order,
)
from maestro.agents.serving.desk import OrderDesk, needs
from maestro.agents.serving.gatekeeper import Gatekeeper
from maestro.domain.team import Persona
from maestro.errors import Blocked, CallerError, InvalidInput, MaestroError
from maestro.ports import Report

KEPT_TASKS = 20
"""Finished tasks that can still be looked at; older ones are forgotten."""
MAX_TOLD = 2_000
Tell = Callable[[str], None]


def application(desk: OrderDesk, *, url: str, version: str, tell: Tell) -> ASGIApp:
    """The service: one card for all personas at the usual place, and one for each.

    Args:
        url: where callers reach it, without a slash at the end.
    """
    card = _card(tuple(desk.personas.values()), desk.places, f"{url}/a2a", version)
    handler = DefaultRequestHandler(_OrderTaker(desk, tell), _ForgettingTasks(), card)
    routes = create_agent_card_routes(card, card_url=CARD_PATH)
    routes += create_jsonrpc_routes(handler, rpc_url="/a2a")
    for persona in desk.personas.values():
        place = f"/a2a/{persona.id}"
        own = _card((persona,), desk.places, f"{url}{place}", version)
        routes += create_agent_card_routes(own, card_url=f"{place}{CARD_PATH}")
        routes += create_jsonrpc_routes(handler, rpc_url=place)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await handler.aclose()

    return Gatekeeper(Starlette(routes=routes, lifespan=lifespan), url=url)


class _OrderTaker(AgentExecutor):
    """Turns a message into an order and what comes of it into task states."""

    def __init__(self, desk: OrderDesk, tell: Tell) -> None:
        self._desk = desk
        self._tell = tell

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task_id, context_id = str(context.task_id), str(context.context_id)
        updater = TaskUpdater(event_queue, task_id, context_id)
        if context.current_task is None:
            # Without the message: the caller has it, and it is large.
            submitted = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            await event_queue.enqueue_event(
                Task(id=task_id, context_id=context_id, status=submitted)
            )

        def says(text: str) -> Message:
            return updater.new_agent_message([Part(text=text[:MAX_TOLD])])

        async def report(line: str) -> None:
            await updater.start_work(says(line))

        try:
            answer = await self._answer(_text(context.message), report)
        except Blocked as error:
            questions = [Part(text=reason[:MAX_TOLD]) for reason in error.reasons]
            await updater.requires_input(
                updater.new_agent_message(questions or [Part(text=str(error)[:MAX_TOLD])])
            )
        except CallerError as error:
            await updater.reject(says(f"{error.code}: {error}"))
        except MaestroError as error:
            self._tell(f"failed: {error.code}: {error}"[:MAX_TOLD])
            await updater.failed(says(f"{error.code}: {error}"))
        else:
            part = Part(text=answer, media_type=MEDIA_TYPE)
            await updater.add_artifact([part], name="result", extensions=[EXTENSION])
            await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """By now the work itself was cancelled and has ended everything it had started."""
        self._tell(f"cancelled: task {context.task_id}")
        updater = TaskUpdater(event_queue, str(context.task_id), str(context.context_id))
        await updater.cancel()

    async def _answer(self, text: str, report: Report) -> str:
        document = read_document(text)
        if document.get("kind") == "probe":
            token = document.get("token")
            if not isinstance(token, str) or not 0 < len(token) <= 200:
                raise InvalidInput("token: expected a text of 1 to 200 characters")
            return probe_answer(token)
        if document.get("kind") != "assignment":
            raise InvalidInput(f"kind: {str(document.get('kind'))[:80]!r} is not 'assignment'")
        order = read_order(document)
        self._tell(f"taken: {needs(order.assignment)}")
        delivery = await self._desk.do(order, report)
        self._tell(f"done: {needs(order.assignment)}: {len(delivery.files)} files")
        return delivery_text(order.lease, delivery)


class _ForgettingTasks(InMemoryTaskStore):
    """Keeps the last tasks only: each holds everything that was delivered."""

    def __init__(self) -> None:
        super().__init__()
        self._ended: deque[str] = deque()

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await super().save(task, context)
        if task.status.state in _ENDED and task.id not in self._ended:
            self._ended.append(task.id)
        while len(self._ended) > KEPT_TASKS:
            await self.delete(self._ended.popleft(), context)


_ENDED = (
    TaskState.TASK_STATE_COMPLETED,
    TaskState.TASK_STATE_FAILED,
    TaskState.TASK_STATE_CANCELED,
    TaskState.TASK_STATE_REJECTED,
    TaskState.TASK_STATE_INPUT_REQUIRED,
)


def _text(message: Message | None) -> str:
    parts = list(message.parts) if message is not None else []
    if len(parts) != 1 or parts[0].WhichOneof("content") != "text":
        raise InvalidInput("a message to this agent has one text part, which holds JSON")
    return str(parts[0].text)


def _card(personas: Sequence[Persona], places: int, url: str, version: str) -> AgentCard:
    names = ", ".join(persona.name for persona in personas)
    extension = AgentExtension(
        uri=EXTENSION, description="Assignments and results as JSON.", required=True
    )
    extension.params.update({"capacity": places})
    return AgentCard(
        name=personas[0].name if len(personas) == 1 else "Maestro personas",
        description=f"Does assignments of: {names}.",
        version=version,
        supported_interfaces=[
            AgentInterface(
                url=url,
                protocol_binding=TransportProtocol.JSONRPC,
                protocol_version=PROTOCOL_VERSION_1_0,
            )
        ],
        capabilities=AgentCapabilities(streaming=True, extensions=[extension]),
        default_input_modes=[MEDIA_TYPE],
        default_output_modes=[MEDIA_TYPE],
        skills=[_skill(persona) for persona in personas],
    )


def _skill(persona: Persona) -> AgentSkill:
    return AgentSkill(
        id=persona.id,
        name=persona.name,
        description=persona.summary,
        tags=list(persona.expertise),
    )
