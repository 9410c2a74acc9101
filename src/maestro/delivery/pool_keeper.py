"""Keeps a pool: starts agents in processes of their own when work waits, ends idle ones."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace

from maestro.agents.scaling import (
    EndAgent,
    MemberState,
    PoolMember,
    PoolView,
    StartAgent,
    backoff_seconds,
    scale,
)
from maestro.agents.worker_processes import WorkerProcess
from maestro.domain.agent import Agent, AgentRecord, AgentState
from maestro.domain.encoding import encode
from maestro.domain.pool import Pool, PoolEvent, PoolEventKind
from maestro.domain.values import JsonValue
from maestro.errors import Conflict, NotFound, StorageError, StorageUnavailable
from maestro.ports import Clock, Store, Transaction
from maestro.workflow.feed import until

START_SECONDS = 60.0
"""An agent that has not joined the registry by then did not start."""
STEADY_SECONDS = 10.0
"""An agent that was ready for so long ends a row of failures."""
CLEANUP_SECONDS = 5.0
"""Beside the grace, for a worker to end its sandboxes and itself."""

StartWorker = Callable[[Agent], AbstractAsyncContextManager[WorkerProcess]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperSettings:
    name: str
    """This process, as others on the store are told of it."""
    lease_seconds: float
    """A keeper that dies is replaced after this long."""
    grace_seconds: float
    """What steps under way get when the keeper is stopped."""
    look_seconds: float = 0.5


@dataclass(slots=True)
class _Kept:
    """A member of the pool whose process was started here."""

    member: PoolMember
    since: float
    """When it came into its state."""
    life: "asyncio.Task[None] | None" = None
    process: WorkerProcess | None = None
    home: str = ""
    why: str = ""
    """Why it leaves or is ended; empty while it is meant to stay."""
    meant: bool = False
    """Whether its end is one that was meant."""
    asked: bool = False
    """Whether its process was asked to end."""
    cut: bool = False
    """Whether its process is being killed."""

    def become(self, state: MemberState, now: float) -> None:
        self.member = replace(self.member, state=state)
        self.since = now


@dataclass(slots=True)
class _Seen:
    """What the store holds of a pool."""

    waiting: int
    in_hand: dict[str, int]
    records: dict[int, AgentRecord] = field(default_factory=dict)


class _PoolLog:
    """What happened to the pool: told at once, and kept until it could be written."""

    def __init__(
        self, store: Store, clock: Clock, pool: Pool, keeper: str, tell: Callable[[str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._pool = pool
        self._keeper = keeper
        self._tell = tell
        self._events: list[PoolEvent] = []

    def note(self, kind: PoolEventKind, kept: _Kept | None = None, **data: JsonValue) -> None:
        agent = "" if kept is None else self._pool.agent(kept.member.number).id
        event = PoolEvent(
            kind=kind,
            at=self._clock.now(),
            capability=self._pool.capability,
            keeper=self._keeper,
            agent=agent,
            data=data,
        )
        self._events.append(event)
        reason = f": {data['reason']}" if "reason" in data else ""
        self._tell(f"{kind.value}  {agent or self._pool.capability}{reason}")

    async def flush(self) -> None:
        told = tuple(self._events)

        def change(tx: Transaction) -> None:
            for event in told:
                tx.agents.pools.note(event)

        if told:
            await self._store.write(change)
            del self._events[: len(told)]


class PoolKeeper:
    """Runs until it is stopped. While another process keeps the pool it stands by."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        pool: Pool,
        settings: KeeperSettings,
        *,
        start: StartWorker,
        tell: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            start: starts the process in which an agent lives.
            tell: gets one line per thing that a person watching wants to know.
        """
        self._store = store
        self._pool = pool
        self._settings = settings
        self._start = start
        self._tell = tell
        self._now = now
        self._members: dict[int, _Kept] = {}
        self._log = _PoolLog(store, clock, pool, settings.name, tell)
        self._keeper = ""
        self._failures = 0
        self._failed_at = 0.0
        self._not_before = 0.0
        self._trusted_until = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the pool until `stop` is set, then lets its agents end within the grace."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                await self._look_or_wait(group)
                await until(stop, self._settings.look_seconds)
            await self._close()

    async def _look_or_wait(self, group: asyncio.TaskGroup) -> None:
        try:
            await self._look(group)
        except StorageUnavailable as error:
            self._tell(f"the database is away: {error}; trying again")
            # Nobody could give a sign meanwhile; all get the time of a lease for the next one.
            self._trusted_until = self._now() + self._settings.lease_seconds

    async def _look(self, group: asyncio.TaskGroup) -> None:
        settings, capability = self._settings, self._pool.capability
        keeper = await self._store.write(
            lambda tx: tx.agents.pools.keep(self._pool, settings.name, settings.lease_seconds)
        )
        if keeper != self._keeper:
            self._keeper = keeper
            if keeper == settings.name:
                self._log.note(PoolEventKind.TAKEN, pool=encode(self._pool))
            else:
                self._tell(f"pool {capability}: kept by {keeper}; standing by")
        if keeper == settings.name:
            seen = await self._store.read(self._seen)
            self._follow(seen)
            for command in scale(self._pool, self._view(seen)):
                if isinstance(command, StartAgent):
                    self._begin(group, command.number, seen.waiting)
                else:
                    await self._drain(command)
            self._let_go(seen)
        else:
            for kept in self._members.values():
                self._ask_to_end(kept, "another process keeps the pool")
        self._end_late()
        await self._log.flush()

    def _seen(self, tx: Transaction) -> _Seen:
        capability = self._pool.capability
        demands = tx.agents.pools.demands()
        numbered = {self._pool.number(one.agent.id): one for one in tx.agents.all()}
        return _Seen(
            waiting=sum(one.waiting for one in demands if one.capability == capability),
            in_hand=dict(tx.agents.pools.in_hand(capability)),
            records={number: one for number, one in numbered.items() if number is not None},
        )

    def _view(self, seen: _Seen) -> PoolView:
        own = {kept.home for kept in self._members.values() if kept.home}
        return PoolView(
            now=self._now(),
            waiting=seen.waiting,
            members=tuple(kept.member for kept in self._members.values()),
            elsewhere=frozenset(
                number
                for number, record in seen.records.items()
                if record.alive and record.agent.home not in own and number not in self._members
            ),
            failures=self._failures,
            not_before=self._not_before,
        )

    def _follow(self, seen: _Seen) -> None:
        """Brings the members in line with what the registry says of them."""
        now = self._now()
        for number, kept in self._members.items():
            kept.home = kept.home or self._home(kept)
            record = seen.records.get(number)
            here = record is not None and record.alive and record.agent.home == kept.home
            state = kept.member.state
            if state is MemberState.STARTING:
                self._follow_start(kept, here, now)
            elif state is MemberState.READY:
                self._follow_ready(kept, record if here else None, now)
            in_hand = seen.in_hand.get(kept.home, 0)
            idle = kept.member.state is MemberState.READY and in_hand == 0
            since = kept.member.idle_since if kept.member.idle_since is not None else now
            kept.member = replace(kept.member, in_hand=in_hand, idle_since=since if idle else None)

    def _follow_start(self, kept: _Kept, here: bool, now: float) -> None:
        if here:
            seconds = round(now - kept.since, 3)
            kept.become(MemberState.READY, now)
            self._log.note(PoolEventKind.AGENT_READY, kept, seconds=seconds)
        elif now - kept.since > START_SECONDS:
            self._cut(kept, f"it did not join the registry within {START_SECONDS:g} s")

    def _follow_ready(self, kept: _Kept, record: AgentRecord | None, now: float) -> None:
        if record is None:
            if now >= self._trusted_until:
                self._cut(kept, "it gave no sign within its lease")
        elif record.agent.state is AgentState.DRAINING:
            kept.why = "it was drained"
            kept.become(MemberState.LEAVING, now)
        elif kept.since > self._failed_at and now - kept.since >= STEADY_SECONDS:
            self._failures = 0

    def _home(self, kept: _Kept) -> str:
        """As the agent's process names itself in the registry."""
        process = None if kept.process is None else kept.process.process_id
        return "" if process is None else f"{socket.gethostname()}:{process}"

    def _begin(self, group: asyncio.TaskGroup, number: int, waiting: int) -> None:
        member = PoolMember(number=number, state=MemberState.STARTING)
        kept = self._members[number] = _Kept(member=member, since=self._now())
        kept.life = group.create_task(self._live(kept, waiting))

    async def _live(self, kept: _Kept, waiting: int) -> None:
        """From the start of a member's process to its end."""
        agent = self._pool.agent(kept.member.number)
        code, words = None, ""
        try:
            async with self._start(agent) as process:
                kept.process = process
                self._log.note(PoolEventKind.AGENT_STARTED, kept, waiting=waiting)
                code = await process.ended()
                words = process.last_words()
        except OSError as error:
            words = f"{type(error).__name__}: {error}"
        except asyncio.CancelledError:
            if not kept.cut:  # the keeper itself is cancelled
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
        finally:
            del self._members[kept.member.number]
        self._buried(kept, code, words)
        with suppress(StorageError):
            # Its process is known to be gone; nobody has to wait for its lease.
            await self._store.write(lambda tx: tx.agents.beat(agent.id, kept.home, 0.0))

    def _buried(self, kept: _Kept, code: int | None, words: str) -> None:
        if kept.meant:
            self._log.note(PoolEventKind.AGENT_ENDED, kept, reason=kept.why)
            return
        self._failures += 1
        seconds = backoff_seconds(self._failures)
        self._failed_at = self._now()
        self._not_before = self._failed_at + seconds
        starting = kept.member.state is MemberState.STARTING
        kind = PoolEventKind.START_FAILED if starting else PoolEventKind.AGENT_LOST
        status = "" if code is None else f" with status {code}"
        reason = kept.why or f"its process ended{status}: {words or 'it said nothing'}"
        self._log.note(kind, kept, exit_code=code, reason=reason, retry_seconds=seconds)

    async def _drain(self, command: EndAgent) -> None:
        """The registry says first that it gets nothing more, then its process is ended."""
        kept = self._members.get(command.number)
        if kept is None:  # it ended meanwhile
            return
        kept.why = command.reason
        kept.become(MemberState.LEAVING, self._now())
        agent_id = self._pool.agent(command.number).id

        def change(tx: Transaction) -> None:
            found = tx.agents.get(agent_id).agent
            tx.agents.update(replace(found, state=AgentState.DRAINING))

        with suppress(Conflict, NotFound):
            await self._store.write(change)

    def _let_go(self, seen: _Seen) -> None:
        """Ends those who leave once they have heard of it and have nothing in hand."""
        heard = self._settings.lease_seconds / 3 + self._settings.look_seconds
        for kept in self._members.values():
            leaving = kept.member.state is MemberState.LEAVING
            if leaving and not kept.member.in_hand and self._now() - kept.since >= heard:
                self._ask_to_end(kept, kept.why)

    def _ask_to_end(self, kept: _Kept, why: str) -> None:
        if kept.asked or kept.process is None:
            return
        kept.why, kept.meant, kept.asked = why, True, True
        kept.become(MemberState.LEAVING, self._now())
        kept.process.leave()

    def _cut(self, kept: _Kept, why: str) -> None:
        """Ends its process, with everything that it started, at once."""
        if not kept.cut and kept.life is not None:
            kept.why, kept.cut = why, True
            kept.life.cancel()

    def _end_late(self) -> None:
        """Those that were asked to end and do not are no longer asked."""
        grace = self._settings.grace_seconds + CLEANUP_SECONDS
        for kept in self._members.values():
            if kept.asked and self._now() - kept.since > grace:
                self._cut(kept, f"{kept.why}; killed, as it did not end within {grace:g} s")

    async def _close(self) -> None:
        grace = self._settings.grace_seconds + CLEANUP_SECONDS
        for kept in self._members.values():
            kept.why = kept.why or "the keeper was stopped"
            self._ask_to_end(kept, kept.why)
            kept.meant = True
        lives = [kept.life for kept in self._members.values() if kept.life is not None]
        if lives:
            self._tell(f"pool {self._pool.capability}: ending {len(lives)} agents")
            await asyncio.wait(lives, timeout=grace)
            for kept in self._members.values():
                self._cut(kept, f"{kept.why}; killed, as it did not end within {grace:g} s")
            await asyncio.wait(lives)
        if self._keeper == self._settings.name:
            self._log.note(PoolEventKind.LEFT)
        with suppress(StorageError):
            await self._log.flush()
            await self._store.write(
                lambda tx: tx.agents.pools.leave(self._pool.capability, self._settings.name)
            )
