"""Holds a process tree to what no limit of the kernel's covers on this host."""

import os
import threading
import time
from typing import Any

from maestro.agents.sandboxes import folders, tree
from maestro.agents.sandboxes.control_groups import ControlGroup

QUICK, CALM = 0.05, 0.25
"""Seconds between two looks: at a tree that uses much of its memory, and at others."""
FIRST_DISK_SECONDS, DISK_SECONDS = 0.3, 1.0
DISK_SHARE = 4
"""A look at the disk that took long is repeated after this many times as long."""
_CALM_SHARE = 4


class LimitWatch:
    """Looks at the descendants of this process every `interval` seconds."""

    def __init__(self, specification: dict[str, Any], group: ControlGroup | None) -> None:
        self._limits: dict[str, Any] | None = specification["tree"]
        self._folders: list[str] = specification["folders"]
        self._group = group
        self._next_disk = time.monotonic() + FIRST_DISK_SECONDS
        self._disk_thread: threading.Thread | None = None
        self._disk_is_full = False
        self.interval = QUICK if self._limits is not None else 3600.0

    def look(self) -> str:
        """The limit that was reached, or nothing."""
        if self._limits is None:
            return ""
        return self.memory_verdict() or self._processes_and_memory() or self._disk()

    def memory_verdict(self) -> str:
        """Whether the kernel ended somebody for the memory of the tree."""
        return "memory" if self._group is not None and self._group.ran_out_of_memory() else ""

    def _processes_and_memory(self) -> str:
        assert self._limits is not None
        if self._group is not None:
            self.interval = CALM
            return ""
        members = tree.descendants(os.getpid())
        if tree.threads(members) > self._limits["processes"] + 8:  # some are the sandbox's own
            return "processes"
        used = tree.resident(members)
        self.interval = CALM if used * _CALM_SHARE < self._limits["memory"] else QUICK
        if used > self._limits["memory"] and tree.proportional(members) > self._limits["memory"]:
            return "memory"
        return ""

    def _disk(self) -> str:
        """In a thread of its own: a large tree must not keep anybody from being ended in time."""
        if self._disk_thread is not None and self._disk_thread.is_alive():
            return ""
        if not self._disk_is_full and time.monotonic() >= self._next_disk:
            self._disk_thread = threading.Thread(target=self._look_at_disk, daemon=True)
            self._disk_thread.start()
        return "disk" if self._disk_is_full else ""

    def _look_at_disk(self) -> None:
        assert self._limits is not None
        begin = time.monotonic()
        used = folders.disk_use(self._folders)
        used += folders.unlinked(self._folders, tree.descendants(os.getpid()))
        self._disk_is_full = used > self._limits["disk"]
        took = time.monotonic() - begin
        self._next_disk = begin + max(DISK_SECONDS, took * DISK_SHARE)
