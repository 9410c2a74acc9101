"""Projects as such: what they share on purpose, and what their runs may spend together."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import EllipsisType
from typing import TypeVar

from maestro.delivery.authorize import authorized
from maestro.delivery.service import Maestro
from maestro.domain.access import Permission
from maestro.domain.encoding import encode
from maestro.domain.models import Caps, Spent
from maestro.domain.sharing import Share, SharedKind
from maestro.domain.values import ContractId, JsonObject, is_identifier
from maestro.errors import InvalidInput, NotFound
from maestro.ports import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectState:
    budget: Caps
    spent: Spent
    shares: tuple[Share, ...]
    """What it gives to others."""
    received: tuple[Share, ...]
    """What others give to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDesk:
    """The project and in the name of the principal of `maestro`."""

    maestro: Maestro

    async def state(self) -> ProjectState:
        project = self.maestro.project

        def look(tx: Transaction) -> ProjectState:
            every = tx.projects.shares(project)
            return ProjectState(
                budget=tx.projects.budget(project),
                spent=tx.projects.spent(project),
                shares=tuple(one for one in every if one.project == project),
                received=tuple(one for one in every if one.project != project),
            )

        return await self.maestro.store.read(look)

    async def share(self, kind: SharedKind, name: str, with_project: str) -> Share:
        """Lets another project use a thing of this one, until it is taken back.

        Raises:
            InvalidInput, Conflict: it is shared already. NotFound: there is no such thing.
            PermissionDenied.
        """
        project = self.maestro.project
        if not is_identifier(with_project) or with_project == project:
            raise InvalidInput(f"{with_project!r} is no other project that could be shared with")
        now = self.maestro.clock.now()
        made = Share(
            id=f"share-{uuid.uuid4().hex[:12]}",
            project=project,
            kind=kind,
            name=name,
            with_project=with_project,
            created_by=self.maestro.principal.id,
            created_at=now,
        )

        def change(tx: Transaction) -> Share:
            _require(tx, made)
            tx.projects.share(made)
            return made

        return await self._write(_target(made), "share:create", Permission.SHARE_MANAGE, change)

    async def unshare(self, share_id: str) -> Share:
        """Takes it back at once. Raises NotFound, PermissionDenied."""
        project = self.maestro.project
        return await self._write(
            share_id,
            "share:remove",
            Permission.SHARE_MANAGE,
            lambda tx: tx.projects.unshare(project, share_id),
        )

    async def set_budget(
        self,
        *,
        cost: float | EllipsisType | None = ...,
        tokens: int | EllipsisType | None = ...,
    ) -> Caps:
        """What all runs of the project may spend together, from its first call on; None = no limit,
        and a limit that is not named stays as it is.

        Raises:
            InvalidInput: a limit that is not above 0, or none is named. PermissionDenied.
        """
        given = {"cost": cost, "tokens": tokens}
        named = {name: one for name, one in given.items() if not isinstance(one, EllipsisType)}
        if not named:
            raise InvalidInput("no limit is named: give cost or tokens; None removes a limit")
        asked = Caps(
            cost=None if isinstance(cost, EllipsisType) else cost,
            tokens=None if isinstance(tokens, EllipsisType) else tokens,
        )
        project = self.maestro.project

        def change(tx: Transaction) -> Caps:
            before = tx.projects.budget(project)
            caps = Caps(
                cost=asked.cost if "cost" in named else before.cost,
                tokens=asked.tokens if "tokens" in named else before.tokens,
            )
            tx.projects.set_budget(project, caps)
            return caps

        told = ", ".join(f"{name} {_told(limit)}" for name, limit in named.items())
        target = f"{project}: {told}"
        return await self._write(target, "budget:set", Permission.BUDGET_MANAGE, change)

    async def _write(
        self, target: str, action: str, permission: Permission, act: Callable[[Transaction], T]
    ) -> T:
        return await authorized(
            self.maestro.store,
            self.maestro.principal,
            permission,
            target=target,
            at=self.maestro.clock.now(),
            act=act,
            action=action,
            project=self.maestro.project,
        )


def project_document(project: str, state: ProjectState) -> JsonObject:
    return {
        "id": project,
        "budget": budget_document(state.budget),
        "spent": encode(state.spent),
        "shares": [share_document(share) for share in state.shares],
        "received": [share_document(share) for share in state.received],
    }


def budget_document(caps: Caps) -> JsonObject:
    return {"cost": caps.cost, "tokens": caps.tokens}


def share_document(share: Share) -> JsonObject:
    told: dict[str, object] = encode(share)
    told["with"] = told.pop("with_project")
    return told


def _require(tx: Transaction, share: Share) -> None:
    """Raises NotFound unless the project has such a thing of its own."""
    if share.kind is SharedKind.WORKFLOW:
        tx.workflows.get(share.project, share.name)
        return
    if not tx.contracts.belongs(ContractId(share.name), share.project):
        raise NotFound(f"no run of project {share.project!r} has a contract {share.name!r}")


def _target(share: Share) -> str:
    return f"{share.kind.value} {share.name} with {share.with_project}"


def _told(limit: float | None) -> str:
    return "unlimited" if limit is None else f"{limit:.15g}"
