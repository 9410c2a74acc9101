"""Lying among the tests makes nothing a test that the application loads."""

from collections.abc import Mapping

import pytest

from maestro.quality.evidence.reached import reached

TESTS = {
    "backend/tests/__init__.py": "",
    "backend/tests/hidden.py": "from tests.deeper import run\n",
    "backend/tests/deeper.py": "def run():\n    return 1\n",
    "backend/tests/test_main.py": "from tests.alone import X\n",
    "backend/tests/alone.py": "X = 1\n",
    "frontend/tests/hidden.mjs": "import './deeper.mjs';\n",
    "frontend/tests/deeper.mjs": "export const x = 1;\n",
    "frontend/tests/alone.mjs": "export const x = 1;\n",
}


def found(files: Mapping[str, str]) -> set[str]:
    return {path.partition("tests/")[2] for path in reached({**TESTS, **files}, TESTS.keys())}


@pytest.mark.parametrize(
    "text",
    [
        "from tests.hidden import run\n",
        "import tests.hidden as own\n",
        "from tests import hidden\n",
        "from ..tests import hidden\n",
        "from ..tests.hidden import *\n",
        "from backend.tests import hidden\n",
        "import sys\nsys.path.append('tests')\nimport hidden\n",
        "from importlib import import_module\nown = import_module('tests.hidden')\n",
        "import runpy\nrunpy.run_path('tests/hidden.py')\n",
        "def late():\n    from tests.hidden import run\n    return run()\n",
    ],
)
def test_what_the_application_imports_is_reached_with_what_that_imports(text: str) -> None:
    assert found({"backend/app/main.py": text}) >= {"hidden.py", "deeper.py"}
    assert not {"alone.py", "test_main.py"} & found({"backend/app/main.py": text})


@pytest.mark.parametrize(
    "text",
    [
        "from app.hidden import run\n",
        "import json\n",
        "HIDDEN = 'tests'\n",
        "def f(:\n    from tests import hidden\n",
    ],
)
def test_what_only_sounds_alike_is_not(text: str) -> None:
    own = {"backend/app/hidden.py": "def run(): ...\n"}
    assert found({"backend/app/main.py": text, **own}) == set()


def test_scripts_and_pages_reach_scripts() -> None:
    script = {"frontend/js/main.js": "import { x } from '../tests/hidden.mjs';\n"}
    page = {"frontend/index.html": '<script type="module" src="/tests/hidden.mjs"></script>'}
    assert found(script) == found(page) == {"hidden.mjs", "deeper.mjs"}
    assert found({"frontend/js/main.js": "import { x } from './hidden.mjs';\n"}) == set()
    assert found({"frontend/README.md": "Run `node --test 'tests/hidden.mjs'`\n"}) == set()
