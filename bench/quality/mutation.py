"""Faults planted into the verdicts, the policy loader and the conditions: do the tests notice?

Works on a copy, prints every planted fault that no test noticed, writes
bench/results/mutation.json, and ends with status 1 below the demanded share.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results" / "mutation.json"
DEMANDED = 0.90
MODULES = {
    "verdict algebra": ("quality/verdicts.py", "quality/evaluate.py", "quality/ledger.py"),
    "policy loader": (
        "quality/policy.py",
        "quality/gates.py",
        "quality/conditions.py",
        "quality/corners.py",
        "quality/strict_yaml.py",
        "quality/tightness.py",
        "quality/waivers.py",
    ),
    "expression": ("domain/expression.py",),
}
TESTS = (
    "tests/unit/domain/test_expression.py",
    "tests/unit/quality/test_verdicts.py",
    "tests/unit/quality/test_corners.py",
    "tests/unit/quality/test_evaluate.py",
    "tests/unit/quality/test_tightness.py",
    "tests/unit/quality/test_waivers.py",
    "tests/unit/quality/test_strict_yaml.py",
    "tests/unit/quality/test_policy.py",
)
# Random and bulky ones find the same faults, and take most of the time.
LEFT_OUT = (
    "not spoilt and not whatever and not any_text and not hostile and not at_the_root "
    "and not enough_was_judged and not outvote_a_refusal and not lets_nothing_new"
)
NOTICED = frozenset({1, 3, 24, -24, 36, 152, 255})
"""What mutmut keeps for a fault that made a test fail, break or run far too long."""
CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {only}
also_copy = ["tests"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:randomly", "-k", {left_out}]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
use_git_change_detection = false

[tool.pytest.ini_options]
addopts = "--import-mode=importlib"
timeout = 60
"""


def main() -> None:
    options = _options()
    wanted = {name: MODULES[name] for name in options.part or MODULES}
    with tempfile.TemporaryDirectory(prefix="maestro-mutation-") as folder:
        place = Path(folder)
        _lay_out(place, [module for modules in wanted.values() for module in modules])
        _run(place, options.children, options.only)
        outcomes = {name: _outcomes(place, modules) for name, modules in wanted.items()}
    total = 0
    noticed = 0
    document: dict[str, object] = {"demanded": DEMANDED}
    for name, found in outcomes.items():
        counts = Counter(status in NOTICED for status in found.values())
        survivors = sorted(key for key, status in found.items() if status not in NOTICED)
        total += len(found)
        noticed += counts[True]
        document[name] = {"mutants": len(found), "noticed": counts[True], "survivors": survivors}
        _say(f"{name}: {counts[True]} of {len(found)} noticed")
        for survivor in survivors:
            _say(f"  not noticed ({found[survivor]}): {survivor}")
    share = noticed / total if total else 0.0
    document["share"] = share
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    _say(f"together: {noticed} of {total} noticed, {100 * share:.1f} %")
    sys.exit(0 if share >= DEMANDED else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=MODULES)
    parser.add_argument("--only", default="*", help="names of faults, e.g. *7 for every tenth")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


def _lay_out(place: Path, modules: Sequence[str]) -> None:
    skipped = shutil.ignore_patterns("__pycache__", "templates", "wordnet")
    shutil.copytree(ROOT / "src" / "maestro", place / "src" / "maestro", ignore=skipped)
    shutil.copytree(ROOT / "tests" / "fixtures" / "policies", place / "tests/fixtures/policies")
    for test in TESTS:
        if (ROOT / test).is_file():
            (place / test).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / test, place / test)
    tests = [test for test in TESTS if (place / test).is_file()]
    configuration = CONFIGURATION.format(
        only=json.dumps([f"src/maestro/{module}" for module in modules]),
        left_out=json.dumps(LEFT_OUT),
        tests=json.dumps(tests),
    )
    (place / "pyproject.toml").write_text(configuration, encoding="utf-8")


def _run(place: Path, children: int, only: str) -> None:
    argv = (sys.executable, "-m", "mutmut", "run", "--max-children", str(children), only)
    environment = {**os.environ, "PYTHONPATH": "src"}
    subprocess.run(argv, cwd=place, env=environment, check=True)


def _outcomes(place: Path, modules: Sequence[str]) -> Mapping[str, int]:
    found: dict[str, int | None] = {}
    for module in modules:
        meta = place / "mutants" / "src" / "maestro" / f"{module}.meta"
        found.update(json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"])
    return {name: status for name, status in found.items() if status is not None}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
