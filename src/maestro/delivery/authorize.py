"""Permission and audit record, in the transaction of the act itself."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from maestro.domain.access import AuditRecord, Permission, Principal
from maestro.domain.values import RunId
from maestro.errors import PermissionDenied
from maestro.ports import Store, Transaction

T = TypeVar("T")


async def permitted(
    store: Store,
    principal: Principal,
    permission: Permission,
    *,
    target: str,
    at: datetime,
    action: str | None = None,
    project: str = "",
) -> AuditRecord:
    """The record to be written with the act.

    Args:
        action: what the audit record says was asked for; the permission's name when None.
        project: whose thing it is.

    Raises:
        PermissionDenied: after the refusal itself was written to the audit log.
    """
    allowed = permission in principal.permissions
    record = AuditRecord(
        at=at,
        principal=principal.id,
        action=action or permission.value,
        target=target,
        allowed=allowed,
        project=project,
    )
    if not allowed:
        await store.write(lambda transaction: transaction.audit.append(record))
        raise PermissionDenied(
            f"{principal.id!r} lacks {permission.value!r} for {target!r}; "
            "ask an administrator of the project"
        )
    return record


async def authorized(
    store: Store,
    principal: Principal,
    permission: Permission,
    *,
    target: str,
    at: datetime,
    act: Callable[[Transaction], T],
    action: str | None = None,
    about: RunId | None = None,
    project: str = "",
) -> T:
    """Does `act` and writes its audit record in one transaction; `about` as for `Store.write`.

    Raises:
        PermissionDenied: see `permitted`.
    """
    record = await permitted(
        store, principal, permission, target=target, at=at, action=action, project=project
    )

    def change(transaction: Transaction) -> T:
        transaction.audit.append(record)
        return act(transaction)

    return await store.write(change, about=about)
