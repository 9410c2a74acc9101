"""Which store a location opens, and what is said of one that cannot be used."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from postgres import PASSWORD, PostgresServer

from maestro.errors import InvalidInput, MaestroError, SchemaMismatch, StorageUnavailable
from maestro.storage.opening import open_store
from maestro.storage.schema import REVISIONS


def opened(location: str | Path) -> bool:
    async def play() -> bool:
        store = await open_store(location, seal_key=b"seal")
        await store.close()
        return store.shared

    return asyncio.run(play())


def refusal(location: str, kind: type[MaestroError]) -> str:
    with pytest.raises(kind) as caught:
        opened(location)
    told = [str(caught.value)]
    cause = caught.value.__cause__
    for secret in (PASSWORD, "pass%2Fw%40rd-7421", "w@rd-7421"):
        assert not any(secret in text for text in (*told, str(cause) if cause else ""))
    return told[0]


def test_a_path_is_a_file_and_a_url_a_server(tmp_path: Path, postgres_url: str) -> None:
    assert not opened(tmp_path / "maestro.db")
    assert not opened(str(tmp_path / "maestro.db"))
    assert opened(postgres_url)
    assert opened(postgres_url.replace("postgresql://", "postgres://"))


def test_other_databases_are_refused() -> None:
    assert "'mysql'" in refusal("mysql://u:secret@host/db", InvalidInput)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@127.0.0.1:5432/db",
        "postgresql://u:w@rd-7421@127.0.0.1/db",
        f"postgresql://127.0.0.1:x/db?password={PASSWORD}&nonsense=1",
        "postgresql://u:%zz@127.0.0.1/db",
    ],
)
def test_a_malformed_url_is_refused_and_not_repeated(url: str) -> None:
    assert "write postgresql://user:password@host:port/database" in refusal(url, InvalidInput)


def test_a_server_that_is_not_there(postgres_url: str) -> None:
    address = postgres_url.rpartition("@")[2].partition("/")[0]
    message = refusal(postgres_url.replace(address, "127.0.0.1:1"), StorageUnavailable)
    assert "opening the database 'postgresql://maestro@127.0.0.1:1/test_" in message
    assert "check that the server runs" in message


def test_a_wrong_password_and_a_missing_database(postgres_url: str) -> None:
    message = refusal(postgres_url.replace("rd-7421", "rd-0000"), StorageUnavailable)
    assert "password authentication failed" in message
    assert "user, password and database of the URL" in message
    message = refusal(postgres_url.replace("/test_", "/gone_"), StorageUnavailable)
    assert "does not exist" in message


def test_a_user_without_rights(postgres_server: PostgresServer, postgres_url: str) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres_server.run("DROP ROLE IF EXISTS guest")
    postgres_server.run("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    guest = f"postgresql://guest:guest@127.0.0.1:{postgres_server.port}/{database}"
    message = refusal(guest, StorageUnavailable)
    assert "permission denied for schema public" in message
    assert "give its user the right to create and change tables" in message
    opened(postgres_url)  # made by somebody else, and not shared with the guest
    assert "permission denied" in refusal(guest, StorageUnavailable)


def test_a_newer_schema_is_refused_and_left_alone(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    opened(postgres_url)
    database = postgres_url.rpartition("/")[2]
    postgres_server.run("UPDATE alembic_version SET version_num = '9999'", database=database)
    message = refusal(postgres_url, SchemaMismatch)
    assert f"has schema '9999'; this Maestro knows up to {REVISIONS[-1]!r}" in message
    [version] = postgres_server.run("SELECT version_num FROM alembic_version", database=database)
    assert version == ("9999",)


def test_somebody_elses_tables_are_refused(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    database = postgres_url.rpartition("/")[2]
    postgres_server.run("CREATE TABLE runs (distance float)", database=database)
    assert "tables of something else (runs)" in refusal(postgres_url, StorageUnavailable)


def test_without_the_driver_the_extra_is_named(postgres_url: str) -> None:
    script = (
        "import asyncio, sys\n"
        "sys.modules['psycopg'] = None\n"
        "from maestro.errors import StorageUnavailable\n"
        "from maestro.storage.opening import open_store\n"
        "try:\n    asyncio.run(open_store(sys.argv[1], seal_key=b'seal'))\n"
        "except StorageUnavailable as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, postgres_url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'maestro-conductor[postgres]'" in done.stdout
