"""Where a PostgreSQL database is, how it is shown, and what its errors become.

No message carries the password, neither from the URL nor from the driver.
"""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from maestro.errors import InvalidInput, MaestroError, StorageUnavailable

_NEXT_STEP = {
    "42501": "give its user the right to create and change tables, or name another database",
    "3F000": "set a search_path that its user may create tables in, or name another database",
    "25006": "it takes no changes (a standby?); name the primary server",
    "53100": "free space on the server's disk and try again",
    "53300": "the server has no connection left; raise max_connections or try again",
}
_UNREACHABLE = (
    "check that the server runs, and the host, port, user, password and database of the URL"
)
_FORM = "write postgresql://user:password@host:port/database, with %40 for an '@', %2F for a '/'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A database on a server."""

    options: dict[str, Any] = field(repr=False)
    """What the driver connects with."""
    shown: str

    @staticmethod
    def of(url: str) -> "Location":
        """Raises InvalidInput for what is not a PostgreSQL URL; never repeats it."""
        authority, _, rest = url.partition("://")[2].partition("/")
        if authority.count("@") > 1 or "@" in rest.partition("?")[0]:
            raise InvalidInput(f"the database's URL has an '@' too many; {_FORM}")
        try:
            options = conninfo_to_dict(url)
        except psycopg.Error as error:
            raise InvalidInput(f"the database's URL cannot be read; {_FORM}") from error
        user = f"{options['user']}@" if options.get("user") else ""
        host = options.get("host") or options.get("hostaddr") or "localhost"
        port = f":{options['port']}" if options.get("port") else ""
        return Location(
            options=dict(options), shown=f"postgresql://{user}{host}{port}/{_name(options)}"
        )

    def failure(self, error: Exception, doing: str) -> MaestroError:
        """What to raise for `error`, met while `doing` (`opening`, `reading`, `writing`)."""
        told = self._without_password(str(error).partition("\n")[0])
        if isinstance(error, psycopg.errors.UntranslatableCharacter):
            told = "a text holds the character NUL, which PostgreSQL does not have"
        if isinstance(error, psycopg.DataError):
            return InvalidInput(f"a value cannot be stored in {self.shown!r}: {told}")
        code = getattr(error, "sqlstate", None)
        advice = _NEXT_STEP.get(code or "", "see the server's log" if code else _UNREACHABLE)
        return StorageUnavailable(f"{doing} the database {self.shown!r} failed: {told}; {advice}")

    def _without_password(self, text: str) -> str:
        password = self.options.get("password")
        return text.replace(str(password), "***") if password else text


def _name(options: dict[str, Any]) -> str:
    return str(options.get("dbname") or options.get("user") or "")
