"""A program: attacks the sandbox mechanisms named as arguments, and prints what came of it.

    python attack_report.py bubblewrap landlock

Prints JSON: user, and per mechanism its level, what held, which attacks succeeded or stayed silent.
"""

import asyncio
import json
import os
import sys
from typing import Any

from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.control_groups import find_home
from maestro.agents.sandboxes.probe import ATTACKS, attacked, strength_of


async def report(mechanism: str, *, groups: bool) -> dict[str, Any]:
    confinement = Confinement(mechanism=mechanism, groups=groups)
    names = [name for name in ATTACKS if groups or name != "burn_processor"]  # no group needed
    findings = await attacked(confinement, names)
    strength = strength_of(confinement, findings.held)
    return {
        "level": strength.level,
        "missing": strength.missing,
        "succeeded": findings.succeeded,
        "untold": findings.untold,
        "problem": findings.problem,
    }


async def main() -> None:
    found: dict[str, Any] = {"user": os.geteuid()}
    for mechanism in sys.argv[1:]:
        for groups in (True, False) if find_home() is not None else (True,):
            name = mechanism if groups else f"{mechanism} without groups"
            found[name] = await report(mechanism, groups=groups)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
