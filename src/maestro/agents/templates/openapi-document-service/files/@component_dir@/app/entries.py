"""The stored entries: one row each, the entry itself as JSON."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

SERVICE = Path(__file__).resolve().parents[1]
DEFAULT_URL = f"sqlite:///{SERVICE / 'data' / 'app.db'}"

metadata = sa.MetaData()
rows = sa.Table(
    "entries",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("resource", sa.String(200), nullable=False),
    sa.Column("key", sa.String(400), nullable=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.UniqueConstraint("resource", "key", name="uq_entries_resource_key"),
    sqlite_autoincrement=True,
)


class Entries:
    """Every resource's entries. A key is the text of the entry's id."""

    def __init__(self, url: str) -> None:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(url)
        metadata.create_all(self._engine)

    @classmethod
    def from_environment(cls) -> "Entries":
        """The database of DATABASE_URL; `data/app.db` in the service's folder without it."""
        return cls(os.environ.get("DATABASE_URL") or DEFAULT_URL)

    def next_number(self, resource: str) -> int:
        """A whole number that is no entry's id."""
        keys = set(self._keys(resource))
        number = len(keys) + 1
        while str(number) in keys:
            number += 1
        return number

    def all(self, resource: str) -> list[dict[str, Any]]:
        """In the order in which they were made."""
        query = sa.select(rows.c.entry).where(rows.c.resource == resource).order_by(rows.c.number)
        with self._engine.connect() as connection:
            return [json.loads(text) for text in connection.scalars(query)]

    def get(self, resource: str, key: str) -> dict[str, Any] | None:
        query = sa.select(rows.c.entry).where(rows.c.resource == resource, rows.c.key == key)
        with self._engine.connect() as connection:
            text = connection.scalar(query)
        return None if text is None else json.loads(text)

    def put(self, resource: str, key: str, entry: Mapping[str, Any]) -> None:
        """Stores the entry, in place of the one with this key where there is one."""
        values = {"entry": json.dumps(entry)}
        with self._engine.begin() as connection:
            changed = connection.execute(
                rows.update()
                .where(rows.c.resource == resource, rows.c.key == key)
                .values(**values)
            )
            if changed.rowcount == 0:
                connection.execute(rows.insert().values(resource=resource, key=key, **values))

    def delete(self, resource: str, key: str) -> bool:
        """Whether there was such an entry."""
        with self._engine.begin() as connection:
            gone = connection.execute(
                rows.delete().where(rows.c.resource == resource, rows.c.key == key)
            )
            return gone.rowcount > 0

    def close(self) -> None:
        self._engine.dispose()

    def _keys(self, resource: str) -> list[str]:
        query = sa.select(rows.c.key).where(rows.c.resource == resource)
        with self._engine.connect() as connection:
            return list(connection.scalars(query))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
