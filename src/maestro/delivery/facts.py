"""What gates are judged on, counted from the run's own record."""

from collections.abc import Mapping

from maestro.delivery.providers import application_ports
from maestro.delivery.record import RunRecord
from maestro.domain.contract import Contract, ContractKind
from maestro.domain.contract_paths import readable_paths
from maestro.domain.encoding import encode
from maestro.domain.quality import PHASES, Score, TracedPart
from maestro.domain.requirement import Analysis
from maestro.domain.values import JsonValue
from maestro.domain.work import NotBuilt
from maestro.quality.project import PageVisit, Project, ServedComponent
from maestro.quality.score import score
from maestro.quality.trace import trace

SERVICE_BUILDER = "backend_developer"


def not_built(record: RunRecord) -> tuple[NotBuilt, ...]:
    """Parts of the requirement nobody could build, and what builders left out themselves."""
    analysis = record.decided().analysis
    missing = [
        NotBuilt(what=part.text, reason=part.reason, part=part.id) for part in analysis.uncovered
    ]
    for _, work in record.works():
        missing += work.result.not_built
    return tuple(dict.fromkeys(missing))


def idle_phases(record: RunRecord) -> tuple[str, ...]:
    """Phases of the policy that the run's plan does not go through, so that nothing judges them."""
    steps = record.decided().steps
    judged = {step.inputs["phase"] for step in steps if step.action == "quality.gate"}
    return tuple(phase for phase in PHASES if phase not in judged)


def traced(record: RunRecord) -> tuple[TracedPart, ...]:
    """Each requirement part and the checks that ran for it."""
    return trace(
        record.decided().analysis.parts,
        record.contracts(),
        record.verifications(),
        {name: recheck.checks for name, recheck in record.rechecks().items()},
        not_built(record),
    )


def scored(record: RunRecord) -> Score | None:
    """None while a term has no evidence."""
    gates = record.gates()
    evidence = tuple(item for gate in gates for item in gate.evidence)
    return score(
        contracts=record.contracts(),
        verifications=record.verifications(),
        trace=traced(record),
        evidence=evidence,
        verdicts=tuple(gate.verdict for gate in gates),
    )


def facts(record: RunRecord, analysis: Analysis, *, browser: bool) -> Mapping[str, JsonValue]:
    """The keys that quality/evidence/facts documents."""
    constraints = record.requirement.constraints
    integration = record.integration()
    result = scored(record)
    return {
        "analysis": encode(analysis),
        "contracts": encode(record.contracts()),
        "verifications": encode(record.verifications()),
        "rechecks": {name: encode(item) for name, item in record.rechecks().items()},
        "trace": encode(traced(record)),
        "not_built": len(not_built(record)),
        "score": None if result is None else encode(result),
        "allow_partial": constraints.allow_partial,
        "quality_threshold": constraints.quality_threshold,
        "browser": browser,
        "project": encode(project(record)),
        "launch": {
            "started": integration is not None and integration.launch is not None,
            "answers": integration is not None and bool(integration.answered),
        },
    }


def project(record: RunRecord) -> Project:
    """How what was built so far is started, and what there is to look at."""
    integration = record.integration()
    launches = {
        work.component: work.result.launch
        for _, work in record.works()
        if work.persona == SERVICE_BUILDER and work.result.launch is not None
    }
    contracts = record.contracts()
    served = [item for item in contracts if item.kind is ContractKind.REST]
    return Project(
        source="the run",
        application=None if integration is None else integration.launch,
        ports=application_ports(record),
        pages=tuple(visit for contract in contracts for visit in _visits(contract)),
        components=tuple(
            ServedComponent(
                name=contract.component,
                launch=launches[contract.component],
                paths=tuple(
                    launches[contract.component].base_path + path
                    for path in readable_paths(contract)
                ),
            )
            for contract in served
            if contract.component in launches
        ),
    )


def _visits(contract: Contract) -> tuple[PageVisit, ...]:
    """Each view of a page as it opens, and with the form to make an entry."""
    if contract.kind is not ContractKind.PAGE:
        return ()
    visits: list[PageVisit] = []
    for view in contract.specification["views"]:
        path = f"/{view['path']}"
        visits.append(PageVisit(path=path))
        if "create" in view["actions"]:
            visits.append(PageVisit(path=path, click='[data-action="create"]'))
    return tuple(visits)
