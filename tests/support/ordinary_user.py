"""Runs a program as a user who owns nothing, whoever runs the tests."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

USER = 48_771
"""Any id without an account."""


def as_ordinary_user(argv: Sequence[str]) -> list[str]:
    """The argv that runs `argv` as USER. Where the interpreter lies in a folder that only root may
    enter, it is shown to USER in a mount namespace of its own.
    """
    if os.geteuid() != 0:
        return list(argv)
    dropped = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *argv]
    prefix = Path(sys.base_prefix).resolve()
    closed = next((p for p in reversed(prefix.parents) if not p.stat().st_mode & 0o001), None)
    if closed is None:
        return dropped
    lines = (
        "set -e",
        f"mount --bind {prefix} /mnt",
        f"mount -t tmpfs -o mode=0755 none {closed}",
        f"mkdir -p {prefix}",
        f"mount --bind /mnt {prefix}",
        "umount /mnt",
        f"exec {shlex.join(dropped)}",
    )
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines)]
