"""Starts that were marked with a key by who asked for them."""

from datetime import datetime

from maestro.domain.overview import StartRequest
from maestro.errors import Conflict
from maestro.storage.database import Connection
from maestro.storage.records import to_moment


class SqlRequests:
    """The RequestRepository port on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, request: StartRequest, *, forget_before: datetime) -> None:
        self._connection.execute("DELETE FROM requests WHERE at < ?", (to_moment(forget_before),))
        done = self._connection.execute(
            "INSERT INTO requests (principal, key, digest, run_id, at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (principal, key) DO NOTHING",
            (
                request.principal,
                request.key,
                request.digest,
                request.run_id,
                to_moment(request.at),
            ),
        )
        if done.rowcount == 0:
            raise Conflict(f"what was asked with the key {request.key!r} is being started already")

    def find(self, principal: str, key: str) -> StartRequest | None:
        row = self._connection.execute(
            "SELECT digest, run_id, at FROM requests WHERE principal = ? AND key = ?",
            (principal, key),
        ).fetchone()
        if row is None:
            return None
        return StartRequest(
            principal=principal,
            key=key,
            digest=row[0],
            run_id=row[1],
            at=datetime.fromisoformat(row[2]),
        )
