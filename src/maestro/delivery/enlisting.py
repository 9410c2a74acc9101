"""Agents that nobody has to register: the built-in one, and the models that runs name."""

import asyncio
import hashlib
import re
from collections.abc import Collection
from dataclasses import replace
from urllib.parse import urlsplit

from maestro.agents.executors.offline.packages import built_in_packages
from maestro.agents.models.names import SERVER, model_name
from maestro.agents.registry import offline_agent
from maestro.domain.agent import LOCAL_REGION, OFFLINE, Agent
from maestro.planning.catalogue import load_catalogue
from maestro.ports import Clock, Store, Transaction

ENLISTED_CAPACITY = 16
"""Of these agents; a run's own limit of steps at work is reached before."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_ID = 60


async def enlist_models(store: Store, clock: Clock, names: Collection[str]) -> None:
    """Registers each model that a run names and that is not registered for this yet.

    They play every persona, for runs that name them and for no others.
    """
    records = await store.read(lambda tx: tx.agents.all())
    present = {one.agent.model for one in records if one.agent.on_request}
    missing = [name for name in names if name not in present]
    if not missing:
        return
    personas = tuple(sorted(await asyncio.to_thread(lambda: load_catalogue().personas)))
    now = clock.now()

    def enlist(tx: Transaction) -> None:
        known = {one.agent.model for one in tx.agents.all() if one.agent.on_request}
        for name in missing:
            if name not in known:
                agent = _on_request(name, personas)
                digest = hashlib.sha256(name.encode()).hexdigest()[:8]
                if not tx.agents.insert(agent, now):  # another model, or an agent, has that id
                    tx.agents.insert(replace(agent, id=f"{agent.id}-{digest}"), now)

    await store.write(enlist)


def region_of(model: str) -> str:
    """Where a model's prompts go. Raises InvalidInput for a name that is none."""
    parsed = model_name(model)
    if parsed.provider != SERVER:
        return parsed.provider
    host = urlsplit(parsed.base_url).hostname or ""
    return LOCAL_REGION if host in _LOOPBACK else host


def _on_request(name: str, personas: tuple[str, ...]) -> Agent:
    parsed = model_name(name)
    plain = re.sub(r"[^a-z0-9._-]+", "-", parsed.model.lower()).strip("-._")
    return Agent(
        id=f"model-{plain}"[:_LONGEST_ID],
        executor="llm",
        personas=personas,
        capacity=ENLISTED_CAPACITY,
        model=name,
        cost=None,
        region=region_of(name),
        on_request=True,
    )


async def enlist_offline(store: Store, clock: Clock) -> None:
    """Registers the built-in agent where it is not, or plays fewer personas than it could."""
    packages = await asyncio.to_thread(built_in_packages)
    built_in = offline_agent([each.manifest.persona for each in packages], ENLISTED_CAPACITY)
    records = await store.read(lambda tx: tx.agents.all())
    present = next((one.agent for one in records if one.agent.id == OFFLINE), None)
    if present is not None and present.personas == built_in.personas:
        return

    def enlist(tx: Transaction) -> None:
        if not tx.agents.insert(built_in, clock.now()):
            now = tx.agents.get(OFFLINE).agent
            tx.agents.update(replace(now, personas=built_in.personas))

    await store.write(enlist)
