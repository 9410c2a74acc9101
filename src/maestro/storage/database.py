"""What the repositories ask of a database, whichever it is."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from maestro.errors import MaestroError
from maestro.storage.bulk import Bulk

T = TypeVar("T")
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Pieces of SQL in which the databases differ."""

    now: str
    """The database's clock at this moment, in seconds since 1970."""
    member: str
    """`member.format(column, key)`: the text under a key of the JSON object in a column."""
    near: bool = False
    """The database is in this process: to ask first whether there is anything to do pays."""
    leases: bool = False
    """Whether a run's owner lives for as long as its lease; else for as long as its process."""
    lock_row: str = ""
    """Ends a SELECT whose row this transaction is going to change."""
    lock_free_row: str = ""
    """Ends a SELECT that passes over rows which other transactions hold."""
    lock_audit: str = "SELECT 1"
    """Lets one transaction at a time add to the audit log, whose records follow on each other."""


class Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """SQL with `?` for each value; a statement never holds a `?` or `%` of its own."""

    @property
    def dialect(self) -> Dialect: ...

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Its `rowcount` is the sum; to be read after the `batch` it stands in."""
        ...

    def write_rows(self, statement: Bulk, rows: Sequence[Row], /) -> Cursor:
        """As `executemany`, for any number of rows in the way that is quickest here."""
        ...

    def batch(self) -> AbstractContextManager[object]:
        """Statements within may be sent together; what they gave is known on leaving."""
        ...


class Link(Protocol):
    """One connection to a database, made again when it broke; used by one thread at a time."""

    @property
    def where(self) -> str:
        """The database's name as it may be shown."""
        ...

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        ...

    def write(self, work: Callable[[Connection], bool]) -> None:
        """Runs `work` in a transaction and commits it where it returns true.

        `work` runs again when the database could not keep the first try. Raises StorageError.
        """
        ...

    def read(self, query: Callable[[Connection], T]) -> T:
        """Runs `query` on one consistent state. Raises StorageError."""
        ...

    def is_over(self, error: Exception) -> bool:
        """Whether this error of the driver ended the whole transaction."""
        ...

    def failure(self, error: Exception, doing: str) -> MaestroError:
        """What to raise for an error of the driver met while `doing` something."""
        ...

    def give_up(self) -> None:
        """From any thread: from now on no lost connection is waited for."""
        ...

    def close(self) -> None: ...
