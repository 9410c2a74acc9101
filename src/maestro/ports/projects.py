"""What the store keeps of projects as such: their webhooks, shares and budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from maestro.domain.models import Caps, Spent
from maestro.domain.overview import AttemptRecord
from maestro.domain.run import Event
from maestro.domain.sharing import Share, SharedKind
from maestro.domain.values import RunId, StepId
from maestro.domain.webhook import Delivery, DeliveryResult, DeliveryStatus, Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDelivery:
    """A delivery that is somebody's to make, for as long as its lease lasts."""

    delivery: Delivery
    event: Event
    token: int
    """Of the claim; only the last claimant's result is taken."""


class WebhookRepository(Protocol):
    """Webhooks, and the outbox of what they are still to be told.

    The outbox is filled in the transaction that writes an event, by whoever writes it.
    """

    def insert(self, webhook: Webhook) -> None: ...

    def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        ...

    def of_projects(self, projects: Sequence[str] | None) -> Sequence[Webhook]:
        """Of all where None; oldest first."""
        ...

    def update(self, webhook: Webhook) -> None:
        """Its secrets; what it wants to be told stays. Raises NotFound."""
        ...

    def remove(self, webhook_id: str) -> None:
        """With its deliveries. Raises NotFound."""
        ...

    def counts(self, webhook_id: str) -> Mapping[DeliveryStatus, int]: ...

    def deliveries(
        self,
        webhook_id: str,
        limit: int,
        *,
        before: int | None = None,
        status: DeliveryStatus | None = None,
    ) -> Sequence[Delivery]:
        """Newest first, those with smaller numbers than `before`."""
        ...

    def again(self, webhook_id: str, number: int) -> Delivery:
        """Lets it be delivered now, whatever became of it. Raises NotFound."""
        ...

    def all_dead_again(self, webhook_id: str) -> int:
        """How many there were."""
        ...

    def due(self) -> Sequence[str]:
        """Webhooks with something to be told now."""
        ...

    def claim(self, webhook_id: str, most: int, lease_seconds: float) -> Sequence[ClaimedDelivery]:
        """Deliveries that are due; nobody else gets them before the lease is over."""
        ...

    def finish(
        self, claimed: ClaimedDelivery, result: DeliveryResult, at: datetime, wait: float | None
    ) -> None:
        """`wait`: seconds until the next attempt of a failed one; None ends it as dead. Changes
        nothing when somebody else has claimed it since, or it was asked for again.
        """
        ...

    def forget(self, before: datetime) -> None:
        """Removes ended deliveries of events before that moment."""
        ...


class ProjectRepository(Protocol):
    def share(self, share: Share) -> None:
        """Raises Conflict where it is shared already."""
        ...

    def shares(self, project: str) -> Sequence[Share]:
        """Those that it gave and those that it was given, oldest first."""
        ...

    def unshare(self, project: str, share_id: str) -> Share:
        """What it had shared. Raises NotFound."""
        ...

    def owners(self, kind: SharedKind, name: str, with_project: str) -> Sequence[str]:
        """Projects that share a thing of this name with that one."""
        ...

    def budget(self, project: str) -> Caps: ...

    def set_budget(self, project: str, caps: Caps) -> None: ...

    def spent(self, project: str) -> Spent:
        """By all of its runs."""
        ...

    def names(self) -> Sequence[str]:
        """Of all projects with runs or waivers."""
        ...

    def waived(
        self, project: str | None, since: datetime | None
    ) -> Sequence[tuple[RunId, StepId, AttemptRecord]]:
        """Attempts in which a gate passed by a waiver, in the order of their ends; of all projects
        where None.
        """
        ...
