"""Starts one command confined, and stays as its supervisor: `main` of a process of its own.

Arguments: -- COMMAND...; the JSON that confinement.Confinement writes comes in a descriptor. The
supervisor holds the command to its limits, and ends every descendant, daemons included, when the
command ends, a limit is reached, or the process that started it dies.
"""

import contextlib
import json
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from maestro.agents.sandboxes import bubblewrap, calls, folders, kernel, mounts, tree
from maestro.agents.sandboxes.control_groups import ControlGroup, TreeLimits, find_home
from maestro.agents.sandboxes.watch import LimitWatch

if TYPE_CHECKING:
    from maestro.agents.sandboxes.connections import Doors

CANNOT_CONFINE = 125
"""Exit status when the sandbox could not be set up; the command did not run."""
REFUSED = "refused: "
"""Begins what is reported then; anything else that is reported names a limit that was reached."""
FIRST_USER = 0x70000000
"""Nobody's user ids begin here; a sandbox of root's gets the one its supervisor's id leads to."""
STATUS, SPECIFICATION = "SANDBOX_STATUS", "SANDBOX_SPECIFICATION"
"""Variables with the numbers of the descriptors to report at, and to be told from."""
_LOOK_SECONDS = 0.01
_SIGNALS = {signal.SIGCHLD, signal.SIGTERM}


def main() -> None:
    with os.fdopen(int(os.environ[SPECIFICATION]), "rb") as told:
        specification = json.load(told)
    _Supervisor(specification, sys.argv[2:]).run()


class _Pipes(NamedTuple):
    """Between the supervisor and its child."""

    info: tuple[int, int]
    block: tuple[int, int]
    doors: "Doors | None"
    """What decides on connections, where something has to."""


