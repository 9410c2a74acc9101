"""Waivers outside of runs: asked for by one, decided by another, audited as they are stored."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from maestro.delivery.authorize import authorized
from maestro.delivery.service import Maestro
from maestro.domain.access import AuditRecord, Permission
from maestro.domain.values import new_waiver_id
from maestro.domain.waiver_life import WaiverRecord, WaiverStatus, decided
from maestro.errors import InvalidInput, NotFound, PermissionDenied
from maestro.ports import Transaction
from maestro.quality.policy import load_policy
from maestro.quality.waivers import ceiling_of, check_waiver, gate_to_waive

_NOBODY_YET = "(nobody yet)"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverDesk:
    """Waivers of the project and in the name of the principal of `maestro`."""

    maestro: Maestro

    async def request(
        self, gate: str, *, ceiling: str, reason: str, adr: str, expires: date
    ) -> WaiverRecord:
        """Asks that a gate may be passed although it fails; nothing passes before it is approved.

        Args:
            ceiling: how bad it may get: `>= 60` for a gate over one metric, else a CEL condition
                over the gate's metrics.
            adr: the decision record, e.g. `ADR-0012`.
            expires: the last day on which it counts.

        Raises:
            InvalidInput: there is no such gate, it is marked `waivable: false`, the terms are
                incomplete, or nobody named the project.
        """
        now = self.maestro.clock.now()
        record = WaiverRecord(
            id=new_waiver_id(),
            gate=gate,
            project=self.maestro.project,
            ceiling=ceiling,
            reason=reason.strip(),
            author=self.maestro.principal.id,
            adr=adr.strip(),
            expires=expires,
            requested_at=now,
        )
        record = await asyncio.to_thread(_checked, record, now.date())
        await self._write(record, Permission.WAIVER_REQUEST, "waiver:request", _insert(record))
        return record

    async def approve(self, waiver_id: str, comment: str = "") -> WaiverRecord:
        """Lets it count from now on, in runs of its project, until its last day.

        Raises:
            PermissionDenied: its author asks; the refusal is audited too.
            Conflict, NotFound.
        """
        return await self._decide(waiver_id, WaiverStatus.APPROVED, "waiver:approve", comment)

    async def refuse(self, waiver_id: str, comment: str = "") -> WaiverRecord:
        return await self._decide(waiver_id, WaiverStatus.REFUSED, "waiver:refuse", comment)

    async def revoke(self, waiver_id: str, comment: str = "") -> WaiverRecord:
        """Takes an approval back; gates judged from now on do not see it any more."""
        return await self._decide(waiver_id, WaiverStatus.REVOKED, "waiver:revoke", comment)

    async def find(self) -> Sequence[WaiverRecord]:
        """All of the project, newest first."""
        project = self.maestro.project
        return await self.maestro.store.read(lambda tx: tx.waivers.of_project(project))

    async def _decide(
        self, waiver_id: str, status: WaiverStatus, action: str, comment: str
    ) -> WaiverRecord:
        maestro = self.maestro
        now = maestro.clock.now()
        before = await maestro.store.read(lambda tx: tx.waivers.get(waiver_id))
        if before.project != maestro.project:
            raise NotFound(
                f"waiver {waiver_id!r} belongs to project {before.project!r}, not to "
                f"{maestro.project!r}; name its project"
            )
        who = maestro.principal.id
        try:
            after = decided(before, status, by=who, at=now, comment=comment.strip())
        except PermissionDenied:
            refused = AuditRecord(
                at=now,
                principal=who,
                action=action,
                target=_target(before),
                allowed=False,
                project=before.project,
            )
            await maestro.store.write(lambda tx: tx.audit.append(refused))
            raise
        if status is WaiverStatus.APPROVED:
            await asyncio.to_thread(_check_still_good, after, now.date())

        def change(tx: Transaction) -> None:
            tx.waivers.update(after, before=before.status)

        await self._write(after, Permission.WAIVER_DECIDE, action, change)
        return after

    async def _write(
        self,
        record: WaiverRecord,
        permission: Permission,
        action: str,
        change: Callable[[Transaction], None],
    ) -> None:
        maestro = self.maestro
        await authorized(
            maestro.store,
            maestro.principal,
            permission,
            target=_target(record),
            at=maestro.clock.now(),
            act=change,
            action=action,
            project=record.project,
        )


def _target(record: WaiverRecord) -> str:
    return f"{record.project}/{record.gate}/{record.id}"


def _insert(record: WaiverRecord) -> Callable[[Transaction], None]:
    return lambda tx: tx.waivers.insert(record)


def _checked(record: WaiverRecord, today: date) -> WaiverRecord:
    """With its ceiling as a condition. Raises InvalidInput."""
    policy = load_policy()
    gate = gate_to_waive(policy, record.gate)
    if not gate.waivable:
        raise InvalidInput(f"gate {gate.id!r} may never be waived ({gate.summary})")
    asked = replace(record, ceiling=ceiling_of(gate, record.ceiling))
    as_if = replace(asked, status=WaiverStatus.APPROVED, approver=_NOBODY_YET)
    check_waiver(as_if.waiver(), policy, today)
    return asked


def _check_still_good(record: WaiverRecord, today: date) -> None:
    """The policy may have changed since it was asked for. Raises InvalidInput."""
    check_waiver(record.waiver(), load_policy(), today)
