"""What is found by reading delivered files, and what must not be found in honest ones."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonObject, JsonScalar
from maestro.ports import EvidenceSubject, SandboxStrength
from maestro.quality.evidence import collectors, secrets
from maestro.quality.evidence.tooling import (
    Scan,
    ScanCollector,
    SourceFile,
    UnusableFile,
    read_files,
)


def own_secrets(files: Sequence[SourceFile], subject: EvidenceSubject) -> Scan:
    """Our own half of the search for secrets; the other one is a program."""
    found = [f"{place}: {kind}" for file in files for place, kind in secrets.places(file)]
    return Scan(metrics={"secrets.found": len(found)}, detail=found)


COLLECTORS = {
    **collectors(),
    "secrets": ScanCollector("secrets", "maestro-secrets", secrets.accepts, own_secrets),
}


@dataclass(frozen=True)
class ScriptedSandbox:
    """A tree to read; reading needs no more of a sandbox."""

    root: Path

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="none", level="L0", capabilities=(), missing=())


def collect(
    name: str, root: Path, files: Mapping[str, str], facts: JsonObject | None = None
) -> Evidence:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    sandbox: Any = ScriptedSandbox(root)
    subject = EvidenceSubject(sandbox=sandbox, facts=facts or {})
    return asyncio.run(COLLECTORS[name].collect(subject))


def measure(name: str, root: Path, files: Mapping[str, str]) -> dict[str, JsonScalar]:
    found = collect(name, root, files)
    assert found.status is EvidenceStatus.MEASURED, found
    assert found.files_examined == len(files)
    return found.metrics


# --- trees as such ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["stubs", "secrets", "sast", "checklist", "artefacts", "documents"]
)
def test_an_empty_tree_is_not_measured(name: str, tmp_path: Path) -> None:
    found = collect(name, tmp_path, {})
    assert found.status is EvidenceStatus.UNAVAILABLE
    assert found.metrics == {}


def test_evidence_says_where_it_was_collected_and_has_a_digest(tmp_path: Path) -> None:
    found = collect("stubs", tmp_path, {"backend/app/a.py": "x = 1\n"})
    assert found.sandbox == "L0 none"
    assert found.raw_digest.startswith("sha256:")
    assert found.tool == "maestro-stubs"


def test_a_link_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("eval(input())\n", encoding="utf-8")
    root = tmp_path / "root"
    root.mkdir()
    (root / "app.py").symlink_to(outside)
    found = collect("sast", root, {"good.py": "x = 1\n"})
    assert found.status is EvidenceStatus.FAILED
    assert "app.py is a link" in found.tool_errors[0]


def test_a_pipe_does_not_hang_the_collector(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "app.py")
    found = collect("sast", tmp_path, {"good.py": "x = 1\n"})
    assert found.status is EvidenceStatus.FAILED


@pytest.mark.parametrize("name", ["stubs", "sast"])
def test_source_that_hides_behind_a_nul_byte_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_bytes(b"eval(input())\n\0")
    found = collect(name, tmp_path, {"good.py": "x = 1\n"})
    assert found.status is EvidenceStatus.FAILED
    assert "NUL" in found.tool_errors[0]


@pytest.mark.parametrize(
    ("path", "content", "complaint"),
    [
        ("backend/.env", b"TOKEN=abc\0", "holds NUL bytes"),
        ("app/data.json", b"{}\0", "holds NUL bytes"),
        ("app/archive.zip", b"PK\0", "holds NUL bytes"),
        ("app/main.cpython-311-x86_64-linux-gnu.so", b"x", "would be loaded"),
        ("app/main.pyc", b"x", "would be loaded"),
        ("app/more.pth", b"import os\n", "would be loaded"),
        ("app/pyvenv.cfg", b"", "makes its folder an environment"),
        ("app/a.py", b"# coding: utf-7\nx = 1\n", "write it in UTF-8"),
        ("app/a.py", b"#!/x\n# -*- coding: latin-1 -*-\nx = 1\n", "write it in UTF-8"),
        ("app/a.py", b"# coding: no-such\nx = 1\n", "is not written in UTF-8"),
        ("app/a.py", b"x = '\xff'\n", "is not written in UTF-8"),
    ],
)
def test_what_nobody_can_read_is_refused(
    path: str, content: bytes, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).write_bytes(content)
    found = collect("sast", tmp_path, {"good.py": "x = 1\n"})
    assert found.status is EvidenceStatus.FAILED
    assert found.tool_errors[0].startswith(path)
    assert complaint in found.tool_errors[0]


def test_pictures_are_no_source_and_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbf# coding: utf-8\neval(input())\n")
    found = collect("sast", tmp_path, {})
    assert found.metrics["sast.high"] == 1, found


def test_a_tree_that_cannot_be_looked_into_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="cannot be looked into"):
        read_files(tmp_path / "absent")


def test_what_the_application_imports_from_its_tests_is_examined(tmp_path: Path) -> None:
    files = {
        "backend/app/main.py": "from tests.hidden import go\n",
        "backend/tests/hidden.py": "def go(x):\n    return eval(x)\n",
        "backend/tests/test_main.py": "def test_a():\n    assert eval('1')\n",
    }
    found = collect("sast", tmp_path, files)
    assert found.metrics["sast.high"] == 1
    assert found.detail[0].startswith("backend/tests/hidden.py:2")
    assert found.files_examined == 2


@pytest.mark.parametrize("name", ["stubs", "sast", "artefacts"])
@pytest.mark.parametrize("text", ["(" * 500, "x = " + "-" * 20_000 + "1", "x = " + "[" * 5_000])
def test_source_nested_without_end_is_an_error_or_a_finding(
    name: str, text: str, tmp_path: Path
) -> None:
    found = collect(name, tmp_path, {"deep.py": text + "\n", "good.py": "x = 1\n"})
    counted = found.metrics.get("stubs.found") or found.metrics.get("artefacts.broken")
    assert found.status is EvidenceStatus.FAILED or found.tool_errors or counted


# --- stubs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/app/tasks.py", "def create_task():\n    pass\n"),
        ("backend/app/tasks.py", "async def create_task():\n    ...\n"),
        ("backend/app/tasks.py", 'def create_task():\n    """Creates a task."""\n'),
        ("backend/app/tasks.py", "def create_task():\n    raise NotImplementedError\n"),
        ("backend/app/tasks.py", "def f():\n    raise NotImplementedError('later')\n"),
        ("backend/app/tasks.py", "class A:\n    def f(self):\n        pass\n"),
        ("backend/app/tasks.py", ""),
        ("backend/app/tasks.py", "  \n\n"),
        ("backend/app/tasks.py", '"""Tasks."""\n'),
        ("backend/app/tasks.py", "pass\n"),
        ("backend/app/tasks.py", "x = 1  # TODO: the rest\n"),
        ("backend/app/tasks.py", "def f(:\n"),
        ("backend/app/tasks.py", "x = (1,\n"),
        ("backend/app/tasks.py", 'x = """never closed\n'),
        ("backend/app/tasks.py", "if True:\nx = 1\n"),
        ("frontend/js/api.js", ""),
        ("frontend/js/api.js", "export function listTasks() {}\n"),
        ("frontend/js/api.js", "// FIXME: talk to the server\nexport const a = 1;\n"),
        ("frontend/js/api.js", 'export function f() { throw new Error("Not implemented"); }\n'),
        ("frontend/js/api.js", "const f = () => { throw Error(`not yet implemented`); };\n"),
        ("frontend/index.html", ""),
        ("frontend/index.html", "<main><p>Lorem ipsum dolor</p></main>\n"),
    ],
)
def test_what_only_pretends_is_found(path: str, text: str, tmp_path: Path) -> None:
    found = measure("stubs", tmp_path, {path: text, "backend/app/good.py": "x = 1\n"})
    assert found["stubs.found"] == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/app/__init__.py", ""),
        ("backend/app/__init__.py", '"""The service."""\n'),
        ("backend/app/errors.py", "class Missing(Exception):\n    pass\n"),
        ("backend/app/ports.py", "from typing import Protocol\nclass P(Protocol):\n"
         "    def f(self) -> int: ...\n"),
        ("backend/app/shapes.py", "from abc import abstractmethod\nclass A:\n"
         "    @abstractmethod\n    def f(self): ...\n"),
        ("backend/app/tasks.py", 'STATUS = ("todo", "doing", "done")  # a task starts as todo\n'),
        ("backend/app/tasks.py", "def f(x):\n    try:\n        return g(x)\n"
         "    except ValueError:\n        pass\n"),
        ("backend/app/tasks.py", "def f():\n    return None\n"),
        ("frontend/js/api.js", "const noop = () => {};\nexport function f() { return noop(); }\n"),
        ("frontend/index.html", '<input placeholder="Title"><p>todo</p><a href="#">x</a>\n'),
    ],
)  # fmt: skip
def test_honest_source_is_left_alone(path: str, text: str, tmp_path: Path) -> None:
    assert measure("stubs", tmp_path, {path: text})["stubs.found"] == 0


