"""Runs inside: confines itself, then becomes the command. Started as a process of its own.

    python -I -m maestro.agents.sandboxes.launcher SPECIFICATION -- COMMAND...

SPECIFICATION is JSON: readable, writable, connect, listen (see kernel.restrict), limits, env, cwd,
filter_calls, supervise, parent. With `supervise` it stays as the command's parent and ends every
descendant, daemons included, when the command ends or its own parent, the process `parent`, dies.
"""

import json
import os
import signal
import sys
from typing import Any

from maestro.agents.sandboxes import kernel

CANNOT_CONFINE = 125
"""Exit status when the sandbox could not be set up; the command did not run."""


def main() -> None:
    specification: dict[str, Any] = json.loads(sys.argv[1])
    command = sys.argv[3:]
    if specification["supervise"]:
        sys.exit(_supervise(specification, command))
    _become(specification, command)


def _become(specification: dict[str, Any], command: list[str]) -> None:
    try:
        os.chdir(specification["cwd"])
        for name, value in specification["limits"].items():
            kernel.limit(name, value)
        kernel.restrict(
            readable=specification["readable"],
            writable=specification["writable"],
            connect=specification["connect"],
            listen=specification["listen"],
        )
        if specification["filter_calls"]:
            kernel.refuse_dangerous_calls()
    except OSError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        os._exit(CANNOT_CONFINE)
    try:
        os.execvpe(command[0], command, specification["env"])  # noqa: S606 - that is the point
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        os._exit(127)


def _supervise(specification: dict[str, Any], command: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: _end(1))
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != specification["parent"]:
        return CANNOT_CONFINE  # the parent died before the death signal was set
    child = os.fork()
    if child == 0:
        _become(specification, command)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            _end(code if code >= 0 else 128 - code)


def _end(code: int) -> None:
    """Kills and reaps descendants until none is left, then exits."""
    while True:
        children = _children()
        if not children:
            os._exit(code)
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.wait()
        except ChildProcessError:
            os._exit(code)


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123
        return [int(pid) for pid in file.read().split()]


if __name__ == "__main__":
    main()
