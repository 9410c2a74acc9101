"""Names that tell which process of Maestro something belongs to, and whether it still lives."""

import os
import re
from functools import cache
from pathlib import Path

from maestro.agents.sandboxes import tree

MARK = "SANDBOX_OWNER"
"""Variable in the environment of everything that runs in a sandbox."""
_NAME = re.compile(r"maestro-([0-9]+)-([0-9]+)-([0-9]+)-([A-Za-z0-9_]+)")


def named(what: str) -> str:
    """A name that carries this process."""
    return f"maestro-{_world()}-{os.getpid()}-{_since(os.getpid())}-{what}"


def is_orphaned(name: str) -> bool:
    """Whether `name` was given by a process that has ended. Names of other process id namespaces
    are not judged: their ids say nothing here.
    """
    parts = _NAME.fullmatch(name)
    if parts is None or parts[1] != _world():
        return False
    try:
        return tree.started_at(int(parts[2])) != parts[3]
    except OSError:
        return True


@cache
def _world() -> str:
    return re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink()))


@cache
def _since(process: int) -> str:
    return tree.started_at(process)