@pytest.mark.parametrize(
    "body",
    [
        "client.get('/tasks')",
        "assert True",
        "assert 1",
        "assert 'it works'",
        "x = client.get('/tasks').status_code == 200",
        "print('assert')",
        "try:\n        client.get('/x')\n    except Exception:\n        return",
        "helper()",
    ],
)
def test_a_test_that_cannot_fail_is_found(body: str, tmp_path: Path) -> None:
    text = f"def helper():\n    return 1\n\ndef test_it(client):\n    {body}\n"
    found = measure("stubs", tmp_path, {"backend/tests/test_it.py": text})
    assert found["stubs.assertion_free"] == 1


@pytest.mark.parametrize(
    "body",
    [
        "assert client.get('/x') == 1",
        "with pytest.raises(ValueError):\n        int('x')",
        "self.assertEqual(1, client)",
        "mock.assert_called_once()",
        "check_stored(client)",
        "checks.check_deep(client)",
    ],
)
def test_a_test_that_can_fail_is_left_alone(body: str, tmp_path: Path) -> None:
    checks = (
        "def check_stored(c):\n    assert c.x == 1\n\n"
        "def check_deep(c):\n    for _ in range(2):\n        check_stored(c)\n"
    )
    text = f"import pytest\n\ndef test_it(client, self=None, mock=None):\n    {body}\n"
    found = measure(
        "stubs",
        tmp_path,
        {"backend/tests/test_it.py": text, "backend/tests/checks.py": checks},
    )
    assert found["stubs.assertion_free"] == 0


