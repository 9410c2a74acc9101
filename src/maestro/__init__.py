"""Maestro turns a software requirement into contract-verified software.

    async with maestro.connect() as m:
        result = await m.build("Build a REST API for user management", output="out/users")

Names are loaded on first use: importing the package opens, writes and prints nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from maestro.bootstrap import connect
    from maestro.delivery.result import BuildResult
    from maestro.delivery.service import Maestro
    from maestro.delivery.waiver_desk import WaiverDesk
    from maestro.domain.access import Permission, Principal
    from maestro.domain.quality import Environment
    from maestro.domain.requirement import Constraints
    from maestro.errors import Blocked, CallerError, ExecutionError, MaestroError, StorageError
    from maestro.settings import Settings

__version__ = "0.1.0"

_HOMES = {
    "connect": "maestro.bootstrap",
    "BuildResult": "maestro.delivery.result",
    "Environment": "maestro.domain.quality",
    "Maestro": "maestro.delivery.service",
    "Permission": "maestro.domain.access",
    "Principal": "maestro.domain.access",
    "WaiverDesk": "maestro.delivery.waiver_desk",
    "Constraints": "maestro.domain.requirement",
    "Settings": "maestro.settings",
    "Blocked": "maestro.errors",
    "CallerError": "maestro.errors",
    "ExecutionError": "maestro.errors",
    "MaestroError": "maestro.errors",
    "StorageError": "maestro.errors",
}

__all__ = [
    "Blocked",
    "BuildResult",
    "CallerError",
    "Constraints",
    "Environment",
    "ExecutionError",
    "Maestro",
    "MaestroError",
    "Permission",
    "Principal",
    "Settings",
    "StorageError",
    "WaiverDesk",
    "__version__",
    "connect",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'maestro' has no attribute {name!r}")
    return getattr(import_module(home), name)
