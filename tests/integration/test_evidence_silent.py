"""Tools that say nothing, or that are told to: none of it may come out as clean.

Every row of the catalogue of silent passes that is about a tool over files.
"""

import asyncio
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from advisories import KNOWN, advisory_service

from maestro.agents.sandboxes.provider import open_provider
from maestro.domain.quality import Evidence, EvidenceStatus
from maestro.domain.values import JsonObject
from maestro.ports import CommandResult, EvidenceCollector, EvidenceSubject, Reach, SandboxStrength
from maestro.quality.evidence import collectors, type_cache
from maestro.quality.evidence.audit import AuditCollector
from maestro.quality.evidence.programs import Program, ProgramCollector, is_python, module
from maestro.settings import Settings

PROVIDER = open_provider(Settings.load({}))
"""One for all, so that it is tried out once."""
CODE = '"""Prices."""\n\n\ndef double(amount: float) -> float:\n    return amount * 2\n'
PROJECT = {
    "backend/app/__init__.py": "",
    "backend/app/prices.py": CODE,
    "backend/tests/test_prices.py": "from app.prices import double\n\n\n"
    "def test_double() -> None:\n    assert double(2) == 4\n",
    "backend/requirements.txt": "packaging>=20\n",
}
RANDOM = "q9Zr4Lm2" + "Xw8Kt5Vb"
SHELL = "import subprocess\n\n\ndef go(x: str) -> int:\n    return subprocess.call(x, shell=True)"


def write(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def collect(
    collector: str | EvidenceCollector,
    root: Path,
    files: Mapping[str, str],
    facts: JsonObject | None = None,
) -> Evidence:
    write(root, files)
    chosen = collectors()[collector] if isinstance(collector, str) else collector

    async def run() -> Evidence:
        async with PROVIDER.open(root) as sandbox:
            return await chosen.collect(EvidenceSubject(sandbox=sandbox, facts=facts or {}))

    return asyncio.run(run())


def unmeasured(found: Evidence, status: EvidenceStatus, why: str) -> None:
    assert found.status is status, found
    assert found.metrics == {}
    assert why in " ".join((*found.detail, *found.tool_errors))


# --- a tool that breaks in silence --------------------------------------------------------------


@dataclass(frozen=True)
class ScriptedSandbox:
    """Every program in it prints the same and ends with status 0."""

    root: Path
    stdout: str
    timed_out: bool = False

    @property
    def strength(self) -> SandboxStrength:
        return SandboxStrength(mechanism="none", level="L0", capabilities=(), missing=())

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        reach: Reach = Reach(),
    ) -> CommandResult:
        return CommandResult(
            argv=tuple(argv),
            exit_code=0,
            stdout=self.stdout,
            stderr="",
            duration_seconds=0.1,
            timed_out=self.timed_out,
        )


def scripted(name: str, root: Path, stdout: str, *, timed_out: bool = False) -> Evidence:
    write(root, PROJECT)
    sandbox: Any = ScriptedSandbox(root, stdout, timed_out)
    with advisory_service() as service:
        known = {**collectors(), "audit": AuditCollector(service=service)}
        return asyncio.run(known[name].collect(EvidenceSubject(sandbox=sandbox)))


TOOLS = ("lint", "types", "complexity", "bandit", "secrets", "audit", "mutation", "suites")


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize("stdout", ["", "{}", "No known vulnerabilities found", '{"results": {}}'])
def test_a_tool_that_ends_well_and_reports_nothing_has_not_measured(
    name: str, stdout: str, tmp_path: Path
) -> None:
    found = scripted(name, tmp_path, stdout)
    assert found.status is EvidenceStatus.FAILED, found
    assert found.metrics == {}


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_that_does_not_end_has_not_measured(name: str, tmp_path: Path) -> None:
    found = scripted(name, tmp_path, "[]", timed_out=True)
    assert found.status is EvidenceStatus.FAILED, found


def test_a_tool_that_is_not_installed_says_how_to_get_it(tmp_path: Path) -> None:
    async def examine(_: object) -> Mapping[str, int]:
        raise AssertionError("it cannot be run")

    absent = ProgramCollector("lint", (Program("no-such-tool", "pip install it"),), is_python,
                              examine)  # fmt: skip
    unmeasured(collect(absent, tmp_path, PROJECT), EvidenceStatus.UNAVAILABLE, "pip install it")


@pytest.mark.parametrize(
    "name",
    ["types", "complexity", "bandit", "audit", "sbom", "mutation", "suites", "guard", "secrets"],
)
def test_a_tree_without_anything_to_look_at_is_not_measured(name: str, tmp_path: Path) -> None:
    files = {} if name == "secrets" else {"notes.md": "# Notes\n"}
    found = collect(name, tmp_path, files)
    assert found.status is EvidenceStatus.UNAVAILABLE, found
    assert found.metrics == {}