def test_methods_of_test_classes_are_tests_too(tmp_path: Path) -> None:
    text = (
        "class TestTasks:\n    def test_a(self):\n        f()\n    def other(self):\n        f()\n"
    )
    found = measure("stubs", tmp_path, {"backend/tests/test_it.py": text})
    assert found["stubs.assertion_free"] == 1


def test_script_tests_need_an_assertion_each(tmp_path: Path) -> None:
    text = (
        'test("a", () => { assert.equal(f(), 1); });\n'
        'test("b", async () => { await f(); });\n'
        'it("c", () => { expect(f()).toBe(1); });\n'
    )
    found = collect("stubs", tmp_path, {"frontend/tests/a.test.mjs": text})
    assert found.metrics["stubs.assertion_free"] == 1
    assert found.detail == ("frontend/tests/a.test.mjs: line 2: a test asserts nothing",)


def test_a_script_without_tests_is_no_error(tmp_path: Path) -> None:
    found = measure("stubs", tmp_path, {"frontend/tests/server.mjs": "export const x = 1;\n"})
    assert found["stubs.assertion_free"] == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/tests/test_a.py", "@pytest.mark.skip\ndef test_a():\n    assert f()\n"),
        ("backend/tests/test_a.py", "@pytest.mark.xfail()\ndef test_a():\n    assert f()\n"),
        ("backend/tests/test_a.py", "def test_a():\n    pytest.skip('x')\n    assert f()\n"),
        ("frontend/tests/a.test.mjs", 'test.skip("a", () => { assert.ok(f()); });\n'),
        ("frontend/tests/a.test.mjs", 'test.only("a", () => { assert.ok(f()); });\n'),
        ("frontend/tests/a.test.mjs", 'test("a", { skip: true }, () => { assert.ok(f()); });\n'),
    ],
)  # fmt: skip
def test_marks_that_keep_a_test_from_counting_are_found(
    path: str, text: str, tmp_path: Path
) -> None:
    assert measure("stubs", tmp_path, {path: text})["stubs.skip_markers"] == 1


