"""Who asks, and what is written down about it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from maestro.domain.encoding import canonical


class Permission(StrEnum):
    RUN_CREATE = "run:create"
    RUN_READ = "run:read"
    RUN_CONTROL = "run:control"
    WAIVER_REQUEST = "waiver:request"
    WAIVER_DECIDE = "waiver:decide"
    CONTRACT_WRITE = "contract:write"
    AGENT_WRITE = "agent:write"
    RUN_APPROVE = "run:approve"
    CONTRACT_READ = "contract:read"
    CONTRACT_SERVE = "contract:serve"
    WORKFLOW_WRITE = "workflow:write"
    AUDIT_READ = "audit:read"
    KEY_MANAGE = "key:manage"
    WEBHOOK_MANAGE = "webhook:manage"
    SHARE_MANAGE = "share:manage"
    BUDGET_MANAGE = "budget:manage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    id: str
    permissions: frozenset[Permission]


LOCAL_USER = Principal(id="local", permissions=frozenset(Permission))
"""Whoever can read the database file of the embedded store may do everything with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    at: datetime
    principal: str
    action: str
    target: str
    allowed: bool
    project: str = ""
    """Whose thing it was; empty where it concerned no single project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A record at its place in the chain."""

    number: int
    record: AuditRecord
    seal: str
    """HMAC over the seal before and the record; empty in logs older than the chain."""


def audit_seal(key: bytes, before: str, record: AuditRecord) -> str:
    """The seal of a record that follows on the one whose seal is `before`."""
    content = [
        before,
        record.at.astimezone(UTC).isoformat(timespec="microseconds"),
        record.principal,
        record.action,
        record.target,
        record.allowed,
        record.project,
    ]
    return hmac.new(key, canonical(content).encode(), hashlib.sha256).hexdigest()


class AccessRole(StrEnum):
    """What somebody is in a project."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    APPROVER = "approver"
    ADMIN = "admin"
    AGENT = "agent"


_READING = frozenset({Permission.RUN_READ, Permission.CONTRACT_READ})
_OPERATING = _READING | {Permission.RUN_CONTROL}

ROLE_PERMISSIONS: Mapping[AccessRole, frozenset[Permission]] = {
    AccessRole.VIEWER: _READING,
    AccessRole.OPERATOR: _OPERATING,
    AccessRole.DEVELOPER: _OPERATING
    | {
        Permission.RUN_CREATE,
        Permission.WAIVER_REQUEST,
        Permission.CONTRACT_WRITE,
        Permission.CONTRACT_SERVE,
        Permission.WEBHOOK_MANAGE,
    },
    AccessRole.APPROVER: _READING
    | {Permission.RUN_APPROVE, Permission.WAIVER_DECIDE, Permission.AUDIT_READ},
    AccessRole.ADMIN: frozenset(Permission),
    AccessRole.AGENT: _READING,
}
"""The one table; who has no role in a project may do nothing there."""

EVERY_PROJECT = "*"
"""Stands for all projects where a role is bound."""


def permissions_in(roles: Mapping[str, AccessRole], project: str) -> frozenset[Permission]:
    """What these bindings of projects to roles allow in one project."""
    bound = [roles[name] for name in (project, EVERY_PROJECT) if name in roles]
    return frozenset(permission for role in bound for permission in ROLE_PERMISSIONS[role])


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is stored: its secret is known to its holder alone."""

    id: str
    """Stands in the key's text, so that it is found without trying them all."""
    name: str
    """Who holds it, for people; the principal of what is done with it."""
    digest: str
    """sha256 of the secret, which is random and long: no slow hash is needed."""
    roles: Mapping[str, AccessRole]
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)
