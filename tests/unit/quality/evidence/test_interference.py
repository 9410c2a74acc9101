"""What a service could put in the place of the tools that measure its tests."""

import pytest

from maestro.quality.evidence.interference import interference
from maestro.quality.evidence.tooling import SourceFile


def problem(path: str, text: str = "") -> str:
    return interference("backend", [SourceFile("backend/app/main.py", ""), SourceFile(path, text)])


@pytest.mark.parametrize(
    "path",
    [
        "backend/coverage.py",
        "backend/pytest.py",
        "backend/pytest/__init__.py",
        "backend/src/_pytest/main.py",
        "backend/tests/pluggy.py",
        "backend/mutmut/__main__.py",
    ],
)
def test_modules_called_like_a_tool_are_named(path: str) -> None:
    assert problem(path).startswith(f"{path} could stand in for ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def pytest_collection_modifyitems(items):\n    items.clear()\n", "pytest_collection"),
        ("class P:\n    def pytest_runtest_makereport(self): ...\n", "pytest_runtest_makereport"),
        ("pytest_plugins = ['app.hooks']\n", "pytest_plugins"),
        ("pytest_sessionfinish = lambda session: None\n", "pytest_sessionfinish"),
        ("from app.x import y as pytest_configure\n", "pytest_configure"),
        ("from app.x import pytest_configure\n", "pytest_configure"),
        ("from _pytest import junitxml\n", "imports _pytest"),
        ("def test_a():\n    import coverage\n    assert coverage\n", "imports coverage"),
        ("import pluggy._hooks\n", "imports pluggy"),
    ],
)
@pytest.mark.parametrize("path", ["backend/tests/conftest.py", "backend/app/hooks.py"])
def test_hooks_and_the_inner_parts_of_the_tools_are_named(path: str, text: str, name: str) -> None:
    assert problem(path, text).startswith(f"{path}:")
    assert name in problem(path, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("backend/app/coverage.py", "covered = 1\n"),
        ("coverage.py", "import coverage\n"),
        ("backend/tests/conftest.py", "import pytest\n\n@pytest.fixture\ndef a():\n    return 1\n"),
        ("backend/tests/test_a.py", "def test_pytest_is_named():\n    assert 'pytest_x'\n"),
        ("backend/tests/test_a.py", "def test_(:\n"),
    ],
)
def test_honest_tests_are_left_alone(path: str, text: str) -> None:
    assert problem(path, text) == ""
