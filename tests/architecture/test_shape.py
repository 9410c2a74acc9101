"""The measures of ARCHITECTURE.md, kept by looking at the source itself."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "maestro"
BANNED = re.compile(
    r"(?:^|_)(util|utils|helper|helpers|common|misc|base|manager|v\d+|new|old|legacy|enhanced|"
    r"improved|robust|dual|smart|advanced|unified)(?:_|$)"
)
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if "templates" not in path.relative_to(SOURCE).parts
)


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _classes(path: Path) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(_parse(path)) if isinstance(node, ast.ClassDef))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_sizes(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{lines} lines"
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{node.name} has {length} lines"
        if isinstance(node, ast.ClassDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 250, f"{node.name} has {length} lines"
            public = [
                item
                for item in node.body
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
                and not item.name.startswith("_")
            ]
            assert len(public) <= 20, f"{node.name} has {len(public)} public methods"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert not BANNED.search(path.stem), path.stem
    for node in _classes(path):
        assert not BANNED.search(_snake(node.name)), node.name


def test_public_class_names_have_one_home() -> None:
    homes: dict[str, list[str]] = {}
    for path in MODULES:
        for node in _parse(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(_name(path))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_every_package_is_reachable_from_a_door() -> None:
    imports: dict[str, set[str]] = {}
    for path in MODULES:
        top = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(_parse(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("maestro."):
                imports.setdefault(top, set()).add((node.module or "").split(".")[1])
    reached, waiting = set[str](), ["cli"]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting.extend(imports.get(current, ()))
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert packages - reached == set()


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_python_trees_are_built_in_one_place_only(path: Path) -> None:
    """CPython 3.11 breaks where two threads build them at once; that place lets one at a time."""
    calls = [
        ast.unparse(node.func) for node in ast.walk(_parse(path)) if isinstance(node, ast.Call)
    ]
    assert "ast.parse" not in calls or _name(path) == "domain/syntax.py"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_blind_excepts_stand_at_boundaries_only(path: Path) -> None:
    process = "quality/evidence/running/migration_session.py"  # the end of a child of its own
    allowed = {"cli/main.py", "workflow/attempt.py", "server/problems.py", process}
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.ExceptHandler) and _name(path) not in allowed:
            caught = ast.unparse(node.type) if node.type else "everything"
            reraises = any(isinstance(item, ast.Raise) for item in ast.walk(node))
            assert caught not in {"Exception", "everything"}, f"line {node.lineno}"
            assert caught != "BaseException" or reraises, f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_evaluates_text(path: Path) -> None:
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}, f"line {node.lineno}"


def test_importing_has_no_effect(tmp_path: Path) -> None:
    heavy = ["fastapi", "sqlalchemy", "pydantic", "spacy", "rich", "cyclopts"]
    code = f"import sys, maestro; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == "[]\n"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--help"], ["fastapi", "sqlalchemy", "spacy", "schemathesis", "cel_expr_python"]),
        (["runs", "list"], ["fastapi", "spacy", "schemathesis", "uvicorn", "inflect"]),
    ],
)
def test_quick_commands_load_nothing_heavy(
    arguments: list[str], forbidden: list[str], tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from maestro.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\nfinally:\n"
        f"    print('LOADED', [m for m in {forbidden!r} if m in sys.modules])\n"
    )
    environment = {**os.environ, "MAESTRO_DB": str(tmp_path / "m.db")}
    if arguments != ["--help"]:  # the first use makes the file, which may load what others must not
        subprocess.run(
            [sys.executable, "-m", "maestro", *arguments],
            env=environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "LOADED []" in done.stdout, done.stdout
