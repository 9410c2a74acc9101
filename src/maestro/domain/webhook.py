"""Webhooks: who is told of events by HTTP, and what became of each telling.

What is sent keeps to Standard Webhooks; the body has the names of CloudEvents 1.0.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from maestro.domain.encoding import encode
from maestro.domain.run import Event, EventKind
from maestro.domain.values import JsonObject, RunId
from maestro.errors import InvalidInput

MARK = "whsec_"
"""Begins every secret as it is shown."""
ATTEMPTS = 8
"""After as many a delivery is dead; it can still be asked for again."""
FIRST_WAIT_SECONDS = 5.0
WAIT_FACTOR = 4.0
LONGEST_WAIT_SECONDS = 6 * 3600.0


class DeliveryStatus(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"  # every attempt failed


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """What a receiver knows deliveries by, readable only with a key outside of the database."""

    text: str = field(repr=False)
    ends_at: datetime | None = None
    """Until when it still signs, after another one took its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    id: str
    project: str
    url: str
    secrets: tuple[SealedSecret, ...] = field(repr=False)
    """Newest first."""
    kinds: tuple[str, ...] = ()
    """Of the events that are told: `run.failed`, or `run.*` for all of runs; empty = all."""
    run_id: str = ""
    """Only of this run; empty = of every one of the project."""
    created_by: str
    created_at: datetime

    def signing(self, at: datetime) -> tuple[SealedSecret, ...]:
        return tuple(one for one in self.secrets if one.ends_at is None or at < one.ends_at)

    def wanted(self) -> tuple[str, ...]:
        """The kinds one by one; a single empty one stands for all, those of later versions too."""
        return tuple(dict.fromkeys(k for word in self.kinds for k in _expanded(word))) or ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event to be told to one webhook."""

    number: int
    webhook_id: str
    run_id: RunId
    sequence: int
    kind: str
    status: DeliveryStatus
    at: datetime
    """Of the event."""
    attempts: int = 0
    """Since it was last asked for."""
    answer: int | None = None
    """HTTP status of the last attempt; None where there was none."""
    error: str = ""
    """Why the last attempt failed."""
    ended_at: datetime | None = None
    """When the last attempt ended."""

    @property
    def message_id(self) -> str:
        """The same at every attempt, so that a receiver knows what it has had."""
        return message_id(self.run_id, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryResult:
    """What one attempt came to."""

    delivered: bool
    answer: int | None = None
    error: str = ""


def message_id(run_id: str, sequence: int) -> str:
    return f"evt_{run_id}_{sequence}"


def cloud_event(event: Event, project: str) -> JsonObject:
    """The body that is told: CloudEvents 1.0 around the event as every other door gives it."""
    return {
        "specversion": "1.0",
        "id": message_id(event.run_id, event.sequence),
        "source": f"/api/v1/runs/{event.run_id}",
        "type": f"maestro.{event.kind.value}.v1",
        "subject": "run" if event.step_id is None else f"step/{event.step_id}",
        "time": event.at.astimezone(UTC).isoformat(),
        "datacontenttype": "application/json",
        "seq": event.sequence,
        "project": project,
        "data": encode(event),
    }


def signature(secrets: Iterable[bytes], message: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one `v1,` per secret that counts."""
    signed = f"{message}.{timestamp}.".encode() + body
    digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


def waiting_seconds(attempts: int, draw: float) -> float | None:
    """How long to wait after this many failed attempts; None: it is dead. `draw` from [0, 1)."""
    if attempts >= ATTEMPTS:
        return None
    wait = min(FIRST_WAIT_SECONDS * WAIT_FACTOR ** (attempts - 1), LONGEST_WAIT_SECONDS)
    return wait * (0.8 + 0.4 * draw)


def check_kinds(kinds: Sequence[str]) -> None:
    """Raises InvalidInput for a word that stands for no event."""
    for word in kinds:
        if not _expanded(word):
            groups = sorted({kind.value.partition(".")[0] + ".*" for kind in EventKind})
            raise InvalidInput(
                f"{word!r} is no kind of event; known: {', '.join(groups)}, {', '.join(EventKind)}"
            )


def _expanded(word: str) -> tuple[str, ...]:
    if word.endswith(".*"):
        return tuple(kind.value for kind in EventKind if kind.value.startswith(word[:-1]))
    return (word,) if word in {kind.value for kind in EventKind} else ()
