"""Which store a location names."""

from pathlib import Path

from maestro.errors import InvalidInput, StorageUnavailable
from maestro.ports import Store
from maestro.storage.sqlite import SqliteStore

_SCHEMES = ("postgresql", "postgres")


async def open_store(
    location: str | Path,
    *,
    seal_key: bytes,
    lease_seconds: float = 15.0,
    patience_seconds: float = 60.0,
) -> Store:
    """Opens the store at a file's path or a PostgreSQL URL, creating it first where needed.

    Args:
        lease_seconds: how long a run stays with an owner that gives no sign; PostgreSQL only.
        patience_seconds: how long a server or a file's lock is waited for once it is in use.
        seal_key: seals what is added to the audit log.

    Raises:
        InvalidInput: a URL of another kind, or a malformed one.
        SchemaMismatch: a newer Maestro wrote it; it is left as it is.
        StorageUnavailable: it cannot be opened, read or written; the message says why.
    """
    url = _url_of(location)
    if url is not None:
        return await _open_postgres(url, lease_seconds, patience_seconds, seal_key)
    return await SqliteStore.open(Path(location), busy_seconds=patience_seconds, seal_key=seal_key)


def _url_of(location: str | Path) -> str | None:
    """None for a file's path."""
    if isinstance(location, Path) or "://" not in location:
        return None
    scheme = location.partition("://")[0]
    if scheme not in _SCHEMES:
        raise InvalidInput(
            f"a database cannot be reached by {scheme!r}; name a file or a postgresql:// URL"
        )
    return location


async def _open_postgres(
    url: str, lease_seconds: float, patience_seconds: float, seal_key: bytes
) -> Store:
    try:
        from maestro.storage.postgres import (  # noqa: PLC0415 -- its driver is an optional extra
            PostgresStore,
        )
    except ImportError as error:
        if not (error.name or "psycopg").startswith("psycopg"):
            raise
        raise StorageUnavailable(
            "a PostgreSQL database needs the driver psycopg, which is not installed: "
            "pip install 'maestro-conductor[postgres]'"
        ) from error
    return await PostgresStore.open(
        url, lease_seconds=lease_seconds, patience_seconds=patience_seconds, seal_key=seal_key
    )
