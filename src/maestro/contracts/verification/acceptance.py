"""Runs the acceptance criteria of a REST contract that name a check we know."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from maestro.contracts.verification.entry_checks import (
    assign_changes,
    crud_roundtrip,
    enum_enforced,
    field_stored,
    reference_checked,
    required_enforced,
    unique_enforced,
)
from maestro.contracts.verification.foreign_checks import resource_roundtrip
from maestro.contracts.verification.list_checks import (
    filter_narrows,
    pagination_limits,
    search_finds,
    sort_orders,
)
from maestro.contracts.verification.probe import Unmet
from maestro.contracts.verification.values import NoValue
from maestro.contracts.verification.world import Unverifiable, World
from maestro.domain.contract import AcceptanceCriterion, CheckResult, Finding

EntityCheck = Callable[[World, str], Awaitable[None]]
FieldCheck = Callable[[World, str, str], Awaitable[None]]

ENTITY_CHECKS: Mapping[str, EntityCheck] = {
    "crud_roundtrip": crud_roundtrip,
    "pagination_limits": pagination_limits,
    "resource_roundtrip": resource_roundtrip,
    "search_finds": search_finds,
    "sort_orders": sort_orders,
}
FIELD_CHECKS: Mapping[str, FieldCheck] = {
    "assign_changes": assign_changes,
    "enum_enforced": enum_enforced,
    "field_stored": field_stored,
    "filter_narrows": filter_narrows,
    "reference_checked": reference_checked,
    "required_enforced": required_enforced,
    "unique_enforced": unique_enforced,
}


@dataclass(frozen=True, slots=True)
class CriterionOutcome:
    result: CheckResult
    finding: Finding | None = None


async def check_criteria(
    criteria: Sequence[AcceptanceCriterion], world: World
) -> tuple[CriterionOutcome, ...]:
    """One outcome per criterion, in order; what was created is taken away at the end."""
    outcomes = [await _check(criterion, world) for criterion in criteria]
    if criteria:
        await world.clean()
    return tuple(outcomes)


def unverified(criterion: AcceptanceCriterion) -> CheckResult:
    """A criterion that nothing can check: reported, never passed."""
    named = f"nothing here runs the check {criterion.check!r}" if criterion.check else "no check"
    return result_of(criterion, passed=False, detail=f"unverified: {named}")


def result_of(criterion: AcceptanceCriterion, *, passed: bool, detail: str = "") -> CheckResult:
    return CheckResult(
        id=criterion.id,
        statement=criterion.statement,
        passed=passed,
        detail=detail,
        parts=criterion.parts,
    )


async def _check(criterion: AcceptanceCriterion, world: World) -> CriterionOutcome:
    name = criterion.check or ""
    if name not in ENTITY_CHECKS and name not in FIELD_CHECKS:
        return CriterionOutcome(unverified(criterion))
    try:
        await _run(name, criterion, world)
    except Unmet as unmet:
        finding = replace(unmet.finding, rule=name)
        detail = f"{finding.message}: expected {finding.expected}, saw {finding.seen}"
        return CriterionOutcome(result_of(criterion, passed=False, detail=detail), finding)
    except (Unverifiable, NoValue) as error:
        detail = f"unverified: {error}"
        return CriterionOutcome(result_of(criterion, passed=False, detail=detail))
    return CriterionOutcome(result_of(criterion, passed=True))


async def _run(name: str, criterion: AcceptanceCriterion, world: World) -> None:
    entity = _parameter(criterion, "entity")
    if name in ENTITY_CHECKS:
        await ENTITY_CHECKS[name](world, entity)
    else:
        await FIELD_CHECKS[name](world, entity, _parameter(criterion, "field"))


def _parameter(criterion: AcceptanceCriterion, name: str) -> str:
    given = criterion.parameters.get(name)
    if not isinstance(given, str):
        raise Unverifiable(f"check {criterion.check!r} needs the parameter {name!r}")
    return given
