"""The life of a waiver: one person asks for it, another one decides, and it ends by its day."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from maestro.domain.quality import Waiver
from maestro.errors import Conflict, PermissionDenied


class WaiverStatus(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRecord:
    """A waiver as it is stored. Only an approved one that has not expired lets anything pass."""

    id: str
    gate: str
    project: str
    ceiling: str
    """See Waiver.ceiling."""
    reason: str
    author: str
    adr: str
    expires: date
    requested_at: datetime
    status: WaiverStatus = WaiverStatus.REQUESTED
    approver: str = ""
    """Who approved or refused it; also of one that was taken back later."""
    revoked_by: str = ""
    decided_at: datetime | None = None
    """When it got its status."""
    comment: str = ""

    def waiver(self) -> Waiver:
        """What gates are judged with. Raises Conflict when nobody has approved it."""
        if self.status is not WaiverStatus.APPROVED:
            raise Conflict(f"waiver {self.id!r} is {self.status.value}, not approved")
        return Waiver(
            gate=self.gate,
            project=self.project,
            ceiling=self.ceiling,
            reason=self.reason,
            author=self.author,
            approver=self.approver,
            adr=self.adr,
            expires=self.expires,
        )

    def shown_status(self, today: date) -> str:
        """Its status; `expired` for an approved one whose last day is over."""
        over = self.status is WaiverStatus.APPROVED and today > self.expires
        return "expired" if over else self.status.value


_FROM = {
    WaiverStatus.APPROVED: WaiverStatus.REQUESTED,
    WaiverStatus.REFUSED: WaiverStatus.REQUESTED,
    WaiverStatus.REVOKED: WaiverStatus.APPROVED,
}


def decided(
    record: WaiverRecord, status: WaiverStatus, *, by: str, at: datetime, comment: str
) -> WaiverRecord:
    """The record after somebody has decided about it.

    Raises:
        PermissionDenied: its author would approve it.
        Conflict: it is not in the state that this decision is for, or has expired.
    """
    needed = _FROM[status]
    if record.status is not needed:
        raise Conflict(
            f"waiver {record.id!r} is {record.status.value}; only a {needed.value} one can be "
            f"{status.value}"
        )
    if status is WaiverStatus.APPROVED:
        if is_same_person(by, record.author):
            raise PermissionDenied(
                f"{by!r} asked for waiver {record.id!r} and cannot approve it; somebody else must"
            )
        if at.date() > record.expires:
            raise Conflict(
                f"waiver {record.id!r} expired on {record.expires.isoformat()}; ask for another one"
            )
    after = replace(record, status=status, decided_at=at, comment=comment)
    if status is WaiverStatus.REVOKED:
        return replace(after, revoked_by=by)
    return replace(after, approver=by)


def is_same_person(one: str, other: str) -> bool:
    """Whether two names mean one person, however they are written."""
    return one.strip().casefold() == other.strip().casefold()
