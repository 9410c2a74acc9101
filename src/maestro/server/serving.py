"""One server process: a socket, the application, and the tasks that belong to it."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

import uvicorn

from maestro.delivery.audit_desk import AuditDesk
from maestro.delivery.contract_verification import ProviderVerification
from maestro.delivery.counting import FigureCounting
from maestro.delivery.enlisting import enlist_offline
from maestro.delivery.key_desk import KeyDesk
from maestro.delivery.run_desk import RunDesk
from maestro.delivery.service import Maestro
from maestro.delivery.webhook_sending import WebhookSender
from maestro.errors import Conflict, InvalidInput
from maestro.listeners import stranger_on
from maestro.ports import SandboxProvider
from maestro.server.access import OidcSettings, Recognition
from maestro.server.application import application
from maestro.server.broadcast import Broadcast
from maestro.server.deliverer import WebhookDeliverer
from maestro.server.details import Details
from maestro.server.doctor import Doctor, Examination
from maestro.server.errands import Errands
from maestro.server.guard import GuardSettings, RequestGuard
from maestro.server.health import Health, StoreWatch
from maestro.server.keeper import RunKeeper
from maestro.server.metrics import ServerFigures
from maestro.server.parting import PartingProtocol
from maestro.server.problems import contained
from maestro.server.services import Services
from maestro.server.threads import PartedThreads
from maestro.server.traces import TraceExport, otlp_export
from maestro.storage.sealing import webhook_box

MAX_MESSAGE_BYTES = 65_536
ANCHOR_SECONDS = 60.0
COUNT_SECONDS = 10.0
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    host: str = "127.0.0.1"
    port: int = 8700
    max_runs: int = 32
    """Runs at work at once; the others wait."""
    grace_seconds: float = 10.0
    """That running steps get when the server is told to end."""
    hosts: tuple[str, ...] = ()
    """Further names under which it is asked."""
    origins: tuple[str, ...] = ()
    """Pages of others that may ask."""
    oidc: OidcSettings | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine asks it; under another name a proxy may ask for others."""
        return all(is_loopback(name) for name in (self.host, *self.hosts))

    @property
    def names(self) -> frozenset[str]:
        """Under which it answers; those of this machine, too, whose checks of health ask so, and
        to which no page of others can lead by a DNS of its own.
        """
        return LOOPBACK_NAMES | {name.lower() for name in (self.host, *self.hosts)}


