"""Work of personas that a run leaves to workers, instead of doing it where the run is driven."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from maestro.domain.encoding import decode
from maestro.domain.models import EVERY_PERSONA
from maestro.domain.requirement import Requirement
from maestro.domain.values import JsonObject, is_identifier
from maestro.domain.workflow import Step
from maestro.errors import InvalidInput


def check_capabilities(
    capabilities: Mapping[str, str], personas: Collection[str], *, shared: bool
) -> None:
    """Raises InvalidInput for what is no persona or no capability, and where no worker could take
    a step.

    Args:
        shared: whether processes share the store.
    """
    for persona, capability in capabilities.items():
        if persona != EVERY_PERSONA and persona not in personas:
            raise InvalidInput(
                f"capabilities: there is no persona {persona!r}; known: "
                f"{', '.join(sorted(personas))}"
            )
        if not is_identifier(capability):
            raise InvalidInput(
                f"capabilities: {persona}: {capability!r} is no capability: use a small letter, "
                "then letters, digits, '.', '_', '-'"
            )
    if capabilities and not shared:
        raise InvalidInput(
            "work can be left to workers only where processes share the store: name a PostgreSQL "
            "database, e.g. --db postgresql://user@host/maestro"
        )


def capabilities_of(inputs: JsonObject) -> Mapping[str, str]:
    """Of a run; none where it builds nothing."""
    asked = inputs.get("requirement")
    return {} if asked is None else decode(Requirement, asked).constraints.capabilities


def left_to_workers(steps: Iterable[Step], capabilities: Mapping[str, str]) -> tuple[Step, ...]:
    """The steps, with the capability that each persona's work is to be left to."""
    return tuple(_left(step, capabilities) for step in steps)


def _left(step: Step, capabilities: Mapping[str, str]) -> Step:
    everybody = capabilities.get(EVERY_PERSONA, "")
    capability = capabilities.get(step.persona or "", everybody)
    if step.action != "persona.work" or not capability:
        return step
    return replace(step, capability=capability)


def told(capabilities: Mapping[str, str]) -> str:
    """As one line; empty where nothing is left to workers."""
    whose: dict[str, list[str]] = {}
    for persona, capability in sorted(capabilities.items()):
        name = "everybody else" if len(capabilities) > 1 else "everybody"
        whose.setdefault(capability, []).append(name if persona == EVERY_PERSONA else persona)
    return "; ".join(
        f"workers that offer {capability!r} do the work of {', '.join(names)}"
        for capability, names in whose.items()
    )
