"""Webhooks as people use them: made with a secret that is shown once, looked at, asked again."""

import base64
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from maestro.delivery.authorize import authorized
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.egress import destination
from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject, RunId
from maestro.domain.webhook import (
    MARK,
    Delivery,
    DeliveryStatus,
    SealedSecret,
    Webhook,
    check_kinds,
)
from maestro.errors import Conflict, InvalidInput, NotFound
from maestro.ports import Transaction
from maestro.storage.sealing import SecretBox

T = TypeVar("T")
MOST_PER_PROJECT = 20
LONGEST_GRACE_HOURS = 24 * 30.0
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDesk:
    """Webhooks of the project and in the name of the principal of `maestro`."""

    maestro: Maestro
    box: SecretBox

    async def create(
        self, url: str, *, kinds: Sequence[str] = (), run: str = ""
    ) -> tuple[Webhook, str]:
        """A webhook, and its secret, which nobody can be told again.

        Args:
            kinds: of events, `run.failed` or `run.*`; empty = all.
            run: only events of this run of the project; empty = of every one.

        Raises:
            InvalidInput: a URL that is not allowed, or a kind that is none.
            NotFound: the project has no such run. Conflict: it has too many webhooks.
            PermissionDenied.
        """
        place = destination(url, self.maestro.settings.webhook_hosts)
        check_kinds(kinds)
        webhook_id = f"webhook-{uuid.uuid4().hex[:12]}"
        now, project = self.maestro.clock.now(), self.maestro.project
        sealed, text = self._secret(webhook_id)
        made = Webhook(
            id=webhook_id,
            project=project,
            url=url,
            secrets=(sealed,),
            kinds=tuple(dict.fromkeys(kinds)),
            run_id=run,
            created_by=self.maestro.principal.id,
            created_at=now,
        )

        def change(tx: Transaction) -> None:
            if run and tx.runs.get(RunId(run)).project != project:
                raise NotFound(f"project {project!r} has no run {run!r}")
            if len(tx.webhooks.of_projects([project])) >= MOST_PER_PROJECT:
                raise Conflict(
                    f"project {project!r} has {MOST_PER_PROJECT} webhooks; remove one first"
                )
            tx.webhooks.insert(made)

        await self._write(f"{webhook_id} ({place.host})", "webhook:create", change, now)
        return made, text

    async def rotate(self, webhook_id: str, *, grace_hours: float = 24.0) -> tuple[Webhook, str]:
        """Another secret; until the grace is over deliveries are signed with both.

        Raises:
            InvalidInput, NotFound, PermissionDenied.
        """
        if not 0 <= grace_hours <= LONGEST_GRACE_HOURS:
            raise InvalidInput(
                f"the grace must lie between 0 and {LONGEST_GRACE_HOURS:g} hours, got "
                f"{grace_hours!r}"
            )
        now = self.maestro.clock.now()
        sealed, text = self._secret(webhook_id)
        end = now + timedelta(hours=grace_hours)

        def change(tx: Transaction) -> Webhook:
            before = self._own(tx, webhook_id)
            kept = tuple(
                replace(one, ends_at=end if one.ends_at is None else min(end, one.ends_at))
                for one in before.signing(now)
            )
            after = replace(before, secrets=(sealed, *kept))
            tx.webhooks.update(after)
            return after

        return await self._write(webhook_id, "webhook:rotate", change, now), text

    async def remove(self, webhook_id: str) -> None:
        """With all that it was still to be told. Raises NotFound, PermissionDenied."""

        def change(tx: Transaction) -> None:
            self._own(tx, webhook_id)
            tx.webhooks.remove(webhook_id)

        await self._write(webhook_id, "webhook:remove", change, self.maestro.clock.now())

    async def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        return await self.maestro.store.read(lambda tx: self._own(tx, webhook_id))

    async def find(self) -> Sequence[Webhook]:
        project = self.maestro.project
        return await self.maestro.store.read(lambda tx: tx.webhooks.of_projects([project]))

    async def document(self, webhook: Webhook) -> JsonObject:
        """As it may be shown: without its secrets."""
        counts = await self.maestro.store.read(lambda tx: tx.webhooks.counts(webhook.id))
        return webhook_document(webhook, self.maestro.clock.now(), counts)

    async def deliveries(
        self,
        webhook_id: str,
        limit: int,
        *,
        before: int | None = None,
        status: DeliveryStatus | None = None,
    ) -> Sequence[Delivery]:
        """Newest first. Raises NotFound."""

        def look(tx: Transaction) -> Sequence[Delivery]:
            self._own(tx, webhook_id)
            return tx.webhooks.deliveries(webhook_id, limit, before=before, status=status)

        return await self.maestro.store.read(look)

    async def redeliver(self, webhook_id: str, number: int) -> Delivery:
        """Sends it again, under the same message id. Raises NotFound, PermissionDenied."""

        def change(tx: Transaction) -> Delivery:
            self._own(tx, webhook_id)
            return tx.webhooks.again(webhook_id, number)

        target = f"{webhook_id}/{number}"
        return await self._write(target, "webhook:redeliver", change, self.maestro.clock.now())

    async def redeliver_dead(self, webhook_id: str) -> int:
        """Sends again whatever was given up; how many. Raises NotFound, PermissionDenied."""

        def change(tx: Transaction) -> int:
            self._own(tx, webhook_id)
            return tx.webhooks.all_dead_again(webhook_id)

        return await self._write(webhook_id, "webhook:redeliver", change, self.maestro.clock.now())

    def _own(self, tx: Transaction, webhook_id: str) -> Webhook:
        found = tx.webhooks.get(webhook_id)
        if found.project != self.maestro.project:
            raise NotFound(f"project {self.maestro.project!r} has no webhook {webhook_id!r}")
        return found

    def _secret(self, webhook_id: str) -> tuple[SealedSecret, str]:
        secret = secrets.token_bytes(_SECRET_BYTES)
        sealed = SealedSecret(text=self.box.seal(secret, webhook_id))
        return sealed, MARK + base64.b64encode(secret).decode()

    async def _write(
        self, target: str, action: str, act: Callable[[Transaction], T], at: datetime
    ) -> T:
        return await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.WEBHOOK_MANAGE,
            target=target,
            at=at,
            act=act,
            action=action,
            project=self.maestro.project,
        )


def webhook_document(
    webhook: Webhook, now: datetime, counts: Mapping[DeliveryStatus, int]
) -> JsonObject:
    earlier = [one.ends_at for one in webhook.signing(now) if one.ends_at is not None]
    return {
        "id": webhook.id,
        "project": webhook.project,
        "url": webhook.url,
        "kinds": list(webhook.kinds),
        "run": webhook.run_id or None,
        "created_by": webhook.created_by,
        "created_at": encode(webhook.created_at),
        "rotating_until": encode(max(earlier)) if earlier else None,
        "deliveries": {status.value: counts.get(status, 0) for status in DeliveryStatus},
    }


def delivery_document(delivery: Delivery) -> JsonObject:
    told: dict[str, object] = encode(delivery)
    return {**told, "id": delivery.message_id}
