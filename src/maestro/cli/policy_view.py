"""Policies, their differences and their gates: for people, and as JSON for machines."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from maestro.cli import render
from maestro.domain.encoding import encode
from maestro.domain.quality import (
    ArtefactRule,
    Environment,
    Gate,
    GateSeverity,
    GateStage,
    Policy,
)
from maestro.domain.values import JsonObject
from maestro.quality.explain import demands, measured
from maestro.quality.metrics import MetricCatalogue
from maestro.quality.tightness import ChangeEffect, PolicyChange

_STYLES = {
    ChangeEffect.LOOSENED: "bold magenta",
    ChangeEffect.CHANGED: "yellow",
    ChangeEffect.TIGHTENED: "green",
}


def summary(policy: Policy) -> JsonObject:
    return {
        "id": policy.id,
        "version": policy.version,
        "digest": policy.digest,
        "environment": policy.environment.value,
        "gates": len(policy.gates),
        "blocking": _blocking(policy),
        "min_blocking_evaluated": policy.min_blocking_evaluated,
    }


def accepted(file: str, policies: Mapping[Environment, Policy]) -> None:
    policy = policies[Environment.DEVELOPMENT]
    counts = ", ".join(
        f"{environment} {_blocking(found)} of {len(found.gates)} gates block"
        for environment, found in policies.items()
    )
    render.line(
        f"ok       {file}: policy {policy.id} version {policy.version}, "
        f"{len(policy.phases)} phases; {counts}"
    )


def phase_document(policy: Policy, phase: str) -> JsonObject:
    return {
        "phase": phase,
        "entry": encode(policy.gates_of(phase, GateStage.ENTRY)),
        "exit": encode(policy.gates_of(phase, GateStage.EXIT)),
        "artefacts": encode(policy.artefacts_of(phase)),
    }


def policy(found: Policy, phases: Sequence[str]) -> None:
    console = _console()
    console.print(
        f"policy {found.id} version {found.version} in {found.environment}: "
        f"{_blocking(found)} of {len(found.gates)} gates block"
    )
    for phase in phases:
        console.print(f"[bold]{phase}[/]")
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for item in found.gates_of(phase):
            style = "bold" if item.severity is GateSeverity.BLOCKING else "yellow"
            table.add_row(
                escape(item.id), f"[{style}]{item.severity.value}[/]", escape(_told(item))
            )
        for rule in found.artefacts_of(phase):
            table.add_row("artefact", "[bold]BLOCKING[/]", escape(_artefact(rule)))
        console.print(Padding(table, (0, 0, 0, 2)))
    for waiver in found.waivers:
        render.line(
            f"waiver   {waiver.gate} of {waiver.project}: {waiver.ceiling} until "
            f"{waiver.expires}, {waiver.author} asked, {waiver.approver} approved ({waiver.adr})"
        )


def changes(found: Mapping[PolicyChange, tuple[Environment, ...]]) -> None:
    if not found:
        render.line("the policies demand the same")
        return
    console = _console()
    for effect in (ChangeEffect.LOOSENED, ChangeEffect.CHANGED, ChangeEffect.TIGHTENED):
        for change, environments in found.items():
            if change.effect is not effect:
                continue
            where = "" if len(environments) == len(Environment) else f" ({', '.join(environments)})"
            console.print(
                f"[{_STYLES[effect]}]{effect.value:<9}[/] {escape(change.subject)} {change.what}: "
                f"{escape(change.before)} → {escape(change.after)}{where}"
            )


def gate(found: Mapping[Environment, Gate], metrics: MetricCatalogue) -> None:
    """As it is in the most lenient environment that has it, and what others demand beyond it."""
    first = next(iter(found.values()))
    render.line(f"{first.id}  {first.phase}, {first.stage} gate, {first.severity}: {first.summary}")
    render.line("measured")
    for metric in measured(first, metrics):
        unit = f" ({metric.unit})" if metric.unit else ""
        better = f", {metric.better} is better" if metric.better else ""
        render.line(f"  {metric.name}{unit} by {metric.producer}: {metric.summary}{better}")
    render.line("it takes")
    for sentence in demands(first, metrics):
        render.line(f"  {sentence}")
    for environment, change in _beyond(found, metrics):
        render.line(f"in {environment}")
        for sentence in change:
            render.line(f"  {sentence}")


def gate_document(found: Mapping[Environment, Gate], metrics: MetricCatalogue) -> JsonObject:
    first = next(iter(found.values()))
    return {
        "type": "gate",
        "gate": encode(first),
        "measured": encode(measured(first, metrics)),
        "demands": list(demands(first, metrics)),
        "environments": {
            environment.value: {"gate": encode(item), "demands": list(demands(item, metrics))}
            for environment, item in found.items()
        },
    }


def _beyond(
    found: Mapping[Environment, Gate], metrics: MetricCatalogue
) -> Iterator[tuple[Environment, Sequence[str]]]:
    known: tuple[str, ...] | None = None
    for environment, item in found.items():
        now = demands(item, metrics)
        if known is not None and now != known:
            yield environment, [sentence for sentence in now if sentence not in known]
        known = now


def _blocking(policy: Policy) -> int:
    return sum(gate.severity is GateSeverity.BLOCKING for gate in policy.gates)


def _told(item: Gate) -> str:
    parts = [f"{item.summary}: {item.condition}"]
    if item.max_drop is not None:
        parts.append(f"at most {item.max_drop:g} worse than the last passing run")
    if item.when is not None:
        parts.append(f"when {item.when}")
    if item.persona is not None:
        parts.append(f"of {item.persona}")
    if item.stage is GateStage.ENTRY:
        parts.append("before work starts")
    if not item.waivable:
        parts.append("never waived")
    return "; ".join(parts)


def _artefact(rule: ArtefactRule) -> str:
    when = f"; when {rule.when}" if rule.when else ""
    persona = f"; of {rule.persona}" if rule.persona else ""
    return f"{rule.path}: {rule.min} or more, {rule.schema}{when}{persona}"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
