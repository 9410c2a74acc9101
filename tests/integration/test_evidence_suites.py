"""Built tests really run, in the sandbox of this host; no file of the tree can flatter them."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from maestro.agents.sandboxes.provider import open_provider
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.ports import EvidenceSubject
from maestro.quality.evidence import collectors
from maestro.settings import Settings

APP = "def double(x):\n    if x > 100:\n        return 200\n    return 2 * x\n"
TEST = "from app.main import double\n\ndef test_double():\n    assert double(2) == 4\n"
SERVICE = {
    "backend/app/__init__.py": "",
    "backend/app/main.py": APP,
    "backend/tests/__init__.py": "",
    "backend/tests/test_main.py": TEST,
}
NONE = {
    "suites.tests": 0,
    "suites.failed": 0,
    "suites.errors": 0,
    "suites.skipped": 0,
    "suites.not_run": 0,
    "suites.untested_services": 1,
    "coverage.line": 0.0,
    "coverage.branch": 0.0,
}


def collect(root: Path, files: Mapping[str, str]) -> Evidence:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    async def run() -> Evidence:
        settings = Settings(database=root / "unused.db", data_folder=root / "unused")
        async with open_provider(settings).open(root) as sandbox:
            return await collectors()["suites"].collect(EvidenceSubject(sandbox=sandbox))

    return asyncio.run(run())


def test_passing_tests_are_counted_with_the_lines_they_run(tmp_path: Path) -> None:
    found = collect(tmp_path, SERVICE)
    assert found.status is EvidenceStatus.MEASURED, found
    assert found.metrics == {
        "suites.tests": 1,
        "suites.failed": 0,
        "suites.errors": 0,
        "suites.skipped": 0,
        "suites.not_run": 0,
        "suites.untested_services": 0,
        "coverage.line": 75.0,
        "coverage.branch": 50.0,
    }
    assert found.files_examined == 1
    assert not found.sandbox.startswith("L0")
    assert list(tmp_path.glob("backend/.reports*")) == []


def test_failures_errors_and_skips_are_told_apart(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "def test_fails():\n    assert 1 == 2\n"
        "@pytest.fixture\ndef broken():\n    raise OSError('no')\n"
        "def test_breaks(broken):\n    assert broken\n"
        "@pytest.mark.skip\ndef test_left_out():\n    assert False\n"
        "@pytest.mark.xfail\ndef test_excused():\n    assert False\n"
    )
    found = collect(tmp_path, {**SERVICE, "backend/tests/test_more.py": text})
    assert found.metrics["suites.tests"] == 5
    assert found.metrics["suites.failed"] == 1
    assert found.metrics["suites.errors"] == 1
    assert found.metrics["suites.skipped"] == 2
    assert any("test_fails" in line for line in found.detail)


def test_a_test_file_that_cannot_be_imported_is_an_error(tmp_path: Path) -> None:
    found = collect(tmp_path, {**SERVICE, "backend/tests/test_more.py": "import nothing_such\n"})
    assert found.status is EvidenceStatus.FAILED or found.metrics["suites.errors"] == 1


@pytest.mark.parametrize(
    "files",
    [
        {"backend/app/main.py": APP},
        {"backend/app/main.py": APP, "backend/tests/__init__.py": ""},
        {"backend/app/main.py": APP, "backend/tests/test_main.py": "def helper():\n    return 1\n"},
    ],
)
def test_a_service_without_tests_has_none(files: dict[str, str], tmp_path: Path) -> None:
    found = collect(tmp_path, files)
    assert found.metrics == NONE
    assert found.files_examined == 0


def test_a_tree_without_a_service_is_not_measured(tmp_path: Path) -> None:
    found = collect(tmp_path, {"frontend/js/api.js": "export const a = 1;\n"})
    assert found.status is EvidenceStatus.UNAVAILABLE


def test_one_tested_service_does_not_stand_in_for_another(tmp_path: Path) -> None:
    orders = {path.replace("backend", "services/orders"): text for path, text in SERVICE.items()}
    found = collect(tmp_path, {**orders, "services/payments/app/main.py": APP})
    assert found.metrics["suites.tests"] == 1
    assert found.metrics["suites.untested_services"] == 1
    assert "services/payments has no test of its own" in found.detail


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/pytest.ini", "[pytest]\naddopts = -k nothing\n"),
        ("backend/pytest.ini", "[pytest]\npython_functions = check_*\n"),
        ("backend/pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--collect-only'\n"),
        ("backend/.coveragerc", "[report]\nomit = *\n"),
    ],
)
def test_configuration_of_the_tree_is_ignored(path: str, text: str, tmp_path: Path) -> None:
    found = collect(tmp_path, {**SERVICE, path: text})
    assert found.metrics["suites.tests"] == 1
    assert found.metrics["coverage.line"] == 75.0


@pytest.mark.parametrize(
    "excuse", ["# pragma: no cover", "# pragma: no branch", "# if TYPE_CHECKING:"]
)
def test_lines_cannot_be_excused_from_coverage(excuse: str, tmp_path: Path) -> None:
    excused = APP.replace("x > 100:", f"x > 100:  {excuse}")
    found = collect(tmp_path, {**SERVICE, "backend/app/main.py": excused})
    assert found.metrics["coverage.line"] == 75.0
    assert found.metrics["coverage.branch"] == 50.0


def test_rules_that_the_tests_rewrite_do_not_hold(tmp_path: Path) -> None:
    rewriting = (
        "import pathlib\n\n"
        "for rules in pathlib.Path('.').glob('.reports-*/rules'):\n"
        "    rules.write_text('[report]\\nexclude_lines =\\n    return 200\\n')\n"
    )
    found = collect(tmp_path, {**SERVICE, "backend/tests/conftest.py": rewriting})
    assert found.metrics["coverage.line"] == 75.0


@pytest.mark.parametrize(
    ("path", "load"),
    [
        ("backend/rest/parts.py", ""),
        ("backend/parts.py", "from parts import double as other\n"),
        ("backend/tests/parts.py", "from tests.parts import double as other\n"),
        ("backend/migrations/env.py", "from migrations.env import double as other\n"),
    ],
)
def test_code_of_a_service_counts_wherever_it_lies(path: str, load: str, tmp_path: Path) -> None:
    found = collect(tmp_path, {**SERVICE, "backend/app/main.py": load + APP, path: APP})
    assert found.metrics["suites.failed"] == 0
    assert float(str(found.metrics["coverage.line"])) < 60


def test_tests_and_migrations_are_no_code_to_cover(tmp_path: Path) -> None:
    beside = {
        "backend/alembic.ini": "[alembic]\nscript_location = %(here)s/database\n",
        "backend/database/env.py": APP,
        "backend/database/versions/0001.py": APP,
        "backend/tests/parts.py": APP,
    }
    found = collect(tmp_path, {**SERVICE, **beside})
    assert found.metrics["coverage.line"] == 75.0


def test_code_no_test_imports_counts_as_not_covered(tmp_path: Path) -> None:
    found = collect(tmp_path, {**SERVICE, "backend/app/more.py": APP})
    assert found.metrics["coverage.line"] == 37.5


def test_tests_that_are_taken_away_are_missed(tmp_path: Path) -> None:
    text = TEST + "\ndef test_wrong():\n    assert double(2) == 5\n\ndel test_wrong\n"
    found = collect(tmp_path, {**SERVICE, "backend/tests/test_main.py": text})
    assert found.metrics["suites.failed"] == 0
    assert found.metrics["suites.not_run"] == 1


@pytest.mark.parametrize(
    ("path", "text", "complaint"),
    [
        (
            "backend/tests/conftest.py",
            "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
            "pytest_collection_modifyitems could change what pytest runs",
        ),
        ("backend/coverage.py", "", "could stand in for coverage"),
        ("backend/pytest.py", "", "could stand in for pytest"),
        ("backend/app/main.so", "", "would be loaded and cannot be read"),
    ],
)
def test_what_could_speak_for_the_tools_leaves_nothing_measured(
    path: str, text: str, complaint: str, tmp_path: Path
) -> None:
    found = collect(tmp_path, {**SERVICE, path: text})
    assert found.status is EvidenceStatus.FAILED
    assert found.metrics == {}
    assert complaint in found.tool_errors[0]


def test_a_module_called_like_one_of_the_standard_library_is_not_run_by_the_tools(
    tmp_path: Path,
) -> None:
    """Each would end the run before a test was looked at."""
    names = ("json", "sqlite3", "xml", "unittest", "configparser")
    files = {f"backend/{name}.py": "raise SystemExit(0)\n" for name in names}
    found = collect(tmp_path, {**SERVICE, **files})
    assert found.metrics.get("suites.tests") == 1, found


def test_parameters_and_classes_are_no_missing_tests(tmp_path: Path) -> None:
    text = (
        "import pytest\n"
        "@pytest.mark.parametrize('x', ['a.b', 'c[d]'])\ndef test_each(x):\n    assert x\n"
        "class TestAll:\n    def test_one(self):\n        assert self\n"
    )
    found = collect(tmp_path, {**SERVICE, "backend/tests/deep/test_more.py": text})
    assert found.metrics["suites.tests"] == 4
    assert found.metrics["suites.not_run"] == 0


@pytest.mark.parametrize(
    ("hook", "complaint"),
    [
        ("import os\nos._exit(0)\n", "junit.xml"),
        ("import atexit, os\natexit.register(os._exit, 0)\n", "disagree|junit"),
        ("import pytest\npytest.exit('enough', returncode=0)\n", "junit.xml|disagree|status"),
        ("raise RuntimeError('no')\n", "status 4"),
        (
            "import atexit, glob, os\n"
            "def replace():\n"
            "    path = glob.glob('.reports-*')[0] + '/junit.xml'\n"
            "    os.unlink(path)\n"
            "    os.symlink('/etc/passwd', path)\n"
            "atexit.register(replace)\n",
            "leads out of the work tree",
        ),
        (
            "import atexit, glob, os\n"
            "def replace():\n"
            "    path = glob.glob('.reports-*')[0] + '/junit.xml'\n"
            "    os.unlink(path)\n"
            "    os.mkfifo(path)\n"
            "atexit.register(replace)\n",
            "plain file",
        ),
    ],
)
def test_a_run_that_ends_strangely_is_no_measurement(
    hook: str, complaint: str, tmp_path: Path
) -> None:
    failing = TEST.replace("== 4", "== 5")
    found = collect(
        tmp_path,
        {**SERVICE, "backend/tests/test_main.py": failing, "backend/tests/conftest.py": hook},
    )
    assert found.status is EvidenceStatus.FAILED, found
    assert found.metrics == {}
    assert re.search(complaint, found.tool_errors[0]), found.tool_errors
    assert "root:" not in repr(found)


def test_a_report_that_lay_ready_is_not_read(tmp_path: Path) -> None:
    report = (
        '<testsuites><testsuite><testcase classname="tests.test_main" name="test_double"/>'
        "</testsuite></testsuites>"
    )
    files = {f"backend/{name}": report for name in ("junit.xml", ".reports/junit.xml")}
    hook = {"backend/tests/conftest.py": "import os\nos._exit(0)\n"}
    found = collect(tmp_path, {**SERVICE, **files, **hook})
    assert found.status is EvidenceStatus.FAILED
