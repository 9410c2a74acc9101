"""The shop and the library of tests/data/faulty_provider, started and verified."""

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path

from maestro.contracts.reading import read_contract
from maestro.contracts.verification.outcome import ProviderReport
from maestro.contracts.verification.provider import VerificationOptions, verify_provider
from maestro.contracts.verification.starting import launch_of
from maestro.domain.contract import Contract
from maestro.domain.work import LaunchCommand
from maestro.ports import RecordedCall

ROOT = Path(__file__).parents[2]
PROVIDERS = ROOT / "tests" / "data" / "faulty_provider"
SHOP = ROOT / "examples" / "contracts" / "shop.yaml"
LIBRARY = PROVIDERS / "library.yaml"
QUICK = VerificationOptions(generated_seconds=0)
"""Without generated requests."""


async def silent(line: str) -> None:
    """A report that nobody reads."""


def command(fault: str = "", *, program: str = "shop_provider.py") -> LaunchCommand:
    file = shlex.quote(str(PROVIDERS / program))
    return launch_of(f"env FAULT={fault} {{python}} {file} {{port}}")


def verified(
    contract: Contract | Path,
    fault: str,
    *,
    calls: Sequence[RecordedCall] = (),
    options: VerificationOptions = QUICK,
) -> ProviderReport:
    """What comes out for a provider with a fault."""
    program = "library_provider.py" if contract == LIBRARY else "shop_provider.py"
    given = read_contract(contract) if isinstance(contract, Path) else contract
    return asyncio.run(
        verify_provider(
            given,
            command=command(fault, program=program),
            folder=ROOT,
            calls=calls,
            report=silent,
            options=options,
        )
    )
