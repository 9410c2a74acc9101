"""What the probe runs inside a sandbox: it tries to get out, and says how far it got.

    python payload.py OUTSIDE_FOLDER SECRET_FILE TCP_PORT MARKER

Prints JSON: attack -> true where it succeeded. MARKER ends up in the command line of a daemon that
tries to outlive the sandbox.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    outside, secret, port, marker = sys.argv[1:5]
    attacks: dict[str, Callable[[], object]] = {
        "write_outside": lambda: Path(outside, "written").write_text("x", encoding="utf-8"),
        "read_secret": lambda: Path(secret).read_text(encoding="utf-8"),
        "connect_tcp": lambda: socket.create_connection(("127.0.0.1", int(port)), 2).close(),
        "open_udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "signal_parent": lambda: os.kill(int(os.environ["MAESTRO_PROBE_PID"]), 0),
        "inherit_environment": lambda: os.environ["MAESTRO_PROBE_SECRET"],
        "trace_self": lambda: _must(_ptrace()),
    }
    results = {name: _succeeds(attack) for name, attack in attacks.items()}
    subprocess.Popen(  # a daemon in a session of its own
        [sys.executable, "-c", "import time; time.sleep(300)", marker],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    sys.stdout.write(json.dumps(results) + "\n")


def _ptrace() -> int:
    import ctypes  # noqa: PLC0415 - the other attacks must run where ctypes cannot load

    result: int = ctypes.CDLL(None).ptrace(0, 0, 0, 0)
    return result


def _must(result: int) -> None:
    if result != 0:
        raise PermissionError("refused")


def _succeeds(attack: Callable[[], object]) -> bool:
    try:
        attack()
    except (OSError, KeyError):
        return False
    return True


if __name__ == "__main__":
    main()