class _Supervisor:
    def __init__(self, specification: dict[str, Any], command: list[str]) -> None:
        self._spec = specification
        self._command = command
        self._status = int(os.environ[STATUS])
        self._group: ControlGroup | None = None
        self._user = FIRST_USER + os.getpid() if specification["drop"] else None

    def run(self) -> NoReturn:
        os.set_inheritable(self._status, False)
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._spec["parent"]:
            os._exit(CANNOT_CONFINE)  # the parent died before the death signal was set
        try:
            self._make_group()
        except OSError as error:
            self._report(f"{REFUSED}control group: {error}")
            os._exit(CANNOT_CONFINE)
        pipes = _Pipes(os.pipe(), os.pipe(), _doors(self._spec))
        child = os.fork()
        if child == 0:
            self._become(pipes)
        try:
            self._attend(pipes)
        except OSError as error:
            self._report(f"{REFUSED}{error}")
            self._end(CANNOT_CONFINE)
        try:
            self._wait(child)
        finally:  # whatever went wrong, nobody is left behind
            sys.excepthook(*sys.exc_info())
            self._end(CANNOT_CONFINE)

    def _make_group(self) -> None:
        limits = self._spec["tree"]
        home = find_home() if limits is not None and self._spec["groups"] else None
        if home is not None:
            group = ControlGroup(home, self._spec["name"])
            group.make(
                TreeLimits(
                    memory_bytes=limits["memory"],
                    processes=limits["processes"],
                    cpus=limits["cpus"],
                )
            )
            self._group = group

    # --- the supervisor's side ---------------------------------------------------------------

    def _attend(self, pipes: _Pipes) -> None:
        """Does for the child what it cannot do for itself."""
        os.close(pipes.info[1])
        os.close(pipes.block[0])
        if pipes.doors is not None:
            pipes.doors.keep()
        if self._spec["mechanism"] == "bubblewrap" and self._user is None:
            self._limit_processes(pipes.info[0])
        os.close(pipes.block[1])  # the sandbox goes on

    def _limit_processes(self, info: int) -> None:
        """In its own user namespace only the sandbox's processes count, so set it there."""
        with open(info, encoding="ascii") as told:
            text = told.read()
        most = self._spec["tree"]["processes"]
        if text:
            resource.prlimit(json.loads(text)["child-pid"], resource.RLIMIT_NPROC, (most, most))

    def _wait(self, child: int) -> NoReturn:
        watch = LimitWatch(self._spec, self._group)
        while True:
            told = signal.sigtimedwait(_SIGNALS, watch.interval)
            if told is not None and told.si_signo == signal.SIGTERM:
                self._end(1)
            for process, status in _ended():
                if os.WIFSTOPPED(status):  # it waits for somebody who traces it
                    os.kill(process, signal.SIGKILL)
                elif process == child:
                    code = os.waitstatus_to_exitcode(status)
                    self._report(watch.memory_verdict())
                    self._end(code if code >= 0 else 128 - code)
            reached = watch.look()
            if reached:
                self._report(reached)
                self._end(128 + signal.SIGKILL)

    def _report(self, text: str) -> None:
        if text:
            os.write(self._status, text.encode()[:4000])

    def _end(self, code: int) -> NoReturn:
        """Kills and reaps descendants until the kernel says that none is left, then exits."""
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # a look at who is left takes descriptors
        while _reaped():
            for process in tree.children(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, _LOOK_SECONDS)
        if self._group is not None:
            self._group.close()
        if self._user is not None and self._spec["mechanism"] == "landlock":
            for folder in self._spec["folders"]:
                folders.give_back(folder, self._user)
        os._exit(code)

    # --- the child's side --------------------------------------------------------------------

    def _become(self, pipes: _Pipes) -> NoReturn:
        try:
            argv, env = self._confine(pipes)
        except OSError as error:
            self._report(f"{REFUSED}{error}")
            os._exit(CANNOT_CONFINE)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvpe(argv[0], argv, env)  # noqa: S606 - that is the point
        except OSError as error:
            sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
            os._exit(127)

    def _confine(self, pipes: _Pipes) -> tuple[list[str], dict[str, str]]:
        """Everything that comes before exec."""
        spec = self._spec
        os.setsid()
        os.chdir(spec["cwd"])
        if self._group is not None:
            self._group.join()
        for name, value in spec["limits"].items():
            kernel.limit(name, value)
        if pipes.doors is not None:
            asks = calls.questions(modes=spec["mechanism"] == "landlock")
            pipes.doors.hand_over(calls.ask_about_calls(asks))
            if spec["mechanism"] == "bubblewrap":  # Landlock's own rules say so there
                kernel.forbid_tcp()
        command = self._command
        if spec["mechanism"] == "bubblewrap":
            command = self._bubblewrap(pipes)
        elif spec["mechanism"] == "landlock":
            self._landlock()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user would undo it
        return command, spec["env"]

    def _bubblewrap(self, pipes: _Pipes) -> list[str]:
        spec = self._spec
        places = None
        if self._user is not None:
            own = [*spec["writable"], *spec["sockets"]]
            places = mounts.stage(spec["readable"], own, self._user)
            kernel.change_user(self._user)
            kernel.limit("NPROC", spec["tree"]["processes"])  # nobody else is this user
        descriptors = bubblewrap.Descriptors(
            calls=calls.in_memory(calls.refusals(keep_identity=False)),
            info=pipes.info[1],
            block=pipes.block[0],
        )
        os.set_inheritable(pipes.info[1], True)
        os.set_inheritable(pipes.block[0], True)
        return [
            spec["bwrap"],
            *bubblewrap.command_line(
                self._command,
                readable=spec["readable"],
                writable=spec["writable"],
                sockets=spec["sockets"],
                cwd=spec["cwd"],
                scratch_bytes=spec["scratch_bytes"],
                places=places,
                descriptors=descriptors,
            ),
        ]

    def _landlock(self) -> None:
        spec = self._spec
        user = os.getuid()
        if self._user is not None:
            user = self._user
            kernel.drop_to(user)
        kernel.limit("NPROC", tree.tasks_of(user) + spec["tree"]["processes"])
        kernel.restrict(
            readable=spec["readable"], writable=spec["writable"], listable=spec["listable"]
        )
        calls.refuse_calls(calls.refusals(keep_identity=True))


def _doors(spec: dict[str, Any]) -> "Doors | None":
    """None where nothing has to be decided: no network at all, or all of the host's."""
    own_network = spec["mechanism"] == "bubblewrap"
    if spec["mechanism"] == "off" or (own_network and not spec["connect"] and not spec["listen"]):
        return None
    from maestro.agents.sandboxes import connections  # noqa: PLC0415 - most commands need none

    return connections.Doors(
        connect=frozenset(spec["connect"]),
        listen=frozenset(spec["listen"]),
        unix=(*spec["sockets"], *spec["folders"]),
        writable=spec["folders"],
        own_network=own_network,
    )


def _reaped() -> bool:
    """Whether there are children, after those that ended are buried."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        return False
    return True


def _ended() -> list[tuple[int, int]]:
    """Children that ended since the last look, with their status."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        ended.append((process, status))