# --- secrets ------------------------------------------------------------------------------------

# Put together here so that this file itself holds none.
KEY = "-----BEGIN " + "RSA PRIVATE KEY-----"
CLOUD = "AKIA" + "IOSFODNN7EXAMPLE"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
RANDOM = "q9Zr4Lm2" + "Xw8Kt5Vb"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/key.pem", KEY),
        ("notes", KEY),
        ("backend/app/settings.py", f'AWS = "{CLOUD}"'),
        ("docs/api.md", f"Use `{TOKEN}` as token."),
        ("backend/app/settings.py", f'SECRET_KEY = "{RANDOM}"'),
        ("frontend/js/api.js", f"const apiKey = '{RANDOM}';"),
        ("config.json", f'{{"db_password": "{RANDOM}"}}'),
        (".env", f"DATABASE_PASSWORD={RANDOM}"),
        (".env.production", f"export API_KEY={RANDOM}"),
        ("compose.yaml", f"      POSTGRES_PASSWORD: {RANDOM}"),
        ("backend/alembic.ini", "url = postgresql://app:s3cretpass@db/app"),
        ("backend/tests/test_a.py", f'TOKEN = "{RANDOM}"'),
    ],
)
def test_a_secret_is_found_wherever_it_lies_and_never_shown(
    path: str, text: str, tmp_path: Path
) -> None:
    found = collect("secrets", tmp_path, {path: text + "\n", "good.py": "x = 1\n"})
    assert found.metrics == {"secrets.found": 1}
    assert found.detail[0].startswith(f"{path}:1: ")
    for secret in (KEY, CLOUD, TOKEN, RANDOM, "s3cretpass"):
        assert secret not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        'password = os.environ["DATABASE_PASSWORD"]',
        "POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
        'password: str = Field(min_length=8, description="password_of_the_user")',
        'TOKEN_URL = "/api/auth/token/refresh"',
        'secret_name = "projects/main/secrets"',
        "DATABASE_URL=sqlite:///./data/app.db",
        'revision = "0001_initial"',
        'digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
        "url = postgresql://USER:${PASSWORD}@db/app",
        '<input type="password" autocomplete="current-password">',
    ],
)
def test_names_and_places_of_secrets_are_none(text: str, tmp_path: Path) -> None:
    assert measure("secrets", tmp_path, {"a.py": text, ".env": text}) == {"secrets.found": 0}


