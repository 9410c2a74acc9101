"""Pools of agents as people use them: described in a file, kept, looked at."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from maestro.agents.worker_processes import WorkerProcess
from maestro.delivery.authorize import authorized
from maestro.delivery.enlisting import enlist_offline
from maestro.delivery.given_files import given_text
from maestro.delivery.pool_keeper import KeeperSettings, PoolKeeper
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.agent import Agent
from maestro.domain.encoding import decode
from maestro.domain.pool import Pool, PoolEvent, PoolRecord, check_pool
from maestro.domain.values import first_duplicate
from maestro.domain.yaml_text import yaml_value
from maestro.errors import Conflict, InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.ports import Transaction

StartMember = Callable[[Pool, Agent], AbstractAsyncContextManager[WorkerProcess]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFile:
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolDesk:
    """Pools in the name of the principal of `maestro`."""

    maestro: Maestro

    async def keepers(
        self,
        pools: Sequence[Pool],
        settings: KeeperSettings,
        *,
        start: StartMember,
        tell: Callable[[str], None],
    ) -> Sequence[PoolKeeper]:
        """One per pool, to be run; that they may be kept is audited.

        Raises:
            InvalidInput: a pool cannot be, or the store is not one that processes can share.
            Conflict: an agent that was registered by hand has the id of one of a pool's.
            PermissionDenied.
        """
        await asyncio.to_thread(_check, pools)
        maestro = self.maestro
        if not maestro.store.shared:
            raise InvalidInput(
                "pools need a store that processes can share: name a PostgreSQL database, e.g. "
                "--db postgresql://user@host/maestro"
            )
        await enlist_offline(maestro.store, maestro.clock)
        for pool in pools:
            await authorized(
                maestro.store,
                maestro.principal,
                Permission.AGENT_WRITE,
                target=pool.capability,
                at=maestro.clock.now(),
                act=partial(_check_ids, pool),
                action="agent:scale",
            )
        return [
            PoolKeeper(
                maestro.store,
                maestro.clock,
                pool,
                settings,
                start=partial(start, pool),
                tell=tell,
            )
            for pool in pools
        ]

    async def find(self) -> Sequence[PoolRecord]:
        """All that were ever kept, by capability."""
        return await self.maestro.store.read(lambda tx: tx.agents.pools.all())

    async def events(self, limit: int) -> Sequence[PoolEvent]:
        """Newest first."""
        return await self.maestro.store.read(lambda tx: tx.agents.pools.events(limit))


def load_pools(path: Path) -> tuple[Pool, ...]:
    """Reads a file of pools.

    Raises:
        InvalidInput: names the file, the place and the rule.
    """
    data = yaml_value(given_text(path), name=str(path))
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{str(path)!r}: must be a mapping with 'pools'")
    return decode(PoolFile, data, where=str(path)).pools


def _check_ids(pool: Pool, tx: Transaction) -> None:
    """Raises Conflict where a number of the pool could never be used."""
    for agent in (record.agent for record in tx.agents.all()):
        number = pool.number(agent.id)
        if number is not None and number <= pool.max and not agent.home:
            raise Conflict(
                f"agent {agent.id!r} was registered by hand with an id of pool "
                f"{pool.capability!r}; remove it ('maestro agents remove {agent.id}'), or give the "
                "pool another capability"
            )


def _check(pools: Sequence[Pool]) -> None:
    if not pools:
        raise InvalidInput("no pool is named; give at least one")
    twice = first_duplicate([pool.capability for pool in pools])
    if twice is not None:
        raise InvalidInput(f"capability {twice!r} has two pools; give it one")
    known = load_catalogue().personas
    for pool in pools:
        check_pool(pool)
        for persona in pool.personas:
            if persona not in known:
                raise InvalidInput(
                    f"pool {pool.capability!r}: there is no persona {persona!r}; known: "
                    f"{', '.join(sorted(known))}"
                )
