"""Who is asking: API keys, tokens of an identity provider, or the user of this machine."""

import asyncio
import hashlib
import hmac
import http.client
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maestro.delivery.key_desk import KeyDesk, split_key
from maestro.domain.access import (
    EVERY_PROJECT,
    ROLE_PERMISSIONS,
    AccessRole,
    Permission,
    Principal,
    permissions_in,
)
from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.values import is_identifier
from maestro.errors import InvalidInput, NotFound, PermissionDenied
from maestro.ports import Clock
from maestro.server.problems import RETRY_SECONDS, HttpProblem, RequestRefused

if TYPE_CHECKING:
    import jwt

log = logging.getLogger("maestro.server")
OPEN_SECONDS = 2.0
"""How long it is believed that there is no key."""
FETCH_SECONDS = 5.0
"""How soon an identity provider is asked again, whatever it answered."""
KEYS_SECONDS = 300.0
"""How long its keys are believed."""
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_ROLES_CLAIM = "maestro_roles"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCaller:
    """Somebody who was recognised, with the roles that count for him."""

    id: str
    authentication: str
    """`local`, `key` or `oidc`."""
    roles: Mapping[str, AccessRole]

    def may(self, permission: Permission, project: str) -> bool:
        return permission in permissions_in(self.roles, project)

    def principal(self, project: str) -> Principal:
        """Who he is to the use cases, in one project."""
        return Principal(id=self.id, permissions=permissions_in(self.roles, project))

    def projects(self, permission: Permission) -> frozenset[str] | None:
        """Where he has it; None for everywhere."""
        if self.may(permission, EVERY_PROJECT):
            return None
        return frozenset(name for name in self.roles if self.may(permission, name))

    def require(self, permission: Permission, project: str = EVERY_PROJECT) -> None:
        """Raises PermissionDenied."""
        if not self.may(permission, project):
            where = "every project" if project == EVERY_PROJECT else f"project {project!r}"
            raise PermissionDenied(
                f"{self.id!r} lacks {permission.value!r} in {where}; ask an administrator for a "
                f"key with the role {_role_with(permission)!r}"
            )

    def enter(self, project: str, permission: Permission = Permission.RUN_READ) -> str:
        """The project, for somebody who may look into it: to others it does not exist.

        Raises:
            InvalidInput, NotFound, PermissionDenied.
        """
        if not is_identifier(project):
            raise InvalidInput(f"{project!r} cannot be a project")
        if not permissions_in(self.roles, project):
            raise NotFound(f"there is no project {project!r} for {self.id!r}")
        self.require(permission, project)
        return project

    @property
    def looks_around(self) -> bool:
        """Whether he may read runs somewhere."""
        return any(self.may(Permission.RUN_READ, project) for project in self.roles)

    def look_around(self) -> None:
        """For what belongs to no project: whoever may read somewhere. Raises PermissionDenied."""
        if not self.looks_around:
            self.require(Permission.RUN_READ)

    def own_project(self, named: str | None, permission: Permission) -> str:
        """The named project; without a name the only one he has, or else the default one."""
        if named is None:
            own = [name for name in self.roles if name != EVERY_PROJECT]
            named = own[0] if len(own) == 1 and len(self.roles) == 1 else DEFAULT_PROJECT
        return self.enter(named, permission)