# --- dangerous constructs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "eval(data)",
        "exec(data)",
        "import builtins\nbuiltins.eval(data)",
        "import os\nos.system(data)",
        "from os import system\nsystem(data)",
        "from os import system as run\nrun(data)",
        "import os as o\no.popen(data)",
        "import subprocess\nsubprocess.run(data, shell=True)",
        "import subprocess as sp\nsp.run(data, shell=enabled)",
        "import pickle\npickle.loads(data)",
        "from pickle import loads\nloads(data)",
        "import yaml\nyaml.load(data)",
        "import yaml\nyaml.load(data, Loader=yaml.Loader)",
        "import marshal\nmarshal.loads(data)",
        "import httpx\nhttpx.get(url, verify=False)",
        "uvicorn.run(app, debug=True)",
        "__import__(name)",
        'db.execute(f"SELECT * FROM tasks WHERE id = {key}")',
        'db.execute("SELECT * FROM tasks WHERE id = " + key)',
        'db.execute("SELECT * FROM tasks WHERE id = " + key + " LIMIT 1")',
        'db.execute("SELECT * FROM tasks WHERE id = %s" % key)',
        'db.execute("DELETE FROM tasks WHERE id = {}".format(key))',
        'db.execute(text(f"UPDATE tasks SET title = {title}"))',
        'query = f"SELECT * FROM tasks WHERE id = {key}"\ndb.execute(query)',
        'db.execute(f"""\n  INSERT INTO tasks VALUES ({key})""")',
        'db.execute(f"SELECT {column} FROM tasks")',
    ],
)
def test_a_dangerous_construct_is_found(text: str, tmp_path: Path) -> None:
    found = measure("sast", tmp_path, {"backend/app/a.py": text + "\n"})
    assert found["sast.high"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "import ast\nast.literal_eval(data)",
        "model.eval()",
        "import yaml\nyaml.safe_load(data)",
        "import yaml\nyaml.load(data, Loader=yaml.SafeLoader)",
        "import subprocess\nsubprocess.run(['ls', data], check=True, shell=False)",
        "import httpx\nhttpx.get(url, verify=True)",
        'db.execute("SELECT * FROM tasks WHERE id = :id", {"id": key})',
        'db.execute("SELECT a " + "FROM tasks")',
        "db.execute(select(Task).where(Task.id == key))",
        'raise ValueError(f"Select a task from {names}")',
        'db.execute(text("PRAGMA foreign_keys = ON"))',
        "# eval(data) would be wrong\nx = 1",
    ],
)
def test_harmless_python_is_left_alone(text: str, tmp_path: Path) -> None:
    assert measure("sast", tmp_path, {"backend/app/a.py": text + "\n"})["sast.high"] == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("eval(data);", 1),
        ("const f = new Function(data);", 1),
        ("node.innerHTML = data;", 1),
        ("node.innerHTML += data;", 1),
        ("node.insertAdjacentHTML('beforeend', data);", 1),
        ("document.write(data);", 1),
        ("// node.innerHTML = data;", 0),
        ("if (node.innerHTML == '') { f(); }", 0),
        ("node.textContent = data;", 0),
        ("model.eval(data);", 0),
    ],
)
def test_scripts_are_read_too(text: str, count: int, tmp_path: Path) -> None:
    assert measure("sast", tmp_path, {"frontend/js/a.js": text + "\n"})["sast.high"] == count


def test_a_file_that_does_not_parse_keeps_the_scan_from_counting(tmp_path: Path) -> None:
    found = collect("sast", tmp_path, {"a.py": "def f(:\n", "b.py": "x = 1\n"})
    assert found.tool_errors
    assert "a.py" in found.tool_errors[0]


def test_only_the_place_makes_a_test(tmp_path: Path) -> None:
    """What the application imports is examined, whatever it is called."""
    bad = "eval(data)\n"
    found = collect(
        "sast",
        tmp_path,
        {
            "backend/tests/test_a.py": bad,
            "services/orders/tests/test_a.py": bad,
            "backend/app/test_a.py": bad,
            "backend/app/tests/b.py": bad,
        },
    )
    assert found.metrics["sast.high"] == 2


def test_a_weak_hash_is_only_a_remark(tmp_path: Path) -> None:
    text = "import hashlib\nhashlib.md5(data)\nhashlib.sha1(data, usedforsecurity=False)\n"
    found = measure("sast", tmp_path, {"a.py": text})
    assert found == {"sast.high": 0, "sast.medium": 1}


# --- checklist and documents --------------------------------------------------------------------

ITEM = '{"id": "%s", "statement": "s", "passed": %s}'


