"""Runs migrations up, down and up again: `python -P migration_session.py JOB`; prints what came of
it.

Runs as a process of its own in the folder of alembic.ini, on the database of DATABASE_URL. JOB is
JSON: `seconds` for each command, `shown` characters of what it says. The result is a list of steps:
`revisions`, then for each command `command` (status, said, and whether it `ended`) and `look`.

Whatever was delivered runs in children, forked when all libraries are loaded, so that they are
loaded once. This process runs none of it and looks at the database itself. Children cannot write to
its memory or its output while they live, and it goes on when none of them lives any more.
"""

import ctypes
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import BinaryIO, NoReturn

import sqlalchemy as sa
from alembic.config import Config, main
from alembic.script import ScriptDirectory

CONFIGURATION = "alembic.ini"
COMMANDS = (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head"))
POLL_SECONDS = 0.01
END_SECONDS = 5.0
_VERSIONS = "alembic_version"
_DUMPABLE, _SUBREAPER = 4, 36
"""Options of prctl(2)."""

Told = dict[str, object]


def steps(seconds: float, shown: int) -> Iterator[Told]:
    """Ends at the first that fails."""
    revisions = in_child(tell_revisions, seconds, 1 << 20)
    yield {"revisions": revisions}
    if revisions["status"] != 0:
        return
    for words in COMMANDS:
        found = in_child(partial(run_alembic, words), seconds, shown)
        yield {"command": " ".join(words), **found}
        if found["status"] != 0:
            return
        yield {"look": look(os.environ["DATABASE_URL"])}


def tell_revisions() -> None:
    """Prints which there are, without running them, below whatever reading them prints."""
    scripts = ScriptDirectory.from_config(Config(CONFIGURATION))
    revisions = [revision.revision for revision in scripts.walk_revisions()]
    told = json.dumps({"heads": sorted(scripts.get_heads()), "revisions": revisions})
    sys.stdout.write(f"\n{told}")


def run_alembic(words: Sequence[str]) -> None:
    sys.argv = ["alembic", *words]
    main(argv=list(words), prog="alembic")


def in_child(work: Callable[[], None], seconds: float, shown: int) -> Told:
    """What it ended with and the end of what it said."""
    with tempfile.TemporaryFile() as output:
        _prctl(_DUMPABLE, 0)
        child = os.fork()
        if child == 0:
            _work(work, output)
        ended = _wait(child, time.monotonic() + seconds)
        for end in (os.killpg, os.kill):  # before it is reaped: until then the number is its own
            with suppress(ProcessLookupError):
                end(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        alone = _alone(time.monotonic() + END_SECONDS)
        if alone:
            _prctl(_DUMPABLE, 1)  # what connects for a sandboxed process has to look into it
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - shown))
        said = output.read(shown).decode("utf-8", errors="replace")
    return {"status": status if alone else None, "ended": ended, "said": said}


def _work(work: Callable[[], None], output: BinaryIO) -> NoReturn:
    status = 1
    try:
        os.setsid()
        _prctl(_DUMPABLE, 1)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        work()
        status = 0
    except SystemExit as end:
        status = end.code & 0xFF if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the boundary of the process: it is told, and ends here
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _wait(child: int, deadline: float) -> bool:
    """Whether it ended by itself; it is not reaped."""
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _alone(deadline: float) -> bool:
    """Whether nothing lives any more of what it started; what it left behind comes to us."""
    while time.monotonic() < deadline:
        try:
            found, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not found:
            time.sleep(POLL_SECONDS)
    return False


def look(url: str) -> Told:
    """What is in the database, and at which revision it says it is."""
    return _look_sqlite(url) if url.startswith("sqlite:") else _look_at_server(url)


def _look_sqlite(url: str) -> Told:
    place = f"file:{url.removeprefix('sqlite:///')}?mode=rwc"
    tables: dict[str, list[object]] = {}
    versions: list[str] = []
    with closing(sqlite3.connect(place, uri=True)) as database:
        rows = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2")
        for kind, name, table, sql in rows.fetchall():
            if table.startswith("sqlite_"):
                continue  # SQLite's own; it keeps them when the last table is gone
            if table != _VERSIONS:
                tables.setdefault(table, []).append([kind, name, sql])
            elif kind == "table":
                found = database.execute(f"SELECT version_num FROM {_VERSIONS}")  # noqa: S608
                versions = sorted(str(row[0]) for row in found.fetchall())
    return {"tables": tables, "versions": versions}


def _look_at_server(url: str) -> Told:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    seen = sa.inspect(engine)
    names = sorted(seen.get_table_names())
    versions: list[str] = []
    if _VERSIONS in names:
        names.remove(_VERSIONS)
        with engine.connect() as connection:
            rows = connection.execute(sa.text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608
            versions = sorted(str(row[0]) for row in rows)
    return {"tables": {name: _table(seen, name) for name in names}, "versions": versions}


def _table(seen: sa.Inspector, name: str) -> Told:
    return {
        "columns": [
            [c["name"], str(c["type"]), bool(c["nullable"]), str(c["default"])]
            for c in seen.get_columns(name)
        ],
        "primary": sorted(seen.get_pk_constraint(name)["constrained_columns"]),
        "foreign": sorted(
            json.dumps([f["constrained_columns"], f["referred_table"], f["referred_columns"]])
            for f in seen.get_foreign_keys(name)
        ),
        "unique": sorted(json.dumps(u["column_names"]) for u in seen.get_unique_constraints(name)),
        "indexes": sorted(
            json.dumps([i["name"], i["column_names"], bool(i["unique"])])
            for i in seen.get_indexes(name)
        ),
        "checks": sorted(str(c["sqltext"]) for c in seen.get_check_constraints(name)),
    }


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    _prctl(_SUBREAPER, 1)
    sys.stdout.write(json.dumps(list(steps(job["seconds"], job["shown"]))))
