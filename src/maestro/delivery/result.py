"""What `Maestro.build` returns: one value with the fields the README shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maestro.delivery.record import RunRecord
from maestro.domain.outcome import Outcome
from maestro.domain.overview import Headline
from maestro.domain.quality import PhaseVerdict, Verdict
from maestro.domain.values import JsonScalar
from maestro.domain.work import NotBuilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Measured times in seconds."""

    wall_seconds: float
    sequential_seconds: float
    critical_path_seconds: float
    time_savings_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WaivedGate:
    """A gate that failed and was let pass."""

    gate: str
    phase: str
    observed: Mapping[str, JsonScalar]
    reason: str
    approver: str
    adr: str
    expires: str
    """The waiver's last day, YYYY-MM-DD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    overall_quality_score: float | None
    """0 to 1; None when a term had no evidence."""
    band: str
    gates_passed: int
    gates_total: int
    environment: str
    """Whose policy judged."""
    waived: tuple[WaivedGate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractResult:
    id: str
    version: str
    provider: str
    consumers: tuple[str, ...]
    verified: bool
    checked: bool
    """False: this host could not check it (no browser), or the run ended before."""
    findings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    run_id: str
    success: bool
    """True only for a run that succeeded; see `partial` for parts left out on purpose."""
    status: str
    partial: bool
    requirement: str
    blueprint: str
    team: tuple[str, ...]
    planner: str
    execution: Execution
    quality: Quality
    contracts: tuple[ContractResult, ...]
    deliverables: Mapping[str, tuple[str, ...]]
    """Paths per persona, relative to its folder below `output`."""
    not_built: tuple[NotBuilt, ...]
    reasons: tuple[str, ...]
    """Why it was blocked or failed."""
    output: Path | None
    """Folder with the result; None when nothing was published."""


def build_result(outcome: Outcome, record: RunRecord, output: Path | None) -> BuildResult:
    plan = record.plan
    verifications = record.verifications() if plan else {}
    deliverables: dict[str, tuple[str, ...]] = {}
    if plan:
        for _, work in record.works():
            paths = tuple(artifact.path for artifact in work.artifacts)
            deliverables[work.persona] = deliverables.get(work.persona, ()) + paths
    return BuildResult(
        run_id=outcome.run_id,
        success=outcome.status == "succeeded",
        status=outcome.status,
        partial=outcome.partial,
        requirement=record.requirement.text,
        blueprint=plan.team.blueprint if plan else "",
        team=tuple(dict.fromkeys(member.persona for member in plan.team.members)) if plan else (),
        planner=plan.analysis.planner if plan else "",
        execution=Execution(
            wall_seconds=round(outcome.timing.wall, 3),
            sequential_seconds=round(outcome.timing.sequential, 3),
            critical_path_seconds=round(outcome.timing.critical_path, 3),
            time_savings_percent=round(outcome.timing.time_savings_percent, 1),
        ),
        quality=Quality(
            overall_quality_score=outcome.score.overall if outcome.score else None,
            band=outcome.score.band if outcome.score else "unknown",
            gates_passed=sum(verdict.passed for verdict in outcome.verdicts),
            gates_total=len(outcome.verdicts),
            environment=record.requirement.constraints.environment.value,
            waived=tuple(waived(outcome.verdicts)),
        ),
        contracts=tuple(
            ContractResult(
                id=contract.id,
                version=contract.version,
                provider=contract.provider,
                consumers=contract.consumers,
                verified=contract.id in verifications and verifications[contract.id].conforms,
                checked=contract.id in verifications,
                findings=len(verifications[contract.id].findings)
                if contract.id in verifications
                else 0,
            )
            for contract in (record.contracts() if plan else ())
        ),
        deliverables=deliverables,
        not_built=outcome.not_built,
        reasons=outcome.reasons,
        output=output,
    )


def headline(outcome: Outcome, record: RunRecord) -> Headline:
    """What lists show of it."""
    return Headline(
        partial=outcome.partial,
        score=outcome.score.overall if outcome.score else None,
        band=outcome.score.band if outcome.score else "unknown",
        gates_passed=sum(verdict.passed for verdict in outcome.verdicts),
        gates_total=len(outcome.verdicts),
        contracts_verified=outcome.contracts_verified,
        contracts_total=outcome.contracts_total,
        not_built=len(outcome.not_built),
        cost=outcome.usage.cost,
        blueprint=record.plan.team.blueprint if record.plan else "",
        time_savings_percent=round(outcome.timing.time_savings_percent, 1),
    )


def waived(verdicts: Sequence[PhaseVerdict]) -> Iterator[WaivedGate]:
    for verdict in verdicts:
        for result in verdict.results:
            if result.verdict is Verdict.WAIVED and result.waiver is not None:
                yield WaivedGate(
                    gate=result.gate,
                    phase=verdict.phase,
                    observed=result.observed,
                    reason=result.waiver.reason,
                    approver=result.waiver.approver,
                    adr=result.waiver.adr,
                    expires=result.waiver.expires.isoformat(),
                )
