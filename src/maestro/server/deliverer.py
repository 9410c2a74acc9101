"""Tells webhooks what they are to be told: the outbox is emptied here, whoever filled it."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import timedelta

from maestro.delivery.service import Maestro
from maestro.delivery.webhook_sending import SECONDS, WebhookSender
from maestro.domain.webhook import (
    DeliveryResult,
    Webhook,
    cloud_event,
    signature,
    waiting_seconds,
)
from maestro.errors import NotFound, StorageUnavailable
from maestro.ports.projects import ClaimedDelivery
from maestro.server.problems import contained
from maestro.storage.sealing import SecretBox

LOOK_SECONDS = 0.5
AWAY_SECONDS = 5.0
"""Until the store is asked again after it could not answer."""
AT_ONCE = 8
"""Deliveries under way to one webhook."""
LEASE_SECONDS = SECONDS + 5.0
"""A delivery is another server's to make when it was not ended by then."""
LONGEST_REST_SECONDS = 60.0
"""For a webhook that takes nothing."""
KEPT = timedelta(days=30)
"""Ended deliveries are forgotten after that."""
FORGET_SECONDS = 3600.0


class WebhookDeliverer:
    """Any number of servers may share a database: each delivery is claimed by one of them."""

    def __init__(
        self,
        maestro: Maestro,
        box: SecretBox,
        sender: WebhookSender,
        wait: Callable[[int, float], float | None] = waiting_seconds,
    ) -> None:
        """`wait`: seconds to the next attempt, by failed ones and a drawn lot; None = no more."""
        self._maestro = maestro
        self._box = box
        self._sender = sender
        self._wait = wait
        self._busy: set[str] = set()
        self._failures: dict[str, int] = {}
        self._resting: dict[str, float] = {}
        self._draw = random.SystemRandom().random

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is under way then is ended in its few seconds."""
        forgotten = 0.0
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                error = await contained(self._look(group, stop), "looking for webhooks to tell")
                if error is None and time.monotonic() - forgotten > FORGET_SECONDS:
                    forgotten = time.monotonic()
                    await contained(self._forget(), "forgetting old deliveries")
                try:
                    async with asyncio.timeout(LOOK_SECONDS if error is None else AWAY_SECONDS):
                        await stop.wait()
                except TimeoutError:
                    continue

    async def _look(self, group: asyncio.TaskGroup, stop: asyncio.Event) -> None:
        for webhook_id in await self._maestro.store.read(lambda tx: tx.webhooks.due()):
            resting = time.monotonic() < self._resting.get(webhook_id, 0.0)
            if webhook_id not in self._busy and not resting:
                self._busy.add(webhook_id)
                group.create_task(self._tell(webhook_id, stop), name=f"webhook {webhook_id}")

    async def _tell(self, webhook_id: str, stop: asyncio.Event) -> None:
        try:
            await contained(self._told(webhook_id, stop), f"telling webhook {webhook_id}")
        finally:
            self._busy.discard(webhook_id)

    async def _told(self, webhook_id: str, stop: asyncio.Event) -> None:
        """Everything that is due; a webhook that takes nothing is left alone for a while."""
        while not stop.is_set():
            try:
                webhook, claimed = await self._claimed(webhook_id)
            except NotFound:
                return  # it was removed
            if not claimed:
                return
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._deliver(webhook, one)) for one in claimed]
            if any(task.result() for task in tasks):
                self._failures.pop(webhook_id, None)
                continue
            failures = self._failures[webhook_id] = self._failures.get(webhook_id, 0) + 1
            self._resting[webhook_id] = time.monotonic() + rest_seconds(failures)
            return

    async def _claimed(self, webhook_id: str) -> tuple[Webhook, list[ClaimedDelivery]]:
        return await self._maestro.store.write(
            lambda tx: (
                tx.webhooks.get(webhook_id),
                list(tx.webhooks.claim(webhook_id, AT_ONCE, LEASE_SECONDS)),
            )
        )

    async def _deliver(self, webhook: Webhook, claimed: ClaimedDelivery) -> bool:
        result = await self._sent(webhook, claimed)
        wait = self._wait(claimed.delivery.attempts + 1, self._draw())
        now = self._maestro.clock.now()
        writing = self._maestro.store.write(
            lambda tx: tx.webhooks.finish(claimed, result, now, wait)
        )
        # Where that cannot be said it is sent again, with the same id, when its lease is over.
        error = await contained(writing, f"noting what became of a delivery to {webhook.id}")
        return result.delivered and error is None

    async def _sent(self, webhook: Webhook, claimed: ClaimedDelivery) -> DeliveryResult:
        now = self._maestro.clock.now()
        try:
            keys = [self._box.unseal(one.text, webhook.id) for one in webhook.signing(now)]
        except StorageUnavailable as error:
            return DeliveryResult(delivered=False, error=str(error))
        told = cloud_event(claimed.event, webhook.project)
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        message, timestamp = claimed.delivery.message_id, int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(keys, message, timestamp, body),
        }
        return await self._sender.send(webhook.url, headers, body)

    async def _forget(self) -> None:
        before = self._maestro.clock.now() - KEPT
        await self._maestro.store.write(lambda tx: tx.webhooks.forget(before))


def rest_seconds(failures: int) -> float:
    """How long a webhook is left alone that took nothing so often in a row."""
    return min(2.0 ** (min(failures, 60) - 2), LONGEST_REST_SECONDS)
