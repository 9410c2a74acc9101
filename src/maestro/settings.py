"""One frozen Settings; the only reader of environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from maestro.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    database: Path
    """The SQLite file. Required; there is no other place a run could be kept."""
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

    @staticmethod
    def load(
        environment: Mapping[str, str] | None = None,
        *,
        database: Path | None = None,
        sandbox: str | None = None,
    ) -> "Settings":
        """Arguments win over `MAESTRO_*` variables, which win over the defaults.

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
        path = database or Path(given.get("MAESTRO_DB") or data / "maestro.db").expanduser()
        if str(path) in ("", ".", ":memory:") or str(path).startswith("file:"):
            raise InvalidInput(f"database {str(path)!r}: name a file; memory is not a store")
        mode = sandbox or given.get("MAESTRO_SANDBOX", "required")
        if mode not in ("required", "off"):
            raise InvalidInput(f"MAESTRO_SANDBOX must be 'required' or 'off', got {mode!r}")
        return Settings(
            database=path.absolute(),
            data_folder=data if database is None else path.absolute().parent / "maestro-data",
            max_parallel=_positive(given.get("MAESTRO_MAX_PARALLEL", "4")),
            sandbox=mode,
        )


_VARIABLES = frozenset({"MAESTRO_DB", "MAESTRO_DATA", "MAESTRO_MAX_PARALLEL", "MAESTRO_SANDBOX"})


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
