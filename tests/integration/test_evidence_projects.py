"""Whole projects through collectors and policy: the sound one passes, each planted fault blocks
for its own reason.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from maestro.agents.sandboxes.provider import open_provider
from maestro.domain.contract import (
    CheckResult,
    Contract,
    ContractKind,
    Deliverable,
    Finding,
    SpecificationFormat,
    Verification,
)
from maestro.domain.encoding import encode
from maestro.domain.entities import DomainModel
from maestro.domain.quality import GateCircumstances, GateSeverity, PhaseVerdict, Verdict
from maestro.domain.requirement import Analysis, Complexity, Parallelizability, RequirementType
from maestro.domain.values import ContractId
from maestro.ports import EvidenceSubject
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.evidence import collectors, needed
from maestro.quality.policy import load_policy
from maestro.settings import Settings

APP = '''"""Orders."""

from typing import Protocol


class Database(Protocol):
    def execute(self, statement: str, values: dict[str, int]) -> object: ...


def total(prices: list[float], discount: float = 0) -> float:
    """What the customer pays; never less than nothing."""
    return max(0, sum(prices) - discount)


def find(db: Database, key: int) -> object:
    """The order with that key."""
    return db.execute("SELECT * FROM orders WHERE id = :key", {"key": key})
'''
TESTS = """from app.main import find, total


class Database:
    def execute(self, statement, values):
        return statement, values


def test_total():
    assert total([1, 2], discount=1) == 2


def test_total_is_never_negative():
    assert total([1], discount=5) == 0


def test_find():
    assert find(Database(), 7)[1] == {"key": 7}
"""
SOUND = {
    "backend/app/__init__.py": "",
    "backend/app/main.py": APP,
    "backend/tests/__init__.py": "",
    "backend/tests/test_main.py": TESTS,
    "backend/requirements.txt": "packaging>=20\n",
    "security/checklist.json": json.dumps([{"id": "a", "statement": "s", "passed": True}]),
}
API = Contract(
    id=ContractId("backend-api"),
    name="API",
    kind=ContractKind.REST,
    version="1.0.0",
    provider="backend_developer",
    component="backend",
    consumers=("qa_engineer",),
    format=SpecificationFormat.OPENAPI,
    specification={"paths": {"/orders": {"get": {"responses": {"200": {}}}}}},
    deliverables=(Deliverable(name="service", description="s", paths=("backend/**",)),),
    acceptance=(),
    digest="sha256:x",
)
KEPT = Verification(
    contract="backend-api",
    target="backend",
    operations_total=1,
    operations_tested=1,
    checks=(CheckResult(id="c", statement="c", passed=True),),
    findings=(),
    requests=4,
    duration_seconds=1.0,
)


SMALL = Analysis(
    type=RequirementType.FEATURE_DEVELOPMENT,
    complexity=Complexity.SIMPLE,
    parallelizability=Parallelizability.FULLY_PARALLEL,
    expertise=(),
    effort_hours=1.0,
    risks=(),
    dependencies=(),
    rationale="",
    confidence=0.9,
    domain=DomainModel(title="T", entities=()),
    parts=(),
)


def facts(verification: Verification | None = KEPT) -> dict[str, Any]:
    check = CheckResult(id="suite", statement="s", passed=True)
    return {
        "contracts": encode((API,)),
        "verifications": {} if verification is None else {"backend-api": encode(verification)},
        "rechecks": {"qa_engineer": {"persona": "qa_engineer", "checks": [encode(check)]}},
        "analysis": encode(SMALL),
        "allow_partial": False,
        "browser": False,
        "test_fingerprints": {},
    }


def judge(
    root: Path, phase: str, files: Mapping[str, str | None], record: dict[str, Any] | None = None
) -> PhaseVerdict:
    """Collects what the phase needs in this host's sandbox, and judges it."""
    for path, text in {**SOUND, **files}.items():
        if text is not None:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    async def run() -> PhaseVerdict:
        policy, known = load_policy(), collectors()
        settings = Settings(database=root / "unused.db", data_folder=root / "unused")
        async with open_provider(settings).open(root) as sandbox:
            subject = EvidenceSubject(sandbox=sandbox, facts=record or facts())
            evidence = [await known[name].collect(subject) for name in needed(policy, phase)]
        nobody = GateCircumstances(personas=frozenset())  # whose artefacts would be due
        return evaluate_phase(policy, phase, evidence, nobody)

    return asyncio.run(run())


def refused(verdict: PhaseVerdict) -> set[str]:
    """The gates that keep the phase from closing."""
    bad = (Verdict.FAIL, Verdict.NOT_MEASURED)
    return {
        result.gate
        for result in verdict.results
        if result.verdict is Verdict.ERROR
        or (result.severity is GateSeverity.BLOCKING and result.verdict in bad)
    }


