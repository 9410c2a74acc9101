"""The security script passes the generated application and finds every seeded weakness."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parents[2] / "data" / "support"
PAGE = """<!doctype html><html lang="en"><head><title>Page</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'self'; img-src 'self' data:">
<script type="module" src="js/app.js"></script></head><body></body></html>
"""
SCRIPT = """// innerHTML = is only spoken of here
document.body.textContent = "https://example.org is text";
"""


def load(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


builds = load(SUPPORT / "builds.py", "support_builds")


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("application")
    personas = ("backend_developer", "database_designer", "devops_engineer", "security_specialist")
    builds.build(builds.TASKS, folder, personas)
    (folder / "frontend/js").mkdir(parents=True)
    (folder / "frontend/index.html").write_text(PAGE)
    (folder / "frontend/js/app.js").write_text(SCRIPT)
    return folder


def examine(folder: Path, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    argv = [sys.executable, "security/checks.py", "--write", *options]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    items = json.loads((folder / "security/checklist.json").read_text())
    return done.returncode, {item["id"]: item for item in items}


def test_the_generated_application_passes_every_item(application: Path) -> None:
    status, items = examine(application)
    assert {i: item["evidence"] for i, item in items.items() if not item["passed"]} == {}
    assert status == 0
    assert "13 items passed, 0 failed" in (application / "security/checklist.md").read_text()


SEEDED = [
    ("secrets", "backend/app/main.py", 'API_KEY = "c0ffee-c0ffee-c0ffee"\n'),
    ("secrets", "compose.yaml", "# postgres://admin:hunter22@db/app\n"),
    ("secrets", "key.txt", "-----BEGIN RSA PRIVATE KEY-----\n"),
    ("dynamic-code", "backend/app/main.py", "eval('1')\n"),
    ("dynamic-code", "backend/app/main.py", "import pickle\n"),
    ("dynamic-code", "run.py", "subprocess.run('ls', shell=True)\n"),
    ("dynamic-code", "frontend/js/app.js", "new Function('return 1')();\n"),
    ("sql", "backend/app/records.py", "\ndef f(s, n):\n    s.execute(sa.text(f'select {n}'))\n"),
    ("sql", "backend/app/records.py", "\ndef f(s, n):\n    s.execute('select ' + n)\n"),
    (
        "input-validation",
        "backend/app/routers/tasks.py",
        "\n@router.post('/x')\ndef f(body: dict) -> None:\n    ...\n",
    ),
    (
        "input-validation",
        "backend/app/routers/tasks.py",
        "\nfrom pydantic import BaseModel\nclass Loose(BaseModel):\n    a: int\n"
        "\n@router.put('/x')\nasync def f(body: Loose) -> None:\n    ...\n",
    ),
    (
        "cors",
        "backend/app/main.py",
        "\ndef f(app):\n    app.add_middleware(CORSMiddleware, allow_origins=['*'])\n",
    ),
    (
        "cors",
        "backend/app/main.py",
        "\nAT = r'http://localhost.*'\ndef f(app):\n"
        "    app.add_middleware(CORSMiddleware, allow_origin_regex=AT)\n",
    ),
    ("debug", "backend/app/main.py", "\ndef f():\n    return FastAPI(debug=True)\n"),
    ("debug", "Dockerfile", "CMD uvicorn app.main:app --reload\n"),
    ("error-replies", "backend/app/errors.py", "\nimport traceback\n"),
    ("container-user", "Dockerfile", "USER root\n"),
    ("dependencies", "backend/requirements.txt", "requests>=2\n"),
    ("page-text", "frontend/js/app.js", "document.body.innerHTML = location.hash;\n"),
    ("page-text", "frontend/js/app.js", "document.body.innerHTML = `<b>${name}</b>`;\n"),
    ("page-text", "frontend/index.html", '<img src="x" onerror="alert(1)">\n'),
    ("page-resources", "frontend/index.html", '<script src="https://cdn.example/x.js"></script>'),
    ("page-resources", "frontend/js/app.js", 'import "https://cdn.example/x.js";\n'),
]


@pytest.mark.parametrize(("item", "path", "weakness"), SEEDED)
def test_a_seeded_weakness_fails_its_item_and_no_other(
    item: str, path: str, weakness: str, application: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "application"
    shutil.copytree(application, tree)
    with (tree / path).open("a") as file:
        file.write(weakness)
    status, items = examine(tree)
    assert status == 1
    assert [i for i, found in items.items() if found["status"] == "failed"] == [item]
    assert path.split("/")[-1] in items[item]["evidence"]


def test_switched_off_references_fail(application: Path, tmp_path: Path) -> None:
    tree = tmp_path / "application"
    shutil.copytree(application, tree)
    database = tree / "backend/app/database.py"
    text = database.read_text()
    assert "foreign_keys = ON" in text
    database.write_text(text.replace("foreign_keys = ON", "foreign_keys = OFF"))
    assert examine(tree)[1]["foreign-keys"]["status"] == "failed"


def test_a_policy_with_inline_scripts_fails(application: Path, tmp_path: Path) -> None:
    tree = tmp_path / "application"
    shutil.copytree(application, tree)
    page = tree / "frontend/index.html"
    page.write_text(PAGE.replace("default-src 'self'", "default-src 'self' 'unsafe-inline'"))
    assert examine(tree)[1]["page-policy"]["status"] == "failed"


def test_absent_files_are_not_applicable_and_not_a_pass(tmp_path: Path) -> None:
    builds.build(builds.SHOP, tmp_path, ("security_specialist",))
    status, items = examine(tmp_path)
    assert status == 0
    for absent in ("container-user", "page-text", "sql", "dependencies", "cors"):
        assert items[absent]["status"] == "not_applicable"
        assert items[absent]["passed"] is None
        assert "there is no" in items[absent]["evidence"]
