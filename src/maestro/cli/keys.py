"""`maestro keys`: create, list, revoke, rotate. Whoever can write the database may."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from maestro.bootstrap import connect
from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.delivery.key_desk import KeyDesk
from maestro.domain.access import EVERY_PROJECT, AccessRole, ApiKey
from maestro.domain.encoding import encode
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
KeyArgument = Annotated[str, Parameter(help="Id of the key, as 'maestro keys list' shows it.")]


async def create(
    name: Annotated[str, Parameter(help="Who holds it; what is done with it is audited so.")],
    *,
    role: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="ROLE for every project, or PROJECT=ROLE; repeat for several."),
    ],
    days: Annotated[int | None, Parameter(help="How long it is valid.")] = None,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Make a key for the API. It is shown once: only its digest is kept."""
    roles = _roles(role)
    async with connect((store or StoreOptions()).settings()) as maestro:
        key, text = await KeyDesk(maestro=maestro).create(name, roles, days=days)
    _shown_once(key, text, as_json=json)
    return 0


async def rotate(
    key: KeyArgument,
    *,
    grace_hours: Annotated[float, Parameter(help="How long the earlier one stays valid.")] = 24.0,
    json: Json = False,
    store: StoreOptions | None = None,
) -> int:
    """Make another key for the same holder and let the earlier one end."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        made, text = await KeyDesk(maestro=maestro).rotate(key, grace_hours=grace_hours)
    _shown_once(made, text, as_json=json)
    return 0


async def revoke(key: KeyArgument, *, json: Json = False, store: StoreOptions | None = None) -> int:
    """End a key at once."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        ended = await KeyDesk(maestro=maestro).revoke(key)
    if json:
        render.document({"type": "key", **_document(ended)})
    else:
        render.line(f"revoked: {ended.id} ({ended.name})")
    return 0


async def list_keys(*, json: Json = False, store: StoreOptions | None = None) -> int:
    """List the keys, without their secrets, which nobody keeps."""
    async with connect((store or StoreOptions()).existing_store()) as maestro:
        found = await KeyDesk(maestro=maestro).every()
    if json:
        render.document({"type": "keys", "keys": [_document(key) for key in found]})
    elif not found:
        render.line("no keys; make one: maestro keys create NAME --role developer")
    else:
        _table(found)
    return 0


def _table(found: Sequence[ApiKey]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("key", "holder", "status", "roles", "created", "expires"):
        table.add_column(column)
    for key in found:
        roles = ", ".join(f"{project}={role.value}" for project, role in key.roles.items())
        expires = key.expires_at.date().isoformat() if key.expires_at else "-"
        created = key.created_at.date().isoformat()
        table.add_row(key.id, escape(key.name), _status(key), roles, created, expires)
    Console(highlight=False).print(table)


def _document(key: ApiKey) -> JsonObject:
    told: dict[str, object] = encode(key)
    del told["digest"]
    return {**told, "status": _status(key)}


def _status(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "valid" if key.is_valid(datetime.now(UTC)) else "expired"


def _shown_once(key: ApiKey, text: str, *, as_json: bool) -> None:
    if as_json:
        render.document({"type": "key", **_document(key), "key": text})
        return
    render.line(text)
    render.line(f"key {key.id} of {key.name}; it is not shown again: keep it now")


def _roles(given: tuple[str, ...]) -> dict[str, AccessRole]:
    found: dict[str, AccessRole] = {}
    for text in given:
        project, equals, name = text.rpartition("=")
        project = project if equals else EVERY_PROJECT
        if name not in {role.value for role in AccessRole}:
            raise InvalidInput(f"--role {text!r}: {name!r} is not one of {', '.join(AccessRole)}")
        if project in found:
            raise InvalidInput(f"--role {text!r}: {project!r} has a role already")
        found[project] = AccessRole(name)
    return found
