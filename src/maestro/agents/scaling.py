"""How many agents a pool needs: a pure decision from what waits and who is there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.pool import Pool


class MemberState(StrEnum):
    STARTING = "starting"  # has not joined the registry yet
    READY = "ready"
    LEAVING = "leaving"  # gets nothing more; a place of the pool until its process is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMember:
    """An agent of the pool whose process the keeper started."""

    number: int
    state: MemberState
    in_hand: int = 0
    idle_since: float | None = None
    """Since when it is ready and has nothing in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """A pool at one moment, by the keeper's clock."""

    now: float
    waiting: int
    members: tuple[PoolMember, ...] = ()
    elsewhere: frozenset[int] = frozenset()
    """Agents of the pool that are alive in processes which this keeper did not start."""
    failures: int = 0
    """Starts that failed, and agents that were lost, in a row."""
    not_before: float = 0.0
    """Nothing is started earlier, because of those."""


@dataclass(frozen=True, slots=True)
class StartAgent:
    number: int


@dataclass(frozen=True, slots=True)
class EndAgent:
    number: int
    reason: str


def scale(pool: Pool, view: PoolView) -> tuple[StartAgent | EndAgent, ...]:
    """What to start and to end now.

    There are never more agents than `max`, leaving ones and those elsewhere among them; no idle one
    is ended where that leaves fewer than `min`, nor while steps wait. After a failure one agent at
    a time is tried.
    """
    staying = [one for one in view.members if one.state is not MemberState.LEAVING]
    present = len(staying) + len(view.elsewhere)
    free = sum(max(0, pool.slots - one.in_hand) for one in staying)
    short = math.ceil(max(0, view.waiting - free) / pool.slots)
    wanted = max(pool.min, min(pool.max, present + short))
    if wanted > present:
        return _starts(pool, view, wanted - present)
    return _ends(pool, view, staying, present) if view.waiting == 0 else ()


def _starts(pool: Pool, view: PoolView, wanted: int) -> tuple[StartAgent, ...]:
    if view.now < view.not_before:
        return ()
    taken = {one.number for one in view.members} | view.elsewhere
    free = [number for number in range(1, pool.max + 1) if number not in taken]
    room = pool.max - len(view.members) - len(view.elsewhere)
    if view.failures:
        starting = any(one.state is MemberState.STARTING for one in view.members)
        wanted = 0 if starting else 1
    return tuple(StartAgent(number) for number in free[: max(0, min(wanted, room))])


def _ends(
    pool: Pool, view: PoolView, staying: Sequence[PoolMember], present: int
) -> tuple[EndAgent, ...]:
    idle = sorted(
        (
            one.number
            for one in staying
            if one.idle_since is not None
            and one.in_hand == 0
            and view.now - one.idle_since >= pool.idle_seconds
        ),
        reverse=True,
    )
    return tuple(
        EndAgent(number, f"idle for {pool.idle_seconds:g} s")
        for number in idle[: max(0, present - pool.min)]
    )


FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0


def backoff_seconds(failures: int) -> float:
    """How long nothing is started after as many failures in a row."""
    longest = float(FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 10))
    return min(LONGEST_BACKOFF_SECONDS, longest) if failures > 0 else 0.0
