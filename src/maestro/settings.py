"""One frozen Settings; the only reader of environment variables."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    database: Path
    """The SQLite file that keeps the runs, unless `postgres_url` names a database for them."""
    data_folder: Path
    """Artefacts and work trees."""
    max_parallel: int = 4
    """Most steps of a run at work at once."""
    sandbox: str = "required"
    """`required`, or `off` (shown in every piece of evidence)."""
    confidence_floor: float = 0.5
    """Below it an analysis is not acted on; the run is blocked and shows its questions."""
    planner: str = "offline"
    """Who analyses and designs: `offline`."""
    postgres_url: str | None = field(default=None, repr=False)
    """The PostgreSQL database that keeps the runs. May hold a password: show `store_name`."""
    lease_seconds: float = 15.0
    """A process that shares a PostgreSQL store counts as dead after this long without a sign."""

    @property
    def store_name(self) -> str:
        """Where the runs are kept, fit to be shown."""
        return (
            str(self.database) if self.postgres_url is None else without_password(self.postgres_url)
        )

    @staticmethod
    def load(
        environment: Mapping[str, str] | None = None,
        *,
        database: Path | str | None = None,
        sandbox: str | None = None,
    ) -> "Settings":
        """Arguments win over `MAESTRO_*` variables, which win over the defaults.

        Args:
            database: a SQLite file, or the URL of a PostgreSQL database.

        Raises:
            InvalidInput: an unknown `MAESTRO_*` variable or a value out of range.
        """
        env = dict(os.environ if environment is None else environment)
        given = {key: value for key, value in env.items() if key.startswith("MAESTRO_")}
        unknown = sorted(set(given) - _VARIABLES)
        if unknown:
            raise InvalidInput(
                f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(_VARIABLES))}"
            )
        data = Path(given.get("MAESTRO_DATA") or _default_data_folder(env)).expanduser().absolute()
        named = str(given.get("MAESTRO_DB") or data / "maestro.db")
        if database is not None:
            named = str(database)
        url = named if named.startswith(_POSTGRES) else None
        path = data / "maestro.db" if url is not None else _file(named)
        mode = sandbox or given.get("MAESTRO_SANDBOX", "required")
        if mode not in ("required", "off"):
            raise InvalidInput(f"MAESTRO_SANDBOX must be 'required' or 'off', got {mode!r}")
        return Settings(
            database=path,
            data_folder=data if database is None or url else path.parent / "maestro-data",
            max_parallel=_positive(given.get("MAESTRO_MAX_PARALLEL", "4")),
            sandbox=mode,
            postgres_url=url,
            lease_seconds=_seconds(given.get("MAESTRO_LEASE_SECONDS", "15")),
        )


_VARIABLES = frozenset(
    {
        "MAESTRO_DB",
        "MAESTRO_DATA",
        "MAESTRO_LEASE_SECONDS",
        "MAESTRO_MAX_PARALLEL",
        "MAESTRO_SANDBOX",
    }
)
_POSTGRES = ("postgresql://", "postgres://")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PASSWORDS = (
    re.compile(r"(postgres(?:ql)?://[^:/?#@\[\s]*:).*(?=@)"),  # to the last @, spaces and all
    re.compile(r"(://[^:/?#@\[\s]*:)[^\s@]*(?=@)"),
    re.compile(r"(password=)[^&\s'\"]*", re.IGNORECASE),
)


def without_password(text: str) -> str:
    """`text` with `***` for the password of every URL in it, also of a badly written one."""
    for pattern in _PASSWORDS:
        text = pattern.sub(r"\1***", text)
    return text


def _file(named: str) -> Path:
    if _URL.match(named):
        raise InvalidInput(
            f"database {without_password(named)!r}: name a SQLite file, or a PostgreSQL database "
            "as postgresql://user@host/name"
        )
    path = Path(named).expanduser()
    if str(path) in ("", ".", ":memory:") or named.startswith("file:"):
        raise InvalidInput(f"database {named!r}: name a file; memory is not a store")
    return path.absolute()


def _default_data_folder(env: Mapping[str, str]) -> Path:
    """The XDG base directory specification's place for user data."""
    root = env.get("XDG_DATA_HOME")
    return Path(root) / "maestro" if root else Path.home() / ".local" / "share" / "maestro"


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise InvalidInput(f"MAESTRO_MAX_PARALLEL must be a whole number from 1, got {text!r}")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise InvalidInput(f"MAESTRO_LEASE_SECONDS must be a number above 0, got {text!r}")
    return number
