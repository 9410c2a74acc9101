"""A stub counts only when it keeps the contract it was made from."""

import asyncio
from pathlib import Path

from maestro.contracts.exports import ExportedProject, check_export, export
from maestro.contracts.reading import read_contract
from maestro.domain.contract import CheckResult

PRICING = Path(__file__).parents[2] / "examples" / "contracts" / "pricing.py"


async def unheard(message: str) -> None:
    """Nobody watches."""


def checked(project: ExportedProject) -> CheckResult:
    contract = read_contract(PRICING)
    return asyncio.run(check_export(contract, "python-stub", project, unheard))


def test_a_stub_keeps_its_contract() -> None:
    project = export(read_contract(PRICING), "python-stub")
    assert set(project.files) == {"pricing.py"}
    result = checked(project)
    assert result.passed, result.detail


def test_a_stub_that_lacks_a_method_does_not_count() -> None:
    source = export(read_contract(PRICING), "python-stub").files["pricing.py"]
    spoilt = source.replace(b"def cheapest(", b"def dearest(")
    assert spoilt != source
    result = checked(ExportedProject(files={"pricing.py": spoilt}))
    assert not result.passed
    assert "Pricing.cheapest" in result.detail
