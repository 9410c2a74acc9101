"""How an outside agent joins: its card is read, and it does a probe task first."""

import asyncio
import re
import secrets
from collections.abc import Collection

from a2a.types import AgentCard
from google.protobuf.json_format import MessageToDict

from maestro.agents.executors.a2a.addresses import LOCALHOST, card_address
from maestro.agents.executors.a2a.remote import met
from maestro.agents.executors.a2a.wire import EXTENSION, check_probe, probe_text
from maestro.domain.agent import LOCAL_REGION, Agent
from maestro.errors import AgentFailed, InvalidInput

PROBE_SECONDS = 30.0
MAX_CAPACITY = 64
MAX_ID = 60


async def join(
    card_url: str,
    *,
    personas: Collection[str] = (),
    known: Collection[str],
    agent_id: str | None = None,
) -> Agent:
    """The agent behind a card, as it may be registered.

    Args:
        personas: those it shall play; without any, all of its skills that name one.
        known: the personas there are.

    Raises:
        InvalidInput: the URL, the card or the answer to the probe task is not one that is taken.
        AgentFailed: the agent cannot be reached, or does not do the probe task.
    """
    token = secrets.token_urlsafe(24)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            async with met(card_url, read_seconds=PROBE_SECONDS) as remote:
                card = remote.card
                played = _personas(card, personas, known)
                check_probe(await remote.do(probe_text(token), _unheard), token)
    except TimeoutError as error:
        raise AgentFailed(
            f"{card_url!r}: the probe task had no result after {PROBE_SECONDS:g} s"
        ) from error
    origin, path = card_address(card_url)
    local = origin.host in (LOCALHOST, "127.0.0.1", "::1")
    return Agent(
        id=agent_id or _slug(card.name),
        executor="a2a",
        personas=played,
        capacity=_capacity(card),
        cost=None,
        region=LOCAL_REGION if local else origin.host,
        address=f"{origin}{path}",
    )


def _personas(card: AgentCard, wanted: Collection[str], known: Collection[str]) -> tuple[str, ...]:
    skills = [skill.id for skill in card.skills]
    chosen = tuple(wanted) or tuple(dict.fromkeys(skill for skill in skills if skill in known))
    if not chosen:
        shown = ", ".join(skill[:60] for skill in skills[:20]) or "none"
        raise InvalidInput(
            f"the card has no skill that is one of our personas (it has: {shown}); say with "
            "--persona what it shall play"
        )
    return chosen


def _capacity(card: AgentCard) -> int:
    """What the card says of itself, within reason; one where it says nothing."""
    for extension in card.capabilities.extensions:
        if extension.uri == EXTENSION:
            said = MessageToDict(extension.params).get("capacity", 1)
            if isinstance(said, int | float) and 1 <= said <= MAX_CAPACITY:
                return int(said)
    return 1


def _slug(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:MAX_ID].strip("-")
    if not words or not words[0].isalpha():
        raise InvalidInput(f"the card's name {name[:80]!r} makes no id; give one with --id")
    return words


async def _unheard(line: str) -> None:
    """Nobody watches a probe."""