@pytest.mark.parametrize("name", ["lint", "types", "complexity", "bandit", "secrets", "sbom"])
def test_a_link_is_refused_and_not_passed_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("x = 1\n", encoding="utf-8")
    root = tmp_path / "root"
    write(root, PROJECT)
    (root / "backend/app/more.py").symlink_to(tmp_path / "outside.py")
    unmeasured(collect(name, root, {}), EvidenceStatus.FAILED, "more.py is a link")


@pytest.mark.parametrize("name", ["types", "complexity", "bandit"])
def test_a_file_that_does_not_parse_is_an_error_and_not_clean(name: str, tmp_path: Path) -> None:
    found = collect(name, tmp_path, {**PROJECT, "backend/app/more.py": "def f(:\n"})
    unmeasured(found, EvidenceStatus.FAILED, "more.py")


def test_tests_that_fail_without_a_mutant_give_no_mutation_score(tmp_path: Path) -> None:
    """Also where results lie ready that claim another thing."""
    claim = '{"exit_code_by_key": {"app.prices.x_double__mutmut_1": 1}}'
    failing = {
        "backend/tests/test_prices.py": "def test_a() -> None:\n    assert 1 == 2\n",
        "backend/app/prices.py.meta": claim,
        "backend/claims.meta": claim,
        "backend/mutants/app/prices.py.meta": claim,
    }
    found = collect("mutation", tmp_path, {**PROJECT, **failing})
    assert found.status is EvidenceStatus.FAILED, found
    assert found.metrics == {}


