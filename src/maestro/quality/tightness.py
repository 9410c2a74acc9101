"""Which of two policies lets less through. Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from maestro.domain.quality import (
    ArtefactRule,
    Environment,
    Gate,
    GateSeverity,
    GateStage,
    MetricComparison,
    Policy,
    Waiver,
)


class ChangeEffect(StrEnum):
    TIGHTENED = "tightened"
    LOOSENED = "loosened"
    CHANGED = "changed"  # neither can be shown; treated as loosened wherever that matters


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChange:
    """One thing that one policy demands otherwise than the other."""

    subject: str
    """Gate id, `phase:path` of an artefact, or what else is meant."""
    what: str
    before: str
    after: str
    effect: ChangeEffect


def gate_changes(old: Gate, new: Gate) -> tuple[PolicyChange, ...]:
    """What is demanded otherwise; words for people do not count."""
    rows: tuple[tuple[str, object, object, ChangeEffect], ...] = (
        ("phase", old.phase, new.phase, ChangeEffect.CHANGED),
        ("severity", old.severity.value, new.severity.value, _severity(new)),
        ("condition", old.condition, new.condition, _conditions(old, new)),
        ("when", old.when, new.when, _narrowing(old.when, new.when)),
        ("waivable", old.waivable, new.waivable, _tighter(not new.waivable)),
        ("stage", old.stage.value, new.stage.value, _stage(new)),
        ("baseline max_drop", old.max_drop, new.max_drop, _drop(old.max_drop, new.max_drop)),
        ("persona", old.persona, new.persona, _narrowing(old.persona, new.persona)),
    )
    return _differing(new.id, rows)


def policy_changes(old: Policy, new: Policy) -> tuple[PolicyChange, ...]:
    """From `old` to `new`, gates first."""
    return (*_all_gates(old, new), *_all_artefacts(old, new), *_rest(old, new))


def changes_by_environment(
    old: Mapping[Environment, Policy], new: Mapping[Environment, Policy]
) -> Mapping[PolicyChange, tuple[Environment, ...]]:
    """Each change once, with the environments in which it counts."""
    found: dict[PolicyChange, tuple[Environment, ...]] = {}
    for environment in Environment:
        for change in policy_changes(old[environment], new[environment]):
            found[change] = (*found.get(change, ()), environment)
    return found


def shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _all_gates(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    before = {gate.id: gate for gate in old.gates}
    after = {gate.id: gate for gate in new.gates}
    for name, gate in before.items():
        if name in after:
            yield from gate_changes(gate, after[name])
        else:
            yield _gone(name, "gate", f"{gate.severity} {gate.condition}")
    for name, gate in after.items():
        if name not in before:
            yield _came(name, "gate", f"{gate.severity} {gate.condition}")


def _all_artefacts(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    before = {_key(rule): rule for rule in old.artefacts}
    after = {_key(rule): rule for rule in new.artefacts}
    for name, rule in before.items():
        if name not in after:
            yield _gone(name, "artefact", f"at least {rule.min} {rule.schema}")
            continue
        now = after[name]
        rows: tuple[tuple[str, object, object, ChangeEffect], ...] = (
            ("schema", rule.schema.value, now.schema.value, ChangeEffect.CHANGED),
            ("min", rule.min, now.min, _tighter(now.min > rule.min)),
            ("when", rule.when, now.when, _narrowing(rule.when, now.when)),
            ("persona", rule.persona, now.persona, _narrowing(rule.persona, now.persona)),
        )
        yield from _differing(name, rows)
    for name, rule in after.items():
        if name not in before:
            yield _came(name, "artefact", f"at least {rule.min} {rule.schema}")


def _rest(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    before, after = old.min_blocking_evaluated, new.min_blocking_evaluated
    row = ("min_blocking_evaluated", before, after, _tighter(after > before))
    yield from _differing("defaults", (row,))
    for waiver in old.waivers:
        if waiver not in new.waivers:
            yield PolicyChange(
                subject=waiver.gate,
                what="waiver",
                before=_told(waiver),
                after="none",
                effect=ChangeEffect.TIGHTENED,
            )
    for waiver in new.waivers:
        if waiver not in old.waivers:
            yield PolicyChange(
                subject=waiver.gate,
                what="waiver",
                before="none",
                after=_told(waiver),
                effect=ChangeEffect.LOOSENED,
            )


def _gone(subject: str, what: str, before: str) -> PolicyChange:
    return PolicyChange(
        subject=subject, what=what, before=before, after="none", effect=ChangeEffect.LOOSENED
    )


def _came(subject: str, what: str, after: str) -> PolicyChange:
    return PolicyChange(
        subject=subject, what=what, before="none", after=after, effect=ChangeEffect.TIGHTENED
    )


def _key(rule: ArtefactRule) -> str:
    return f"{rule.phase}:{rule.path}"


def _told(waiver: Waiver) -> str:
    return f"{waiver.project}: {waiver.ceiling} until {waiver.expires} ({waiver.adr})"


def _differing(
    subject: str, rows: Iterable[tuple[str, object, object, ChangeEffect]]
) -> tuple[PolicyChange, ...]:
    return tuple(
        PolicyChange(
            subject=subject, what=what, before=shown(before), after=shown(after), effect=effect
        )
        for what, before, after, effect in rows
        if before != after
    )


def _tighter(is_tighter: bool) -> ChangeEffect:
    return ChangeEffect.TIGHTENED if is_tighter else ChangeEffect.LOOSENED


def _severity(new: Gate) -> ChangeEffect:
    return _tighter(new.severity is GateSeverity.BLOCKING)


def _stage(new: Gate) -> ChangeEffect:
    """An entry gate is judged twice: when work may start and when the phase closes."""
    return _tighter(new.stage is GateStage.ENTRY)


def _narrowing(before: str | None, after: str | None) -> ChangeEffect:
    """Of what makes a gate apply to less."""
    if before is not None and after is not None:
        return ChangeEffect.CHANGED
    return _tighter(after is None)


def _drop(before: float | None, after: float | None) -> ChangeEffect:
    if before is None or after is None:
        return _tighter(before is None)
    return _tighter(after < before)


def _conditions(old: Gate, new: Gate) -> ChangeEffect:
    if old.comparison is None or new.comparison is None:
        return ChangeEffect.CHANGED
    return compare(old.comparison, new.comparison)


def compare(old: MetricComparison, new: MetricComparison) -> ChangeEffect:
    """Whether what passes `new` is a part of what passes `old`."""
    if old.metric != new.metric:
        return ChangeEffect.CHANGED
    (low, high), (new_low, new_high) = _passing(old), _passing(new)
    if new_low >= low and new_high <= high:
        return ChangeEffect.TIGHTENED
    return ChangeEffect.LOOSENED if new_low <= low and new_high >= high else ChangeEffect.CHANGED


_End = tuple[float, int]
"""A value, and 1 or -1 when it does not pass itself but what is above or below it does."""


def _passing(comparison: MetricComparison) -> tuple[_End, _End]:
    number = float(comparison.threshold)
    least, most = (-math.inf, 0), (math.inf, 0)
    match comparison.op:
        case ">=":
            return (number, 0), most
        case ">":
            return (number, 1), most
        case "<=":
            return least, (number, 0)
        case "<":
            return least, (number, -1)
        case _:
            return (number, 0), (number, 0)
