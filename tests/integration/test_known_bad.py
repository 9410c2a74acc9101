"""Small projects that each violate one gate, and their repaired twins.

A folder of tests/fixtures/known_bad is named after the metric that its bad twin violates; what
follows a `-` only tells two of them apart. Those for which something is started are named after
their collector and walked in test_evidence_running.py.
"""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from advisories import advisory_service

from maestro.agents.sandboxes.provider import open_provider
from maestro.domain.quality import (
    Evidence,
    Gate,
    GateSeverity,
    PhaseVerdict,
    Verdict,
)
from maestro.domain.values import JsonValue
from maestro.ports import EvidenceSubject
from maestro.quality.evaluate import evaluate_phase
from maestro.quality.evidence import collectors
from maestro.quality.evidence.audit import AuditCollector
from maestro.quality.evidence.guard import fingerprints
from maestro.quality.evidence.tooling import read_files
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policy
from maestro.settings import Settings

FOLDER = Path(__file__).parents[1] / "fixtures" / "known_bad"
PROVIDER = open_provider(Settings.load({}))
"""One for all, so that it is tried out once."""
CASES = sorted(path.name for path in FOLDER.iterdir() if "." in path.name)


def metric_of(case: str) -> str:
    return case.partition("-")[0]


def collect(project: Path, folder: Path) -> Evidence:
    """What the metric's producer says of a copy of the project."""
    producer = built_in_metrics().metrics[metric_of(project.parent.name)].producer
    tree = folder / project.name
    shutil.copytree(project, tree)
    before = project.parent / "before"
    facts: Mapping[str, JsonValue] = (
        {"test_fingerprints": fingerprints(read_files(before))} if before.is_dir() else {}
    )

    async def run(service: str) -> Evidence:
        known = {**collectors(), "audit": AuditCollector(service=service)}
        async with PROVIDER.open(tree) as sandbox:
            return await known[producer].collect(EvidenceSubject(sandbox=sandbox, facts=facts))

    with advisory_service() as service:
        return asyncio.run(run(service))


def judge(gate: Gate, evidence: Evidence) -> PhaseVerdict:
    """The verdict over a phase that has this gate alone, which blocks."""
    alone = replace(gate, when=None, persona=None, severity=GateSeverity.BLOCKING)
    policy = replace(load_policy(), gates=(alone,), artefacts=(), waivers=())
    return evaluate_phase(policy, gate.phase, [evidence])


def gates_on(producer: str) -> list[Gate]:
    """Gates of the default policy that ask nothing of another producer."""
    metrics = built_in_metrics().metrics
    return [
        gate
        for gate in load_policy().gates
        if {metrics[name].producer for name in gate.metrics} == {producer}
    ]


@pytest.mark.parametrize("case", CASES)
def test_the_bad_one_is_blocked_by_its_gate_alone_and_the_repaired_one_passes(
    case: str, tmp_path: Path
) -> None:
    metric = metric_of(case)
    bad, good = (collect(FOLDER / case / twin, tmp_path) for twin in ("bad", "good"))
    assert good.metrics, good
    assert bad.metrics, bad
    gates = gates_on(bad.collector)
    guarding = [gate for gate in gates if metric in gate.metrics] or [
        Gate(
            id=gate.id, phase=gate.phase, summary=gate.summary, severity=gate.severity,
            condition=_part_about(gate, metric), metrics=(metric,),
        )
        for gate in load_policy().gates
        if metric in gate.metrics
    ]  # fmt: skip
    assert guarding, f"no gate of the default policy asks for {metric}"
    for gate in guarding:
        blocked = judge(gate, bad)
        assert not blocked.passed
        assert {result.verdict for result in blocked.results} == {Verdict.FAIL}
        assert any(reason.startswith(f"{gate.id}: ") for reason in blocked.reasons)
        assert judge(gate, good).passed, judge(gate, good).reasons
    for gate in gates:
        if metric not in gate.metrics and set(gate.metrics) <= set(bad.metrics):
            assert judge(gate, bad).passed, judge(gate, bad).reasons


def _part_about(gate: Gate, metric: str) -> str:
    """Of a gate over several producers, the part that asks for this metric."""
    return next(part for part in gate.condition.split(" && ") if metric in part)


def test_every_tool_over_files_has_a_known_bad_project() -> None:
    """Of each collector over files that the default policy relies on."""
    metrics = built_in_metrics().metrics
    asked = {metrics[name].producer for gate in load_policy().gates for name in gate.metrics}
    over_files = {
        "suites", "lint", "types", "complexity", "bandit", "audit", "sbom", "mutation", "stubs",
        "guard", "secrets", "sast", "checklist", "artefacts", "documents",
    }  # fmt: skip
    shown = {metrics[metric_of(case)].producer for case in CASES}
    assert over_files & asked <= shown
