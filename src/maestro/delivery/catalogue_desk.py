"""What this Maestro knows and can: blueprints, personas, templates, policies. All of it blocks."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TypeVar

from maestro.agents.executors.offline.packages import Manifest, built_in_packages
from maestro.domain.encoding import encode
from maestro.domain.quality import Environment, GateSeverity, GateStage, Policy
from maestro.domain.team import Blueprint, Persona
from maestro.domain.values import JsonObject
from maestro.errors import NotFound
from maestro.planning.catalogue import load_catalogue
from maestro.quality.policy import load_policies

T = TypeVar("T", Blueprint, Persona, Manifest)


def blueprints(words: str = "") -> Sequence[Blueprint]:
    """Those that hold every word, in whatever field; by id."""
    return _holding(load_catalogue().blueprints, words)


def personas(words: str = "") -> Sequence[Persona]:
    """Those that hold every word, in whatever field; by id."""
    return _holding(load_catalogue().personas, words)


def templates(words: str = "") -> Sequence[Manifest]:
    """What the offline team can work from; those that hold every word, by id."""
    return _holding({package.id: package.manifest for package in built_in_packages()}, words)


def blueprint(blueprint_id: str) -> Blueprint:
    """Raises NotFound."""
    return _known(load_catalogue().blueprints, blueprint_id, "blueprint")


def persona(persona_id: str) -> Persona:
    """Raises NotFound."""
    return _known(load_catalogue().personas, persona_id, "persona")


def policies() -> Sequence[JsonObject]:
    """What each environment demands, in figures."""
    return [policy_summary(policy) for policy in _policies().values()]


def policy(environment: str) -> JsonObject:
    """Everything that one environment demands. Raises NotFound."""
    found = _known({key.value: one for key, one in _policies().items()}, environment, "policy")
    return {
        **policy_summary(found),
        "phases": [
            {
                "phase": phase,
                "entry": encode(found.gates_of(phase, GateStage.ENTRY)),
                "exit": encode(found.gates_of(phase, GateStage.EXIT)),
                "artefacts": encode(found.artefacts_of(phase)),
            }
            for phase in found.phases
        ],
    }


def policy_summary(policy: Policy) -> JsonObject:
    return {
        "id": policy.id,
        "version": policy.version,
        "digest": policy.digest,
        "environment": policy.environment.value,
        "gates": len(policy.gates),
        "blocking": sum(gate.severity is GateSeverity.BLOCKING for gate in policy.gates),
        "min_blocking_evaluated": policy.min_blocking_evaluated,
        "phases": list(policy.phases),
    }


@cache
def _policies() -> Mapping[Environment, Policy]:
    return load_policies(personas=frozenset(load_catalogue().personas))


def _holding(known: Mapping[str, T], words: str) -> Sequence[T]:
    wanted = words.lower().split()
    return [
        item
        for _, item in sorted(known.items())
        if all(word in text for text in [_text(encode(item))] for word in wanted)
    ]


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(_text(item) for item in value.values())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " ".join(_text(item) for item in value)
    return str(value).lower()


K = TypeVar("K", Blueprint, Persona, Policy)


def _known(known: Mapping[str, K], name: str, what: str) -> K:
    if name not in known:
        raise NotFound(f"there is no {what} {name!r}; known: {', '.join(sorted(known))}")
    return known[name]
