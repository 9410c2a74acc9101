"""Built backends really start on their own migrations and keep to their contracts."""

import asyncio
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from maestro.agents.executors.offline.executor import OfflineExecutor
from maestro.agents.sandboxes.provider import HostSandboxProvider
from maestro.domain.work import Assignment, WorkResult


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("backend_domains", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


domains = load(Path(__file__).parents[1] / "data" / "backend" / "domains.py")
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
COMPARE = """
import sys
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from app.database import Base, Database, migrate
from app.main import app


def checks(engine):
    inspector = sa.inspect(engine)
    return {
        table: sorted(check["sqltext"] for check in inspector.get_check_constraints(table))
        for table in inspector.get_table_names()
        if table != "alembic_version"
    }


migrated, created = Database(f"sqlite:///{sys.argv[1]}/a.db"), Database(f"sqlite:///{sys.argv[1]}/b.db")
migrate(migrated.url)
Base.metadata.create_all(created.engine)
with migrated.engine.connect() as connection:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, Base.metadata) == []
assert checks(migrated.engine) == checks(created.engine)
"""


def work(assignment: Assignment, root: Path) -> WorkResult:
    async def report(line: str) -> None:
        assert line

    async def scenario() -> WorkResult:
        async with HostSandboxProvider(off=True).open(root) as sandbox:
            return await OfflineExecutor().execute(assignment, sandbox, report)

    return asyncio.run(scenario())


def build(domain: Any, root: Path, component: str = "backend") -> Path:
    """The merged work of both personas; each works in a tree of its own, as in a run."""
    for persona in ("backend_developer", "database_designer"):
        own = root / persona
        own.mkdir(parents=True)
        result = work(domains.assignment(persona, domain, component=component), own)
        assert result.checks
        assert all(check.passed for check in result.checks)
        shutil.copytree(own, root / "app", dirs_exist_ok=True)
    return root / "app"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(folder: Path, database: Path) -> Iterator[httpx.Client]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(port)]
    argv += ["--http", "h11"]  # what its requirements.txt installs; httptools reads no long URL
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{database}"}
    log = (database.parent / "server.log").open("w+")
    process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        transport = httpx.HTTPTransport(retries=12)  # httpx waits between its attempts
        with httpx.Client(base_url=url, transport=transport, timeout=60) as client:
            assert client.get("/api/health").json() == {"status": "ok"}
            yield client
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.seek(0)
        assert "Traceback" not in log.read()
        log.close()


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Builds each domain once; the contract lies beside the application."""

    @cache
    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        contract = domains.contracts(domains.DOMAINS[name])[0]
        (folder / "openapi.json").write_text(json.dumps(contract.specification))
        return build(domains.DOMAINS[name], folder)

    return make


@pytest.fixture(params=sorted(domains.DOMAINS))
def built(request: pytest.FixtureRequest, application: Callable[[str], Path]) -> Path:
    return application(request.param)


@pytest.fixture
def tasks(application: Callable[[str], Path]) -> Path:
    return application("tasks")


def test_it_keeps_to_its_contract(built: Path, tmp_path: Path) -> None:
    with served(built / "backend", tmp_path / "app.db") as client:
        argv = [str(SCHEMATHESIS), "run", str(built.parent / "openapi.json"), "--no-color"]
        argv += ["--url", f"{client.base_url}/api", "--mode", "all", "--seed", "7"]
        argv += ["--max-examples", "8", "--generation-database", "none"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "Selected" in done.stdout


def test_models_and_migrations_agree(built: Path, tmp_path: Path) -> None:
    argv = [sys.executable, "-W", "error", "-c", COMPARE, str(tmp_path)]
    done = subprocess.run(argv, cwd=built / "backend", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_what_was_stored_is_there_after_a_restart(tasks: Path, tmp_path: Path) -> None:
    with served(tasks / "backend", tmp_path / "app.db") as client:
        project = client.post("/api/projects", json={"name": "One"}).json()
    with served(tasks / "backend", tmp_path / "app.db") as client:
        assert client.get(f"/api/projects/{project['id']}").json() == project
        assert client.delete(f"/api/projects/{project['id']}").status_code == 204
        assert client.post("/api/projects", json={"name": "Two"}).json()["id"] != project["id"]


def test_writers_at_the_same_time_neither_fail_nor_break_uniqueness(
    tasks: Path, tmp_path: Path
) -> None:
    with served(tasks / "backend", tmp_path / "app.db") as client:

        def write(number: int) -> int:
            body = {"name": "x", "email": f"person{number % 20}@example.com"}
            return client.post("/api/members", json=body).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = Counter(pool.map(write, range(120)))
        assert statuses == {201: 20, 409: 100}
        assert client.get("/api/members").json()["total"] == 20


def test_bodies_that_break_decoders_are_refused(tasks: Path, tmp_path: Path) -> None:
    headers = {"content-type": "application/json"}
    with served(tasks / "backend", tmp_path / "app.db") as client:
        for content in (
            rb'{"name":"\ud800"}',
            rb'{"\ud800":1}',
            b'{"name":' + b"9" * 5000 + b"}",
            b'{"a":' * 50_000,
            b'{"name":1e999}',
            b'{"name":"x"}\x00',
            b"\xff\xfe",
        ):
            response = client.post("/api/projects", content=content, headers=headers)
            assert response.status_code == 422, (content[:20], response.text)
            assert response.headers["content-type"] == "application/problem+json"
        kept = client.post("/api/projects", content=rb'{"name":"a\u0000b"}', headers=headers)
        assert (kept.status_code, kept.json()["name"]) == (201, "a\0b")


def test_a_single_backend_serves_the_page_beside_it(tasks: Path, tmp_path: Path) -> None:
    shutil.copytree(tasks, tmp_path / "app")
    (tmp_path / "app/frontend").mkdir()
    (tmp_path / "app/frontend/index.html").write_text("<h1>Page</h1>")
    with served(tmp_path / "app/backend", tmp_path / "app.db") as client:
        assert client.get("/").text == "<h1>Page</h1>"
        assert client.get("/config.json").json() == {"apis": {"backend": "/api"}}
        assert client.get("/../backend/app/main.py").status_code == 404
        assert client.get("/%2e%2e/backend/app/main.py").status_code == 404
        assert client.get("/api/tasks").json()["total"] == 0
        assert client.post("/").headers["allow"] == "GET, HEAD"
        assert client.head("/api/tasks").headers["allow"] == "GET, POST"


def test_several_services_know_nothing_of_one_another(tmp_path: Path) -> None:
    app = build(domains.SERVICES, tmp_path, "ordering")
    assert not (app / "backend").exists()
    with served(app / "services/ordering", tmp_path / "app.db") as client:
        body = {"product_id": 99, "amount": 1}
        created = client.post("/api/orders", json=body)
        assert (created.status_code, created.json()["product_id"]) == (201, 99)
        assert client.get("/api/products").status_code == 404
        assert client.get("/").status_code == 404


def test_without_migrations_it_does_not_start(tmp_path: Path) -> None:
    work(domains.assignment("backend_developer"), tmp_path)
    argv = [sys.executable, "-m", "uvicorn", "app.main:app", "--port", str(free_port())]
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path / 'app.db'}"}
    done = subprocess.run(
        argv,
        cwd=tmp_path / "backend",
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode != 0
    assert "alembic.ini and migrations/ must lie beside app/" in done.stderr


def test_own_tests_notice_a_broken_service(tasks: Path, tmp_path: Path) -> None:
    """Each defect alone must turn the service's own tests red."""
    argv = [sys.executable, "-m", "pytest", "-q", "-x", "--disable-plugin-autoload"]
    defects = {
        "app/records.py": [
            ("found = found.where(column == value)", "pass"),
            ("ordered.limit(query.limit)", "ordered"),
            ("select_from(found.subquery())", "select_from(table)"),
            ("autoescape=True", "autoescape=False"),
            ("for key in column.foreign_keys:", "for key in ():"),
        ],
        "app/fields.py": [
            ('model_config = ConfigDict(extra="forbid")\n\n    limit', "limit"),
            ("if not self.model_fields_set:", "if False:"),
        ],
        "app/routers/tasks.py": [("exclude_unset=True", "")],
    }
    for path, changes in defects.items():
        source = (tasks / "backend" / path).read_text()
        for old, new in changes:
            assert old in source, old
            broken = tmp_path / "broken"
            shutil.copytree(tasks / "backend", broken)
            (broken / path).write_text(source.replace(old, new))
            done = subprocess.run(argv, cwd=broken, capture_output=True, text=True)
            assert done.returncode == 1, (old, done.stdout[-1000:])
            shutil.rmtree(broken)
