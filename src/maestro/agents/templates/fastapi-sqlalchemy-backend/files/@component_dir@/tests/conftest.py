"""One application and one database file for the whole run; every test starts with empty tables."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from app.database import Base, Database
from app.main import create_app


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("database")
    database = Database(f"sqlite:///{folder / 'test.db'}")
    Base.metadata.create_all(database.engine)
    yield database
    database.close()


@pytest.fixture(scope="session")
def service(database: Database) -> Iterator[TestClient]:
    with TestClient(create_app(database), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(service: TestClient, database: Database) -> TestClient:
    with database.engine.connect() as connection:
        # Tables may refer to one another in a circle, so no order of deleting would do.
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for table in Base.metadata.tables.values():
            connection.execute(sa.delete(table))
        connection.commit()
    return service
