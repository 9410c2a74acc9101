"""Secrets that are made once and kept in a file that only its owner reads."""

import hashlib
import os
import secrets
from pathlib import Path

from maestro.errors import StorageUnavailable
from maestro.settings import Settings
from maestro.storage.sqlite import prepared

_BYTES = 32


def kept_secret(path: Path) -> bytes:
    """The secret in the file; made first where there is none. Blocks.

    Raises:
        StorageUnavailable: it cannot be read or written, or is no secret of ours.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        found = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise StorageUnavailable(f"the secret in {str(path)!r} cannot be used: {error}") from error
    if len(found) != _BYTES:
        raise StorageUnavailable(f"{str(path)!r} holds no secret of {_BYTES} bytes")
    return found


def audit_key(settings: Settings) -> bytes:
    """What seals the audit log: given, or made once and kept in its file. Blocks.

    Raises:
        StorageUnavailable: it cannot be read or kept, or the file is no database of ours.
        SchemaMismatch: a newer Maestro wrote the file.
    """
    if settings.audit_key is not None:
        return settings.audit_key.encode()
    file = audit_file(settings, "key")
    if settings.postgres_url is None and not file.exists():
        prepared(settings.database)  # so that no key is left beside somebody else's file
    return kept_secret(file)


def audit_file(settings: Settings, kind: str) -> Path:
    """Where the `key` or the `anchors` of this database's audit log are: they belong to the
    database, by whichever settings it is named.
    """
    if settings.postgres_url is None:
        database = settings.database.resolve()
        return database.with_name(f"{database.name}.audit.{kind}")
    name = hashlib.sha256(settings.store_name.encode()).hexdigest()[:12]
    return settings.data_folder / f"audit-{name}.{kind}"


def _make(path: Path) -> None:
    """Leaves alone what is there; of two that make one at the same time one wins."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, secrets.token_bytes(_BYTES).hex().encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