def test_items_that_do_not_apply_do_not_count(tmp_path: Path) -> None:
    items = ", ".join([ITEM % ("a", "true"), ITEM % ("b", "false"), ITEM % ("c", "null")])
    found = collect("checklist", tmp_path, {"security/checklist.json": f"[{items}]"})
    assert found.metrics == {"checklist.items": 2, "checklist.failed": 1}
    assert found.detail == ("b: s",)


@pytest.mark.parametrize(
    "text",
    [
        "", "not json", "{}", '{"items": 3}', "[3]", '[{"id": "a"}]',
        f"[{ITEM % ('a', 1)}]", f"[{ITEM % ('a', 'NaN')}]", f"[{ITEM % ('a', repr([]))}]",
        f"[{ITEM % ('a', 'true')}, {ITEM % ('a', 'true')}]", "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_checklist_is_an_error(text: str, tmp_path: Path) -> None:
    found = collect("checklist", tmp_path, {"security/checklist.json": text})
    assert found.status is EvidenceStatus.FAILED
    assert found.metrics == {}


def test_an_empty_checklist_examined_no_item(tmp_path: Path) -> None:
    found = collect("checklist", tmp_path, {"security/checklist.json": "[]"})
    assert found.metrics == {"checklist.items": 0, "checklist.failed": 0}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("compose.yaml", "services: [\n"),
        ("compose.yaml", ""),
        ("frontend/data.json", "{"),
        ("backend/app/a.py", "def f(:\n"),
        ("Dockerfile", "RUN make\n"),
        ("Makefile", "# nothing\n"),
        ("docs/api.md", "# API\n"),
        ("backend/data.json", "[" * 100_000),
    ],
)
def test_files_must_be_what_their_names_promise(path: str, text: str, tmp_path: Path) -> None:
    found = collect("artefacts", tmp_path, {path: text, "run.py": "x = 1\n"})
    assert found.status is EvidenceStatus.FAILED or found.metrics == {
        "artefacts.parsed": 1,
        "artefacts.broken": 1,
    }


REFERENCE = "# API\n\nEverything that can be asked of the service, with its rules and errors.\n"


def api(*paths: str) -> JsonObject:
    operation = {"responses": {"200": {"description": "ok"}}}
    contract = {
        "id": "backend-api", "name": "API", "kind": "rest", "version": "1.0.0",
        "provider": "backend_developer", "component": "backend", "consumers": [],
        "format": "openapi", "deliverables": [], "acceptance": [],
        "specification": {
            "paths": {path: {"get": operation, "parameters": []} for path in paths}
        },
    }  # fmt: skip
    return {"contracts": [contract]}


@pytest.mark.parametrize(
    ("reference", "missing"),
    [
        ("## GET /tasks\n\n## GET /tasks/{task_id}\n", 0),
        ("| `GET` | `/api/tasks` |\n| `GET` | `/api/tasks/{task_id}` |\n", 0),
        ("## GET /tasks/{task_id}\n", 1),  # a longer path does not stand for a shorter one
        ("## GET /tasks\n", 1),
        ("## POST /tasks\n## GET\n/tasks/{task_id}\n", 2),
        ("", 2),
    ],
)
def test_every_operation_must_be_named_in_the_reference(
    reference: str, missing: int, tmp_path: Path
) -> None:
    files = {"README.md": REFERENCE, "docs/api.md": REFERENCE + reference}
    found = collect("documents", tmp_path, files, api("/tasks", "/tasks/{task_id}"))
    assert found.metrics == {
        "documents.missing": 0,
        "documents.operations_missing": missing,
    }


@pytest.mark.parametrize("text", [None, "", "# API\n"])
def test_a_document_that_says_nothing_is_missing(text: str | None, tmp_path: Path) -> None:
    files = {"README.md": REFERENCE} | ({} if text is None else {"docs/api.md": text})
    found = collect("documents", tmp_path, files, api())
    assert found.metrics["documents.missing"] == 1


def test_without_contracts_in_the_record_nothing_is_said_of_operations(tmp_path: Path) -> None:
    found = collect("documents", tmp_path, {"README.md": REFERENCE})
    assert found.metrics == {"documents.missing": 1}
