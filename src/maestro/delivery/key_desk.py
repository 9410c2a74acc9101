"""API keys: made once, shown once, kept as digests."""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from maestro.delivery.authorize import authorized
from maestro.delivery.service import Maestro
from maestro.domain.access import EVERY_PROJECT, AccessRole, ApiKey, Permission
from maestro.domain.values import is_identifier
from maestro.errors import Conflict, InvalidInput
from maestro.ports import Transaction

_KEY = re.compile(r"mst_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@+-]{0,99}")
MAX_DAYS = 3650


def split_key(text: str) -> tuple[str, str] | None:
    """Id and secret of what looks like a key of ours."""
    found = _KEY.fullmatch(text)
    return None if found is None else (found.group(1), found.group(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDesk:
    maestro: Maestro

    async def create(
        self, name: str, roles: Mapping[str, AccessRole], *, days: int | None = None
    ) -> tuple[ApiKey, str]:
        """A key, and its text, which nobody can be told again.

        Args:
            name: who holds it; what is done with it is audited under this name.
            roles: by project, or `*` for every one.
            days: how long it is valid; None = until it is revoked.

        Raises:
            InvalidInput, PermissionDenied.
        """
        _check(name, roles, days)
        now = self.maestro.clock.now()
        key, text = _made(name, roles, self.maestro.principal.id, now, _end(now, days))
        await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.KEY_MANAGE,
            target=f"{key.id} ({name})",
            at=now,
            act=lambda tx: tx.keys.insert(key),
            action="key:create",
        )
        return key, text

    async def rotate(self, key_id: str, *, grace_hours: float = 24.0) -> tuple[ApiKey, str]:
        """Another key for the same holder; the earlier one ends after `grace_hours`.

        Raises:
            Conflict: the earlier one is not valid any more. NotFound, PermissionDenied.
        """
        if not 0 <= grace_hours <= 24 * MAX_DAYS:
            raise InvalidInput(f"the grace must be 0 hours or more, got {grace_hours!r}")
        now = self.maestro.clock.now()
        before = await self.get(key_id)
        life = None if before.expires_at is None else before.expires_at - before.created_at
        key, text = _made(
            before.name,
            before.roles,
            self.maestro.principal.id,
            now,
            None if life is None else now + life,
        )

        def change(tx: Transaction) -> None:
            current = tx.keys.get(key_id)  # somebody may have revoked it meanwhile
            if not current.is_valid(now):
                raise Conflict(f"key {key_id!r} is not valid any more; create another one")
            end = now + timedelta(hours=grace_hours)
            if current.expires_at is not None:
                end = min(end, current.expires_at)
            tx.keys.insert(key)
            tx.keys.update(replace(current, expires_at=end))

        await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.KEY_MANAGE,
            target=f"{before.id} -> {key.id} ({key.name})",
            at=now,
            act=change,
            action="key:rotate",
        )
        return key, text

    async def revoke(self, key_id: str) -> ApiKey:
        """Ends it at once; again changes nothing. Raises NotFound, PermissionDenied."""
        now = self.maestro.clock.now()
        before = await self.get(key_id)

        def change(tx: Transaction) -> ApiKey:
            current = tx.keys.get(key_id)
            if current.revoked_at is None:
                current = replace(current, revoked_at=now)
                tx.keys.update(current)
            return current

        return await authorized(
            self.maestro.store,
            self.maestro.principal,
            Permission.KEY_MANAGE,
            target=f"{key_id} ({before.name})",
            at=now,
            act=change,
            action="key:revoke",
        )

    async def get(self, key_id: str) -> ApiKey:
        """Raises NotFound."""
        return await self.maestro.store.read(lambda tx: tx.keys.get(key_id))

    async def every(self) -> Sequence[ApiKey]:
        return await self.maestro.store.read(lambda tx: tx.keys.every())

    async def any(self) -> bool:
        """Whether there ever was a key; also one that ended keeps the door shut."""
        return bool(await self.every())


def _made(
    name: str,
    roles: Mapping[str, AccessRole],
    by: str,
    now: datetime,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        id=secrets.token_hex(6),
        name=name,
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        roles=dict(roles),
        created_by=by,
        created_at=now,
        expires_at=expires_at,
    )
    return key, f"mst_{key.id}_{secret}"


def _end(now: datetime, days: int | None) -> datetime | None:
    return None if days is None else now + timedelta(days=days)


def _check(name: str, roles: Mapping[str, AccessRole], days: int | None) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot name a key's holder; use letters, digits, '._@+-'")
    if name == "local":
        raise InvalidInput("'local' is the user of the machine itself; choose another name")
    if not roles:
        raise InvalidInput("a key needs a role: --role developer, or --role shop=viewer")
    for project in roles:
        if project != EVERY_PROJECT and not is_identifier(project):
            raise InvalidInput(f"{project!r} cannot be a project; '*' stands for every one")
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise InvalidInput(f"a key is valid for 1 to {MAX_DAYS} days, got {days!r}")