@pytest.mark.parametrize("phase", ["backend_implementation", "testing", "security"])
def test_a_sound_project_passes(phase: str, tmp_path: Path) -> None:
    verdict = judge(tmp_path, phase, {})
    assert verdict.passed, verdict.reasons
    blocking = {r.verdict for r in verdict.results if r.severity is GateSeverity.BLOCKING}
    assert blocking <= {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert Verdict.PASS in blocking


def test_an_empty_delivery_blocks(tmp_path: Path) -> None:
    nothing = dict.fromkeys(SOUND)
    for phase in ("backend_implementation", "testing", "security", "documentation"):
        verdict = judge(tmp_path, phase, nothing, facts(None))
        assert not verdict.passed
        assert Verdict.PASS not in {
            r.verdict for r in verdict.results if r.gate not in ("BAC-0", "BAC-3", "TST-6")
        }, verdict.results


EMPTY_BODIES = """def total(prices: list[float]) -> None:
    pass


def find(db: object, key: int) -> None:
    pass
"""
TOOTHLESS = TESTS.split("def test_total")[0] + (
    "def test_all():\n    total([1])\n    find(Database(), 2)\n"
)
PASSWORD = "q9Zr4Lm2" + "Xw8Kt5Vb"

FAULTS: dict[str, tuple[str, dict[str, str | None], set[str]]] = {
    "bodies of pass": (
        "backend_implementation",
        {"backend/app/main.py": EMPTY_BODIES, "backend/tests/test_main.py": TOOTHLESS},
        {"BAC-4"},
    ),
    "tests that assert nothing": ("testing", {"backend/tests/test_main.py": TOOTHLESS}, {"TST-5"}),
    "empty files": ("backend_implementation", {"backend/app/more.py": ""}, {"BAC-4"}),
    "only empty files": (
        "backend_implementation",
        dict.fromkeys(SOUND, ""),
        {"BAC-4", "BAC-6"},
    ),
    "a failing test": (
        "testing",
        {"backend/tests/test_main.py": TESTS.replace("== 2", "== 3")},
        {"TST-1"},
    ),
    "a failing test of the builder": (
        "backend_implementation",
        {"backend/tests/test_main.py": TESTS.replace("== 2", "== 3")},
        {"BAC-6"},
    ),
    "no tests": (
        "testing",
        {"backend/tests/test_main.py": None},
        {"TST-1", "TST-2", "TST-3", "TST-4"},
    ),
    "a skipped test": (
        "testing",
        {
            "backend/tests/test_more.py": "import pytest\n\n\n@pytest.mark.skip\n"
            "def test_more():\n    assert pytest\n"
        },
        {"TST-2", "TST-8"},
    ),
    "a hole in the coverage": ("testing", {"backend/app/more.py": APP * 3}, {"TST-4"}),
    "a secret": (
        "security",
        {"backend/app/settings.py": f'API_KEY = "{PASSWORD}"\n'},
        {"SEC-1"},
    ),
    "a secret of the builder": (
        "backend_implementation",
        {"backend/app/settings.py": f'API_KEY = "{PASSWORD}"\n'},
        {"BAC-7"},
    ),
    "SQL put together from values": (
        "security",
        {
            "backend/app/main.py": APP.replace(
                '"SELECT * FROM orders WHERE id = :key", {"key": key}',
                'f"SELECT * FROM orders WHERE id = {key}"',
            )
        },
        {"SEC-2"},
    ),
    "a syntax error": (
        "security",
        {"backend/app/more.py": "def f(:\n"},
        {"SEC-2", "SEC-4"},
    ),
    "an unused import": (
        "backend_implementation",
        {"backend/app/main.py": "import os\n" + APP},
        {"BAC-5"},
    ),
    "a checklist with a failed item": (
        "security",
        {"security/checklist.json": json.dumps([{"id": "a", "statement": "s", "passed": False}])},
        {"SEC-3"},
    ),
    "an empty checklist": ("security", {"security/checklist.json": "[]"}, {"SEC-3"}),
    "no checklist": ("security", {"security/checklist.json": None}, {"SEC-3"}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_blocks_for_its_own_reason(name: str, tmp_path: Path) -> None:
    phase, files, gates = FAULTS[name]
    verdict = judge(tmp_path, phase, files)
    assert not verdict.passed
    assert gates <= refused(verdict), verdict.reasons
    if len(gates) == 1:
        assert refused(verdict) == gates, verdict.reasons


@pytest.mark.parametrize(
    ("verification", "gates"),
    [
        (None, {"BAC-1", "BAC-2"}),
        (Verification(**{**encode(KEPT), "checks": (), "findings": ()}), {"BAC-1"}),
        (
            Verification(
                **{
                    **encode(KEPT),
                    "checks": KEPT.checks,
                    "findings": (Finding(rule="status", message="500 instead of 201"),),
                }
            ),
            {"BAC-1", "BAC-3"},
        ),
        (
            Verification(
                **{
                    **encode(KEPT),
                    "checks": KEPT.checks,
                    "findings": (),
                    "operations_total": 3,
                }
            ),
            {"BAC-1", "BAC-2"},
        ),
    ],
)
def test_a_service_that_does_not_keep_its_contract_blocks(
    verification: Verification | None, gates: set[str], tmp_path: Path
) -> None:
    verdict = judge(tmp_path, "backend_implementation", {}, facts(verification))
    assert refused(verdict) == gates, verdict.reasons
