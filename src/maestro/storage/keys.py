"""API keys; never their secrets."""

from collections.abc import Sequence

from maestro.domain.access import ApiKey
from maestro.errors import Conflict, NotFound
from maestro.storage.database import Connection
from maestro.storage.records import from_text, to_text


class SqlKeys:
    """The KeyRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, key: ApiKey) -> None:
        done = self._connection.execute(
            "INSERT INTO api_keys (id, document) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
            (key.id, to_text(key)),
        )
        if done.rowcount == 0:
            raise Conflict(f"key id {key.id!r} is already taken; make another")

    def get(self, key_id: str) -> ApiKey:
        row = self._connection.execute(
            "SELECT document FROM api_keys WHERE id = ?", (key_id,)
        ).fetchone()
        if row is None:
            raise NotFound(f"there is no key {key_id!r}; see 'maestro keys list'")
        return from_text(ApiKey, row[0], f"key {key_id!r}")

    def update(self, key: ApiKey) -> None:
        self._connection.execute(
            "UPDATE api_keys SET document = ? WHERE id = ?", (to_text(key), key.id)
        )

    def every(self) -> Sequence[ApiKey]:
        rows = self._connection.execute("SELECT id, document FROM api_keys ORDER BY id")
        return [from_text(ApiKey, row[1], f"key {row[0]!r}") for row in rows.fetchall()]