# --- what the tree says to the tools ------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        {"backend/mypy.ini": "[mypy]\nignore_errors = True\n"},
        {"pyproject.toml": "[tool.mypy]\nexclude = ['backend']\n"},
        {"backend/setup.cfg": "[mypy]\nignore_errors = True\n"},
        {"backend/app/prices.py": "x: int = 'a'  # type: ignore\n"},
        {"backend/app/prices.py": "# mypy: ignore-errors\nx: int = 'a'\n"},
        {"backend/app/prices.py": "# type: ignore\nx: int = 'a'\n"},
    ],
)
def test_no_configuration_and_no_comment_hides_a_type_error(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    found = collect("types", tmp_path, {"backend/app/prices.py": "x: int = 'a'\n", **files})
    assert found.metrics == {"types.errors": 1}, found
    assert found.detail[0].startswith("backend/app/prices.py:")


@pytest.mark.parametrize(
    "files",
    [
        {".bandit": "[bandit]\nskips = B602\nexclude = backend\n"},
        {"backend/app/.bandit": "[bandit]\nskips = B602\n"},
        {"pyproject.toml": '[tool.bandit]\nskips = ["B602"]\n'},
        {"backend/app/prices.py": f"{SHELL}  # nosec\n"},
    ],
)
def test_no_configuration_and_no_comment_hides_a_weakness(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    found = collect("bandit", tmp_path, {"backend/app/prices.py": SHELL + "\n", **files})
    assert found.metrics == {"bandit.high": 1, "bandit.medium": 0}, found
    assert found.files_examined == 1


def _branching(comment: str = "", inside: str = "") -> str:
    lines = [f"def f(a: int) -> int:{comment}", *([f"    {inside}"] if inside else [])]
    for number in range(9):
        lines += [f"    if a == {number}:", f"        return {number}"]
    return "\n".join([*lines, "    return a", ""])


@pytest.mark.parametrize(
    "files",
    [
        {"whitelizard.txt": "f\n"},
        {"backend/app/prices.py": _branching(inside="# #lizard forgives")},
        {"backend/app/prices.py": _branching(comment="  # complexipy: ignore")},
        {"backend/app/prices.py": _branching(comment="  # noqa: complexipy")},
        {"complexipy.toml": 'exclude = ["backend"]\nmax-complexity-allowed = 99\n'},
        {"pyproject.toml": '[tool.complexipy]\nexclude = ["**"]\n'},
    ],
)
def test_no_configuration_and_no_comment_hides_a_hard_function(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    found = collect("complexity", tmp_path, {"backend/app/prices.py": _branching(), **files})
    assert found.metrics == {"complexity.cognitive_max": 9, "complexity.cyclomatic_max": 10}
    assert not list(tmp_path.rglob(".complexipy_cache"))


@pytest.mark.parametrize(
    "files",
    [
        {"backend/app/keys.py": f'SECRET_KEY = "{RANDOM}"  # pragma: allowlist secret\n'},
        {"backend/keys.lock": f"sk_live_{RANDOM}{RANDOM}\n"},
        {"backend/app/keys.py": f'KEY = "sk_live_{RANDOM}{RANDOM}"  # pragma: allowlist secret\n'},
    ],
)
def test_no_comment_and_no_file_name_hides_a_secret(
    files: Mapping[str, str], tmp_path: Path
) -> None:
    found = collect("secrets", tmp_path, files)
    assert found.metrics == {"secrets.found": 1}, found
    assert RANDOM not in repr(found)


def test_a_token_only_the_program_knows_is_found(tmp_path: Path) -> None:
    token = f"SG.{'a' * 22}.{'b' * 43}"
    found = collect("secrets", tmp_path, {"a.py": "x = 1\n", "b.txt": token})
    assert found.metrics == {"secrets.found": 1}, found
    assert token not in repr(found)


def test_what_is_known_of_libraries_is_lent_and_never_written_by_a_run(tmp_path: Path) -> None:
    options = ("--config-file=", "--strict")
    kept, program = tmp_path / "kept", "import json\n\nx: int = json.loads('1')\n"

    def state() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in kept.rglob("*") if p.is_file()}

    assert asyncio.run(type_cache.lend(tmp_path / "one", options, kept))
    before = state()
    write(tmp_path / "one", {"program.py": program})
    argv = (*module("mypy"), *options, "-v", "--cache-dir=.", "program.py")
    found = subprocess.run(argv, cwd=tmp_path / "one", capture_output=True, text=True, check=False)
    assert found.returncode == 0, found
    assert re.search(r"Metadata fresh for json\b|Parsing .*program\.py", found.stderr)
    assert not re.search(r"Parsing .*json/__init__\.pyi", found.stderr)
    assert asyncio.run(type_cache.lend(tmp_path / "two", options, kept))
    assert state() == before
    assert not list((tmp_path / "two").rglob("program.py"))


def test_types_are_checked_with_what_is_known_and_leave_it_as_it_was(tmp_path: Path) -> None:
    def state() -> dict[str, int]:
        files = [p for p in type_cache.default_folder().rglob("*") if p.is_file()]
        return {str(p): p.stat().st_mtime_ns for p in files if p.name != "making"}

    using = {"backend/app/prices.py": "import fastapi\n\nx: int = fastapi.__version__\n"}
    first = collect("types", tmp_path, using)
    before = state()
    assert before
    again = collect("types", tmp_path, using)
    assert again.metrics == first.metrics == {"types.errors": 1}, again
    assert state() == before


def test_bytes_that_are_no_text_hide_no_token(tmp_path: Path) -> None:
    token = f"SG.{'a' * 22}.{'b' * 43}"
    (tmp_path / "notes.txt").write_bytes(b"\xff\n" + token.encode() + b"\n")
    found = collect("secrets", tmp_path, {"b.ini": f"[mail]\nkey:\n  {token}\n"})
    assert found.metrics == {"secrets.found": 2}, found
    assert [line.partition(":")[0] for line in found.detail] == ["b.ini", "notes.txt"]


# --- dependencies -------------------------------------------------------------------------------


def audited(root: Path, requirements: str, known: Mapping[tuple[str, str], str] = KNOWN,
            status: int = 200) -> Evidence:  # fmt: skip
    with advisory_service(known, status=status) as service:
        files = {"requirements.txt": requirements}
        return collect(AuditCollector(service=service), root, files)


def test_a_service_without_data_says_nothing_about_anybody(tmp_path: Path) -> None:
    """It answers every question as if there were no vulnerability in the world."""
    found = audited(tmp_path, "packaging>=20\n", known={})
    unmeasured(found, EvidenceStatus.UNAVAILABLE, "knows no vulnerability of pyyaml 5.3")


def test_a_service_that_refuses_or_is_not_there_leaves_it_unmeasured(tmp_path: Path) -> None:
    found = audited(tmp_path, "packaging>=20\n", status=500)
    unmeasured(found, EvidenceStatus.UNAVAILABLE, "does not answer")
    nowhere = AuditCollector(service="http://127.0.0.1:9/v1/query")
    found = collect(nowhere, tmp_path, {})
    unmeasured(found, EvidenceStatus.UNAVAILABLE, "does not answer")


def test_where_the_service_does_not_answer_nothing_is_started_to_ask_it(tmp_path: Path) -> None:
    class IdleSandbox(ScriptedSandbox):
        async def run(self, *_: object, **__: object) -> CommandResult:
            raise AssertionError("there is nobody to ask")

    write(tmp_path, PROJECT)
    sandbox: Any = IdleSandbox(tmp_path, "")
    nowhere = AuditCollector(service="http://127.0.0.1:9/v1/query")
    found = asyncio.run(nowhere.collect(EvidenceSubject(sandbox=sandbox)))
    unmeasured(found, EvidenceStatus.UNAVAILABLE, "does not answer")


def test_what_cannot_be_found_counts_as_not_audited(tmp_path: Path) -> None:
    found = audited(tmp_path, "no-such-package>=1\nmarkupsafe==1.0\n")
    assert found.metrics == {
        "dependencies.total": 2,
        "dependencies.audited_ratio": 0.5,
        "dependencies.vulnerable": 1,
    }
    assert found.detail[0].startswith("markupsafe 1.0: TEST-2026-0001")
    assert "no-such-package (no version known) was not audited" in found.detail


@pytest.mark.parametrize("name", ["audit", "sbom"])
def test_a_file_of_requirements_that_cannot_be_read_is_an_error(name: str, tmp_path: Path) -> None:
    found = collect(name, tmp_path, {"requirements.txt": "what is this?\n"})
    unmeasured(found, EvidenceStatus.FAILED, "is no requirement")
