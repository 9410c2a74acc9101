"""Who asks, and what is written down about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Permission(StrEnum):
    RUN_CREATE = "run:create"
    RUN_READ = "run:read"
    RUN_CONTROL = "run:control"
    CONTRACT_WRITE = "contract:write"


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
