"""Loading a policy: whatever would let a gate pass by mistake is refused here, with its place."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from maestro.domain.quality import (
    PHASES,
    ArtefactRule,
    ArtefactSchema,
    Environment,
    Gate,
    GateSeverity,
    GateStage,
    Policy,
    Waiver,
)
from maestro.domain.values import is_identifier
from maestro.quality.conditions import read_scope
from maestro.quality.gates import patched_gate, read_gate, read_persona
from maestro.quality.metrics import DATA, MetricCatalogue, built_in_metrics, check_version
from maestro.quality.strict_yaml import Value, read
from maestro.quality.tightness import ChangeEffect, gate_changes
from maestro.quality.waivers import read_waiver

BUILT_IN = DATA / "policy.yaml"
_TOP = ("schema_version", "policy", "phases")
_TOP_OPTIONAL = ("defaults", "environments", "waivers")


def load_policy(
    path: Path | None = None,
    environment: Environment = Environment.DEVELOPMENT,
    *,
    metrics: MetricCatalogue | None = None,
    personas: Collection[str] | None = None,
) -> Policy:
    """What the file demands in the environment; the built-in file without one."""
    return load_policies(path, metrics=metrics, personas=personas)[environment]


def load_policies(
    path: Path | None = None,
    *,
    metrics: MetricCatalogue | None = None,
    personas: Collection[str] | None = None,
) -> Mapping[Environment, Policy]:
    """What the file demands in each environment. Each is the one before it, tightened.

    Args:
        path: None for the built-in policy.
        metrics: None for the built-in catalogue.
        personas: those gates may name; None leaves the names unchecked.

    Raises:
        InvalidInput: file, line, column and the rule that is broken.
    """
    if path is None and metrics is None and personas is None:
        return _built_in()
    return _load(path or BUILT_IN, metrics or built_in_metrics(), personas)


@cache
def _built_in() -> Mapping[Environment, Policy]:
    return _load(BUILT_IN, built_in_metrics(), None)


@dataclass(slots=True)
class _Demands:
    """What is demanded so far, while a file is read."""

    metrics: MetricCatalogue
    personas: Collection[str] | None
    gates: dict[str, Gate] = field(default_factory=dict)
    artefacts: dict[tuple[str, str], ArtefactRule] = field(default_factory=dict)
    min_blocking: int = 1

    def copy(self) -> "_Demands":
        return replace(self, gates=dict(self.gates), artefacts=dict(self.artefacts))

    def read_phase(self, phase: str, entry: Value) -> None:
        for key, value in entry.fields((), ("artefacts", "entry", "exit")).items():
            for item in value.items():
                if key == "artefacts":
                    self._add_artefact(_artefact(phase, item, self.metrics), item)
                else:
                    self._add_gate(read_gate(phase, GateStage(key), item, self.metrics), item)

    def _add_gate(self, gate: Gate, entry: Value) -> None:
        if gate.id in self.gates:
            raise entry.entries()["id"].refuse(f"gate id {gate.id!r} is used twice")
        self._check_persona(gate.persona, entry)
        self.gates[gate.id] = gate

    def _add_artefact(self, rule: ArtefactRule, entry: Value) -> None:
        key = (rule.phase, rule.path)
        if key in self.artefacts:
            raise entry.refuse(f"artefact {rule.path!r} stands twice in phase {rule.phase!r}")
        self._check_persona(rule.persona, entry)
        self.artefacts[key] = rule

    def _check_persona(self, persona: str | None, entry: Value) -> None:
        """What is demanded of somebody nobody knows would never be judged."""
        if persona is not None and self.personas is not None and persona not in self.personas:
            raise entry.entries()["persona"].refuse(
                f"nobody knows persona {persona!r}; known: {', '.join(sorted(self.personas))}"
            )

    def blocking(self, phase: str) -> int:
        """Exit gates that can stop the phase."""
        return sum(
            gate.phase == phase
            and gate.stage is GateStage.EXIT
            and gate.severity is GateSeverity.BLOCKING
            for gate in self.gates.values()
        )

    def tighten(self, entry: Value) -> None:
        """Adds what an environment demands beyond the one before it."""
        fields = entry.fields((), ("min_blocking_evaluated", "gates", "phases"))
        if "min_blocking_evaluated" in fields:
            self._raise_least(fields["min_blocking_evaluated"])
        if "gates" in fields:
            for name, patch in fields["gates"].entries().items():
                self._patch(name, patch)
        if "phases" in fields:
            for phase, added in fields["phases"].entries().items():
                if phase not in PHASES:
                    raise added.refuse(f"there is no phase {phase!r}")
                self.read_phase(phase, added)

    def _raise_least(self, value: Value) -> None:
        least = value.integer()
        if least < self.min_blocking:
            raise value.refuse(
                f"min_blocking_evaluated goes from {self.min_blocking} to {least}; "
                "an environment may only tighten"
            )
        self.min_blocking = least

    def _patch(self, name: str, patch: Value) -> None:
        before = self.gates.get(name)
        if before is None:
            raise patch.refuse(f"there is no gate {name!r} to tighten")
        after = patched_gate(before, patch, self.metrics)
        changes = gate_changes(before, after)
        if not changes:
            raise patch.refuse(f"gate {name!r} already demands that; leave it out")
        for change in changes:
            if change.effect is not ChangeEffect.TIGHTENED:
                raise _place(patch, change.what).refuse(
                    f"{change.what} of gate {name!r} goes from {change.before!r} to "
                    f"{change.after!r}; an environment may only tighten"
                )
        self.gates[name] = after


def _place(patch: Value, what: str) -> Value:
    """Where a patch says what changes `what` of a gate."""
    return patch.entries()["threshold" if what == "condition" else what.partition(" ")[0]]


def _load(
    path: Path, metrics: MetricCatalogue, personas: Collection[str] | None
) -> Mapping[Environment, Policy]:
    document = read(path).fields(_TOP, _TOP_OPTIONAL)
    check_version(document["schema_version"])
    head = document["policy"].fields(("id", "version"))
    identity = (_identity(head["id"]), head["version"].integer())
    demands = _Demands(metrics, personas)
    if "defaults" in document:
        demands.min_blocking = _least_blocking(document["defaults"])
    phases = _phases(document["phases"])
    for phase, entry in phases.items():
        demands.read_phase(phase, entry)
    waivers = _waivers(document.get("waivers"), demands)
    source = path.read_bytes() + metrics.digest.encode()
    overlays = _overlays(document.get("environments"))
    found: dict[Environment, Policy] = {}
    for environment in Environment:
        if environment in overlays:
            demands = demands.copy()
            demands.tighten(overlays[environment])
        for phase, entry in phases.items():
            _check_blocking(phase, entry, demands)
        digest = hashlib.sha256(source + environment.encode()).hexdigest()
        found[environment] = Policy(
            id=identity[0],
            version=identity[1],
            digest=f"sha256:{digest}",
            phases=tuple(phases),
            gates=tuple(demands.gates.values()),
            environment=environment,
            artefacts=tuple(demands.artefacts.values()),
            waivers=waivers,
            min_blocking_evaluated=demands.min_blocking,
        )
    return found


def _identity(value: Value) -> str:
    name = value.text()
    if not is_identifier(name):
        raise value.refuse(f"{name!r} cannot be a policy's id; use small letters, digits and '-'")
    return name


def _phases(entry: Value) -> Mapping[str, Value]:
    phases = entry.entries()
    for name, phase in phases.items():
        if name not in PHASES:
            raise phase.refuse(f"there is no phase {name!r}; known: {', '.join(PHASES)}")
    if tuple(phases) != PHASES:
        missing = [name for name in PHASES if name not in phases]
        why = f"missing: {', '.join(missing)}" if missing else f"got {', '.join(phases)}"
        raise entry.refuse(f"the phases must be, in this order: {', '.join(PHASES)}; {why}")
    return phases


def _least_blocking(entry: Value) -> int:
    """Errors and missing values block by definition; the file says so for its readers."""
    fields = entry.fields(("on_error", "on_missing", "min_blocking_evaluated"))
    for name in ("on_error", "on_missing"):
        if fields[name].plain() != "block":
            raise fields[name].refuse(
                f"{name} can only be 'block', got {fields[name].plain()!r}: what is unknown is "
                "no pass"
            )
    least = fields["min_blocking_evaluated"].integer()
    if least < 1:
        raise fields["min_blocking_evaluated"].refuse(
            f"min_blocking_evaluated must be 1 or more, got {least}: nothing judged is no pass"
        )
    return least


def _check_blocking(phase: str, entry: Value, demands: _Demands) -> None:
    blocking = demands.blocking(phase)
    if blocking == 0:
        raise entry.refuse(f"phase {phase!r} has no BLOCKING exit gate; nothing could stop it")
    if blocking < demands.min_blocking:
        raise entry.refuse(
            f"phase {phase!r} has {blocking} BLOCKING exit gate(s), but min_blocking_evaluated is "
            f"{demands.min_blocking}; it could never close"
        )


def _artefact(phase: str, entry: Value, metrics: MetricCatalogue) -> ArtefactRule:
    fields = entry.fields(("path", "schema"), ("min", "when", "persona"))
    path = fields["path"].text()
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        raise fields["path"].refuse(f"{path!r} must be relative, with '/', and stay in the tree")
    least = fields["min"].integer() if "min" in fields else 1
    if least < 1:
        raise fields["min"].refuse(
            f"min must be 1 or more, got {least}: none demanded is no demand"
        )
    return ArtefactRule(
        phase=phase,
        path=path,
        schema=ArtefactSchema(fields["schema"].one_of(tuple(ArtefactSchema))),
        min=least,
        when=read_scope(fields.get("when"), metrics),
        persona=read_persona(fields.get("persona")),
    )


def _waivers(entry: Value | None, demands: _Demands) -> tuple[Waiver, ...]:
    found: dict[tuple[str, str], Waiver] = {}
    for item in entry.items() if entry is not None else ():
        waiver = read_waiver(item, demands.gates, demands.metrics)
        key = (waiver.gate, waiver.project)
        if key in found:
            raise item.refuse(f"gate {waiver.gate!r} is waived twice for {waiver.project!r}")
        found[key] = waiver
    return tuple(found.values())


def _overlays(entry: Value | None) -> Mapping[Environment, Value]:
    """Development is the policy itself."""
    if entry is None:
        return {}
    known = (Environment.STAGING.value, Environment.PRODUCTION.value)
    return {Environment(name): value for name, value in entry.fields((), known).items()}