LOCAL = ApiCaller(id="local", authentication="local", roles={EVERY_PROJECT: AccessRole.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """An identity provider whose tokens are accepted."""

    issuer: str
    audience: str
    jwks: str
    """Address of its public keys."""


class _ProviderKeys:
    """The public keys of an identity provider, asked for by one request at a time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = asyncio.Lock()
        self._keys: Mapping[str | None, jwt.PyJWK] = {}
        self._believed_until = 0.0
        self._next = 0.0

    async def find(self, key_id: str | None) -> "jwt.PyJWK | None":
        """Raises RequestRefused as long as they cannot be had."""
        if not self._has(key_id):
            async with self._lock:
                if not self._has(key_id) and time.monotonic() >= self._next:
                    await self._fetch()
        if time.monotonic() >= self._believed_until:
            raise RequestRefused(
                HttpProblem(
                    status=503,
                    code="identity_provider_away",
                    detail="the identity provider does not tell its keys; nobody's token can be "
                    "checked now",
                    retryable=True,
                    headers={"Retry-After": str(RETRY_SECONDS)},
                )
            )
        return self._keys.get(key_id)

    def _has(self, key_id: str | None) -> bool:
        return key_id in self._keys and time.monotonic() < self._believed_until

    async def _fetch(self) -> None:
        import jwt  # noqa: PLC0415 -- only where an identity provider is configured

        asking = jwt.PyJWKClient(self._address, cache_jwk_set=False, timeout=3)
        try:
            found = await asyncio.to_thread(asking.get_signing_keys)
        except (jwt.PyJWTError, OSError, ValueError, http.client.HTTPException) as error:
            log.warning("identity provider %s: %s", self._address, error)
        else:
            self._keys = {key.key_id: key for key in found}
            self._believed_until = time.monotonic() + KEYS_SECONDS
        finally:
            self._next = time.monotonic() + FETCH_SECONDS


class Recognition:
    """Turns what a request carries into a caller, or None."""

    def __init__(
        self, keys: KeyDesk, clock: Clock, *, loopback: bool, oidc: OidcSettings | None
    ) -> None:
        """`loopback`: only this machine can ask, so that no key is needed until there is one."""
        self._keys = keys
        self._clock = clock
        self._loopback = loopback
        self._oidc = oidc
        self._open_until = 0.0
        self._provider = None if oidc is None else _ProviderKeys(oidc.jwks)

    async def caller(self, bearer: str | None) -> ApiCaller | None:
        """Raises StorageError or RequestRefused when that cannot be told now."""
        if bearer is None:
            return LOCAL if await self._is_open() else None
        if split_key(bearer) is not None:
            return await self._holder(bearer)
        if self._oidc is None or self._provider is None:
            return None
        return await self._token(bearer, self._oidc, self._provider)

    async def _is_open(self) -> bool:
        if not self._loopback or self._oidc is not None:
            return False
        if time.monotonic() >= self._open_until:
            if await self._keys.any():
                return False
            self._open_until = time.monotonic() + OPEN_SECONDS
        return True

    async def _holder(self, text: str) -> ApiCaller | None:
        parts = split_key(text)
        assert parts is not None
        try:
            key = await self._keys.get(parts[0])
        except NotFound:
            return None
        digest = hashlib.sha256(parts[1].encode()).hexdigest()
        if not hmac.compare_digest(digest, key.digest) or not key.is_valid(self._clock.now()):
            return None
        return ApiCaller(id=key.name, authentication="key", roles=key.roles)

    async def _token(
        self, text: str, oidc: OidcSettings, provider: _ProviderKeys
    ) -> ApiCaller | None:
        import jwt  # noqa: PLC0415 -- only where an identity provider is configured

        try:
            signing = await provider.find(jwt.get_unverified_header(text).get("kid"))
            if signing is None:
                return None
            claims = jwt.decode(
                text,
                signing.key,
                algorithms=list(_ALGORITHMS),
                audience=oidc.audience,
                issuer=oidc.issuer,
                options={"require": ["exp", "aud", "iss", "sub"]},
            )
        except (jwt.PyJWTError, TypeError, ValueError):  # also a key of another kind
            return None
        return ApiCaller(id=f"oidc:{claims['sub']}", authentication="oidc", roles=_roles(claims))


def _roles(claims: Mapping[str, Any]) -> Mapping[str, AccessRole]:
    """What the token binds; anything that is no role of ours binds nothing."""
    found = claims.get(_ROLES_CLAIM)
    known = {role.value for role in AccessRole}
    if not isinstance(found, Mapping):
        return {}
    return {str(project): AccessRole(role) for project, role in found.items() if str(role) in known}


def _role_with(permission: Permission) -> str:
    """The least role that has it."""
    having = [role for role, held in ROLE_PERMISSIONS.items() if permission in held]
    return min(having, key=lambda role: len(ROLE_PERMISSIONS[role])).value
