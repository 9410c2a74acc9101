"""Removes what a Maestro that was killed left behind: processes, temporary folders, groups."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from maestro.agents.sandboxes import control_groups, folders, owners


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    processes: int
    folders: int
    groups: int


def sweep() -> Swept:
    """Only what carries the name of a process that has ended, and only what may be touched."""
    return Swept(processes=_processes(), folders=_folders(), groups=_groups())


def _processes() -> int:
    ended = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and owners.is_orphaned(_mark(entry)):
            with contextlib.suppress(OSError):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
    return ended


def _mark(process: Path) -> str:
    wanted = f"{owners.MARK}=".encode()
    try:
        variables = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    found = next((one for one in variables if one.startswith(wanted)), b"")
    return found.removeprefix(wanted).decode("ascii", "replace")


def _folders() -> int:
    removed = 0
    for folder in Path(tempfile.gettempdir()).glob("maestro-*"):
        if owners.is_orphaned(folder.name):
            remove_folder(folder)
            removed += not folder.exists()
    return removed


def remove_folder(folder: Path) -> None:
    """Whatever a sandbox did to the modes of what it made there. What cannot be removed stays."""
    folders.open_up(str(folder))
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # folders in folders, thousands deep
        subprocess.run(["/bin/rm", "-rf", "--", str(folder)], capture_output=True, check=False)


def _groups() -> int:
    removed = 0
    home = control_groups.find_home()
    for place in set(home.folders.values()) if home is not None else ():
        for group in Path(place).glob("maestro-*"):
            if owners.is_orphaned(group.name):
                with contextlib.suppress(OSError):
                    control_groups.remove(str(group))
                    removed += 1
    return removed
