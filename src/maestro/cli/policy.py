"""`maestro policy`: check, show, diff, explain."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.cli import policy_view, render
from maestro.domain.encoding import encode
from maestro.domain.quality import Environment, Policy
from maestro.errors import InvalidInput
from maestro.planning.catalogue import load_catalogue
from maestro.quality.metrics import built_in_metrics
from maestro.quality.policy import load_policies
from maestro.quality.tightness import ChangeEffect, changes_by_environment

Json = Annotated[bool, Parameter(negative="", help="Machine-readable output.")]
PolicyFile = Annotated[
    Path | None, Parameter(name="--policy", help="A policy file, instead of the built-in one.")
]
InEnvironment = Annotated[Environment, Parameter(help="As tightened for this environment.")]
_PLACE = re.compile(r"[^:]+:([0-9]+):([0-9]+): (.*)", re.DOTALL)


async def check(
    *files: Annotated[Path, Parameter(name="FILE", help="Policy files.")], json: Json = False
) -> int:
    """Say whether policies may be used; exit code 2 when one is refused."""
    if not files:
        raise InvalidInput("name at least one FILE to check")
    refused = False
    for file in files:
        try:
            policies = await asyncio.to_thread(_load, file)
        except InvalidInput as error:
            refused = True
            _tell_refused(file, str(error), as_json=json)
            continue
        if json:
            about = {
                environment.value: policy_view.summary(policy)
                for environment, policy in policies.items()
            }
            render.document(
                {"type": "policy_check", "file": str(file), "ok": True, "environments": about}
            )
        else:
            policy_view.accepted(str(file), policies)
    return 2 if refused else 0


async def show(
    file: Annotated[
        Path | None, Parameter(name="FILE", help="A policy file; the built-in one without.")
    ] = None,
    *,
    phase: Annotated[str | None, Parameter(help="Only this phase.")] = None,
    environment: InEnvironment = Environment.DEVELOPMENT,
    json: Json = False,
) -> int:
    """Show what each phase must show before it may close."""
    policy = (await asyncio.to_thread(_load, file))[environment]
    if phase is not None and phase not in policy.phases:
        raise InvalidInput(
            f"--phase {phase!r}: policy {policy.id!r} has {', '.join(policy.phases)}"
        )
    phases = policy.phases if phase is None else (phase,)
    if json:
        render.document(
            {
                "type": "policy",
                **policy_view.summary(policy),
                "phases": [policy_view.phase_document(policy, name) for name in phases],
                "waivers": encode(policy.waivers),
            }
        )
    else:
        policy_view.policy(policy, phases)
    return 0


async def diff(
    old: Annotated[Path, Parameter(name="OLD", help="The earlier policy file.")],
    new: Annotated[Path, Parameter(name="NEW", help="The later one.")],
    *,
    json: Json = False,
) -> int:
    """Say what a policy loosens and tightens; exit code 3 when it may let more through."""
    before, after = [await asyncio.to_thread(_load, file) for file in (old, new)]
    changes = changes_by_environment(before, after)
    loosened = any(change.effect is not ChangeEffect.TIGHTENED for change in changes)
    if json:
        told = [
            {**encode(change), "environments": encode(environments)}
            for change, environments in changes.items()
        ]
        render.document({"type": "policy_diff", "loosened": loosened, "changes": told})
    else:
        policy_view.changes(changes)
    return 3 if loosened else 0


async def explain(
    gate: Annotated[str, Parameter(name="GATE", help="Id of a gate, e.g. TST-4.")],
    *,
    policy: PolicyFile = None,
    json: Json = False,
) -> int:
    """Say what a gate measures, who measures it, and what it takes to pass."""
    policies = await asyncio.to_thread(_load, policy)
    found = {
        environment: item
        for environment, demanded in policies.items()
        for item in demanded.gates
        if item.id == gate
    }
    if not found:
        known = ", ".join(item.id for item in policies[Environment.PRODUCTION].gates)
        raise InvalidInput(f"there is no gate {gate!r}; known: {known}")
    if json:
        render.document(policy_view.gate_document(found, built_in_metrics()))
    else:
        policy_view.gate(found, built_in_metrics())
    return 0


def _load(file: Path | None) -> Mapping[Environment, Policy]:
    """Blocks."""
    return load_policies(file, personas=frozenset(load_catalogue().personas))


def _tell_refused(file: Path, message: str, *, as_json: bool) -> None:
    match = _PLACE.fullmatch(message)
    line, column, reason = match.groups() if match else ("1", "1", message)
    if as_json:
        render.document(
            {
                "type": "policy_check",
                "file": str(file),
                "ok": False,
                "line": int(line),
                "column": int(column),
                "reason": reason,
            }
        )
    else:
        render.line(f"refused  {file}:{line}:{column}: {reason}")