class ApiServer:
    """Takes requests and executes runs, from `run` on, until it is told to stop."""

    def __init__(
        self,
        maestro: Maestro,
        sandboxes: SandboxProvider,
        audit: AuditDesk,
        verification: Callable[[], ProviderVerification],
        examine: Examination,
        options: ServeOptions,
    ) -> None:
        """`verification`: makes, in a thread, what holds providers against contracts.
        `examine`: looks at this machine, as `maestro doctor` does.
        """
        self._maestro = maestro
        self._options = options
        self._audit = audit
        desk = RunDesk(maestro=maestro)
        self._keeper = RunKeeper(maestro, options.max_runs)
        self._broadcast = Broadcast(desk)
        self._watch = StoreWatch(maestro)
        self._health = Health(maestro, sandboxes, draining=lambda: self._keeper.draining)
        self._keys = KeyDesk(maestro=maestro)
        folder = maestro.settings.data_folder / "verifying"
        self._errands = Errands(maestro.clock, verification, folder)
        self._figures = ServerFigures()
        self._counting = FigureCounting(maestro.store)
        endpoint = maestro.settings.otel_endpoint
        self._traces = (
            None
            if endpoint is None
            else TraceExport(maestro.store, maestro.clock, otlp_export(endpoint))
        )
        self._doctor = Doctor(examine, maestro.clock)
        services = Services(
            maestro=maestro,
            desk=desk,
            keeper=self._keeper,
            broadcast=self._broadcast,
            details=Details(maestro, desk),
            audit=audit,
            errands=self._errands,
            figures=self._figures,
            counting=self._counting,
            doctor=self._doctor,
            health=self._health,
            watch=self._watch,
            started_at=maestro.clock.now(),
        )
        self.app = application(services)

    @property
    def grace_seconds(self) -> float:
        return self._options.grace_seconds

    async def run(
        self,
        listener: socket.socket,
        stop: asyncio.Event,
        opening: Callable[[], None] = lambda: None,
    ) -> None:
        """Returns when everything has come to rest, runs resumable.

        Args:
            opening: called once nothing is known that speaks against answering.

        Raises:
            InvalidInput: others could ask it, and nobody would have to say who he is.
        """
        asyncio.get_running_loop().set_default_executor(PartedThreads())
        await self._check_doors()
        await enlist_offline(self._maestro.store, self._maestro.clock)
        opening()
        ending = asyncio.Event()
        server = _QuietServer(self._config(listener))
        sender = WebhookSender(self._maestro.settings.webhook_hosts)
        deliverer = WebhookDeliverer(self._maestro, webhook_box(self._audit.key), sender)
        async with sender, asyncio.TaskGroup() as group:
            group.create_task(deliverer.run(ending))
            self._broadcast.begin(group)
            self._errands.begin(group)
            self._doctor.begin(group)
            for work in (self._watch.run, self._health.watch, partial(self._keeper.run, group)):
                group.create_task(work(ending))
            answering = group.create_task(server.serve(sockets=[listener]))
            group.create_task(self._anchored(ending))
            group.create_task(self._counted(ending))
            if self._traces is not None:
                group.create_task(self._traces.run(ending))
            group.create_task(self._ended(stop, ending, server, answering))
            self._health.started = True

    async def _anchored(self, ending: asyncio.Event) -> None:
        """Writes down now and then, and at the end, how far the audit log goes."""
        while not ending.is_set():
            try:
                async with asyncio.timeout(ANCHOR_SECONDS):
                    await ending.wait()
            except TimeoutError:
                pass
            await contained(self._audit.anchor(), "writing down how far the audit log goes")

    async def _counted(self, ending: asyncio.Event) -> None:
        """Keeps the figures over all runs, so that who asks for them finds little left to do."""
        while not ending.is_set():
            await contained(self._counting.catch_up(COUNT_SECONDS), "counting figures")
            try:
                async with asyncio.timeout(COUNT_SECONDS):
                    await ending.wait()
            except TimeoutError:
                continue

    async def _ended(
        self,
        stop: asyncio.Event,
        ending: asyncio.Event,
        server: "_QuietServer",
        answering: "asyncio.Task[None]",
    ) -> None:
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, answering}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        ending.set()
        await self._keeper.drain(self._options.grace_seconds)
        server.should_exit = True
        self._broadcast.end()
        self._errands.end()
        self._doctor.end()

    async def _check_doors(self) -> None:
        options = self._options
        if options.loopback or options.oidc is not None or await self._keys.any():
            return
        named = next(name for name in (options.host, *options.hosts) if not is_loopback(name))
        raise InvalidInput(
            f"under the name {named!r} others can ask this server, and nobody would have to say "
            "who he is; make a key first: maestro keys create NAME --role admin"
        )

    def _config(self, listener: socket.socket) -> uvicorn.Config:
        options = self._options
        settings = GuardSettings(hosts=options.names, origins=frozenset(options.origins))
        recognition = Recognition(
            self._keys, self._maestro.clock, loopback=options.loopback, oidc=options.oidc
        )
        guard = RequestGuard(self.app, settings, recognition, self._watch.away, self._figures)
        self._watch.on_away = guard.hurry
        return uvicorn.Config(
            guard,
            interface="asgi3",
            http="httptools",
            ws=PartingProtocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=3,
        )


class _QuietServer(uvicorn.Server):
    """Signals belong to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        Conflict: somebody else listens there, and as far as that can be seen, who.
        InvalidInput: no such address, or not ours to use.
    """
    if not 0 <= port <= 65_535:
        raise InvalidInput(f"--port {port!r} is outside of 0 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            holder = stranger_on(port, ())
            by = f" by {holder}" if holder else ""
            raise Conflict(
                f"port {port} of {host} is taken{by}; name another one with --port, or 0 for a "
                "free one"
            ) from None
        raise InvalidInput(f"cannot listen on --host {host!r} --port {port}: {error}") from None
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
