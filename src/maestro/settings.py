"""One frozen Settings; the only reader of environment variables."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maestro.domain.agent import RoutingRules, RoutingWeights
from maestro.errors import InvalidInput
from maestro.ports.sandboxes import CAPABILITIES, REQUIRED


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
    sandbox_require: tuple[str, ...] = REQUIRED
    """What a sandbox has to keep; where it cannot, nothing an agent wrote runs."""
    confidence_floor: float = 0.5
    """Below it an analysis is not acted on; the run is blocked and shows its questions."""
    postgres_url: str | None = field(default=None, repr=False)
    """The PostgreSQL database that keeps the runs. May hold a password: show `store_name`."""
    lease_seconds: float = 15.0
    """A process that shares a PostgreSQL store counts as dead after this long without a sign."""
    trial_database: str | None = field(default=None, repr=False)
    """A PostgreSQL server that holds nothing of worth: migrations that were built are tried on
    databases made there, and what is tried gets its credentials. May hold a password."""
    config_folder: Path = field(default_factory=lambda: _default_config_folder(os.environ))
    """The user's own settings files."""
    routing: RoutingRules = field(default_factory=RoutingRules)
    """What counts when work is given to agents, and who may not get it."""
    audit_key: str | None = field(default=None, repr=False)
    """Seals the audit log; None = one that is kept in a file of its own. Machines that share a
    database need the same."""
    webhook_hosts: frozenset[str] = frozenset()
    """Hosts that webhooks may have, also inside of this network; empty = any that is public."""

    otel_endpoint: str | None = field(default=None, repr=False)
    """Base address of the collector that a server hands traces to; None = to nobody."""

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
            named_by = "--sandbox" if sandbox else "MAESTRO_SANDBOX"
            raise InvalidInput(f"{named_by} must be 'required' or 'off', got {mode!r}")
        return Settings(
            database=path,
            data_folder=data if database is None or url else path.parent / "maestro-data",
            max_parallel=_positive(given.get("MAESTRO_MAX_PARALLEL", "4")),
            sandbox=mode,
            sandbox_require=_capabilities(given.get("MAESTRO_SANDBOX_REQUIRE")),
            postgres_url=url,
            lease_seconds=_seconds(given.get("MAESTRO_LEASE_SECONDS", "15")),
            trial_database=_trial_database(given.get("MAESTRO_TRIAL_DATABASE")),
            config_folder=Path(given.get("MAESTRO_CONFIG") or _default_config_folder(env))
            .expanduser()
            .absolute(),
            routing=_routing(given),
            audit_key=_audit_key(given.get("MAESTRO_AUDIT_KEY")),
            otel_endpoint=given.get("MAESTRO_OTEL_ENDPOINT") or None,
            webhook_hosts=_hosts(given.get("MAESTRO_WEBHOOK_HOSTS", "")),
        )


_VARIABLES = frozenset(
    {
        "MAESTRO_CONFIG",
        "MAESTRO_AUDIT_KEY",
        "MAESTRO_DB",
        "MAESTRO_DATA",
        "MAESTRO_LEASE_SECONDS",
        "MAESTRO_MAX_PARALLEL",
        "MAESTRO_OTEL_ENDPOINT",
        "MAESTRO_ROUTING_COST_LIMIT",
        "MAESTRO_ROUTING_REGIONS",
        "MAESTRO_ROUTING_WEIGHTS",
        "MAESTRO_SANDBOX",
        "MAESTRO_SANDBOX_REQUIRE",
        "MAESTRO_TRIAL_DATABASE",
        "MAESTRO_WEBHOOK_HOSTS",
    }
)
_LEAST_KEY = 32
_NETWORK = ("net_none", "net_loopback")
_POSTGRES = ("postgresql://", "postgres://")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
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


def _default_config_folder(env: Mapping[str, str]) -> Path:
    """The XDG base directory specification's place for user settings."""
    root = env.get("XDG_CONFIG_HOME")
    return Path(root) / "maestro" if root else Path.home() / ".config" / "maestro"


def _audit_key(text: str | None) -> str | None:
    if text is not None and len(text) < _LEAST_KEY:
        raise InvalidInput(f"MAESTRO_AUDIT_KEY needs {_LEAST_KEY} characters or more")
    return text


def _hosts(text: str) -> frozenset[str]:
    """Comma separated names or addresses, without scheme and port."""
    named = frozenset(word.strip().lower() for word in text.split(",") if word.strip())
    for host in named:
        if not _HOST.fullmatch(host):
            raise InvalidInput(
                f"MAESTRO_WEBHOOK_HOSTS: {host!r} is no host; write hooks.example.org,127.0.0.1"
            )
    return named


def _trial_database(named: str | None) -> str | None:
    if named is not None and not named.startswith(_POSTGRES):
        raise InvalidInput(
            f"MAESTRO_TRIAL_DATABASE {without_password(named)!r}: name a PostgreSQL database as "
            "postgresql://user@host/name"
        )
    return named


def _capabilities(text: str | None) -> tuple[str, ...]:
    """Comma separated; `net` stands for everything about the network."""
    if text is None:
        return REQUIRED
    named = [word.strip() for word in text.split(",") if word.strip()]
    every = [one for word in named for one in (_NETWORK if word == "net" else (word,))]
    unknown = [word for word in every if word not in CAPABILITIES]
    if unknown or not every:
        raise InvalidInput(
            f"MAESTRO_SANDBOX_REQUIRE: {unknown[0] if unknown else text!r} is not a capability; "
            f"known: net, {', '.join(CAPABILITIES)}"
        )
    return tuple(dict.fromkeys(every))


def _routing(given: Mapping[str, str]) -> RoutingRules:
    limit = given.get("MAESTRO_ROUTING_COST_LIMIT")
    regions = given.get("MAESTRO_ROUTING_REGIONS", "").split(",")
    return RoutingRules(
        weights=_weights(given.get("MAESTRO_ROUTING_WEIGHTS", "")),
        cost_limit=None if limit is None else _amount("MAESTRO_ROUTING_COST_LIMIT", limit),
        regions=tuple(region.strip() for region in regions if region.strip()),
    )


def _weights(text: str) -> RoutingWeights:
    """`skill=0.4,free=0.3,success=0.2,speed=0.1`; all four, or none for the defaults."""
    if not text.strip():
        return RoutingWeights()
    pairs = [word.partition("=") for word in text.split(",")]
    shares = {
        name.strip(): _amount("MAESTRO_ROUTING_WEIGHTS", share.strip()) for name, _, share in pairs
    }
    if sorted(shares) != ["free", "skill", "speed", "success"] or len(pairs) != len(shares):
        raise InvalidInput(
            f"MAESTRO_ROUTING_WEIGHTS {text!r}: write skill=0.4,free=0.3,success=0.2,speed=0.1"
        )
    return RoutingWeights(**shares)


def _amount(variable: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise InvalidInput(f"{variable} must hold numbers that are not negative, got {text!r}")
    return number


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
