"""Waivers: who may let which failed gate pass, how far and until when. Pure.

A waiver is checked where it is made and again each time it is used, so that one that got into the
database by another way does not count either.
"""

import re
from collections.abc import Iterator
from datetime import date

from maestro.domain.baseline import DEFAULT_PROJECT
from maestro.domain.quality import Gate, Policy, Waiver
from maestro.domain.waiver_life import is_same_person
from maestro.errors import InvalidInput
from maestro.quality.conditions import as_condition, compared, read_demand
from maestro.quality.corners import always_holds, is_laxer
from maestro.quality.metrics import MetricCatalogue, built_in_metrics
from maestro.quality.strict_yaml import Value, read_text
from maestro.quality.tightness import ChangeEffect, compare

MIN_REASON = 15
"""Characters; less says nothing to whoever reads it later."""
_ADR = re.compile(r"ADR-[0-9]{1,5}")
_FIELDS = ("gate", "project", "ceiling", "reason", "author", "approver", "adr", "expires")


def check_waiver(
    waiver: Waiver, policy: Policy, today: date, metrics: MetricCatalogue | None = None
) -> None:
    """Before a waiver is kept.

    Raises:
        InvalidInput: the policy has no such gate or does not let it be waived, the approver is the
            author, something is missing, or it ended already.
    """
    gate = gate_to_waive(policy, waiver.gate)
    fault = waiver_fault(waiver, gate, metrics or built_in_metrics())
    if fault is None and waiver.expires < today:
        fault = f"it ended on {waiver.expires}"
    if fault is not None:
        raise InvalidInput(f"gate {gate.id!r} is not waived: {fault}")


def gate_to_waive(policy: Policy, name: str) -> Gate:
    """Raises InvalidInput where the policy has no such gate."""
    found = next((gate for gate in policy.gates if gate.id == name), None)
    if found is None:
        raise InvalidInput(
            f"policy {policy.id!r} has no gate {name!r} to waive; see 'maestro policy show'"
        )
    return found


def waiver_fault(waiver: Waiver, gate: Gate, metrics: MetricCatalogue) -> str | None:
    """Why this waiver can never count for this gate, or None."""
    found = next(_faults(waiver, gate, metrics), None)
    return None if found is None else found[1]


def _faults(waiver: Waiver, gate: Gate, metrics: MetricCatalogue) -> Iterator[tuple[str, str]]:
    """(field, why)."""
    if not gate.waivable:
        yield "gate", f"{gate.id} may never be waived"
    for name in ("project", "reason", "author", "approver", "adr", "ceiling"):
        if not getattr(waiver, name).strip():
            yield name, f"it names no {name}"
    yield from _term_faults(waiver)
    fault = _ceiling_fault(waiver.ceiling, gate, metrics)
    if fault is not None:
        yield "ceiling", fault


def _term_faults(waiver: Waiver) -> Iterator[tuple[str, str]]:
    if waiver.project == DEFAULT_PROJECT:
        why = f"project {DEFAULT_PROJECT!r} is every product nobody named; name the product's own"
        yield "project", why
    if len(waiver.reason.strip()) < MIN_REASON:
        why = f"its reason {waiver.reason!r} says nothing; write at least {MIN_REASON} characters"
        yield "reason", why
    if is_same_person(waiver.author, waiver.approver):
        yield "approver", f"{waiver.approver!r} cannot approve what they ask for themselves"
    if _ADR.fullmatch(waiver.adr) is None:
        yield "adr", f"its decision record {waiver.adr!r} must look like ADR-0012"


def ceiling_of(gate: Gate, text: str, metrics: MetricCatalogue | None = None) -> str:
    """The ceiling somebody typed: `>= 60` for a gate over one metric, or a CEL condition.

    Raises:
        InvalidInput: it is neither, or no laxer than the gate.
    """
    known = metrics or built_in_metrics()
    match = re.fullmatch(r"\s*(<=|>=|==|<|>)\s*(\S+)\s*", text)
    if match is None or gate.comparison is None:
        source = text.strip()
        fault = _ceiling_fault(source, gate, known)
        if fault is not None:
            raise InvalidInput(f"ceiling {text!r} of gate {gate.id!r}: {fault}")
        return source
    place = read_text("ceiling", f"op: {match[1]!r}\nthreshold: {match[2]}\n").entries()
    return _compared_ceiling(gate, place["op"], place["threshold"], known)


def read_waiver(entry: Value, gates: dict[str, Gate], metrics: MetricCatalogue) -> Waiver:
    """One of a policy file."""
    fields = entry.fields(_FIELDS)
    name = fields["gate"].text()
    if name not in gates:
        raise fields["gate"].refuse(f"there is no gate {name!r} to waive")
    waiver = Waiver(
        gate=name,
        project=fields["project"].text(),
        ceiling=_read_ceiling(fields["ceiling"], gates[name], metrics),
        reason=fields["reason"].text(),
        author=fields["author"].text(),
        approver=fields["approver"].text(),
        adr=fields["adr"].text(),
        expires=fields["expires"].day(),
    )
    for place, why in _faults(waiver, gates[name], metrics):
        raise fields[place].refuse(f"gate {name!r} is not waived: {why}")
    return waiver


def _read_ceiling(entry: Value, gate: Gate, metrics: MetricCatalogue) -> str:
    if "expr" in entry.entries():
        return read_demand(entry.fields(("expr",))["expr"], metrics)[0]
    fields = entry.fields(("op", "threshold"))
    if gate.comparison is None:
        raise entry.refuse(f"gate {gate.id!r} is an 'expr'; write its ceiling as one")
    return _compared_ceiling(gate, fields["op"], fields["threshold"], metrics)


def _compared_ceiling(gate: Gate, op: Value, threshold: Value, metrics: MetricCatalogue) -> str:
    assert gate.comparison is not None
    metric = metrics.metrics[gate.comparison.metric]
    ceiling = compared(metric, op.text(), threshold, op)
    if compare(gate.comparison, ceiling) is not ChangeEffect.LOOSENED or ceiling == gate.comparison:
        raise threshold.refuse(
            f"ceiling {ceiling.op} {ceiling.threshold} is not laxer than the gate's "
            f"{gate.comparison.op} {gate.comparison.threshold}; it would waive nothing"
        )
    return as_condition(ceiling, metric)


def _ceiling_fault(ceiling: str, gate: Gate, metrics: MetricCatalogue) -> str | None:
    try:
        names = metrics.condition(ceiling).names
    except InvalidInput as error:
        return f"its ceiling cannot be judged: {error}"
    if not names:
        return f"its ceiling {ceiling!r} sets no limit"
    foreign = [name for name in names if name not in gate.metrics]
    if foreign:
        return f"its ceiling is about {foreign[0]!r}, the gate is not"
    if always_holds(ceiling, metrics):
        return f"its ceiling {ceiling!r} holds always and sets no limit"
    if not is_laxer(ceiling, gate.condition, metrics):
        return f"its ceiling {ceiling!r} is not laxer than the gate; it would waive nothing"
    return None
