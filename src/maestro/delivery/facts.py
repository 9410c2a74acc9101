"""What gates are judged on, counted from the run's own record."""

from collections.abc import Mapping

from maestro.delivery.record import RunRecord
from maestro.domain.encoding import encode
from maestro.domain.quality import Score, TracedPart
from maestro.domain.requirement import Analysis
from maestro.domain.values import JsonValue
from maestro.domain.work import NotBuilt
from maestro.quality.score import score
from maestro.quality.trace import trace


def not_built(record: RunRecord) -> tuple[NotBuilt, ...]:
    """Parts of the requirement nobody could build, and what builders left out themselves."""
    analysis = record.decided().analysis
    missing = [
        NotBuilt(what=part.text, reason=part.reason, part=part.id) for part in analysis.uncovered
    ]
    for _, work in record.works():
        missing += work.result.not_built
    return tuple(dict.fromkeys(missing))


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
    evidence = tuple(item for gate in record.gates() for item in gate.evidence)
    return score(
        contracts=record.contracts(),
        verifications=record.verifications(),
        trace=traced(record),
        evidence=evidence,
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
        "launch": {
            "started": integration is not None and integration.launch is not None,
            "answers": integration is not None and bool(integration.answered),
        },
    }
