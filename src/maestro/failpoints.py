"""Named places before and after every durable step, where a test can end the process.

Unarmed, which is always the case outside of tests, reaching one costs a look into an empty
dictionary. There is no setting that arms one: only a program that imports this module can.
"""

import os
import signal

_armed: dict[str, int] = {}


def arm(name: str, visits: int = 1) -> None:
    """Kills this process (SIGKILL, as a power cut would) at the `visits`-th reach of `name`."""
    _armed[name] = visits


def reach(name: str) -> None:
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
