import asyncio
from pathlib import Path

import pytest

from maestro.contracts.verification import KindVerifier
from maestro.domain.contract import Contract, ContractKind, SpecificationFormat, Verification
from maestro.domain.values import ContractId
from maestro.errors import InvalidInput
from maestro.ports import Report, Sandbox, VerificationTarget


class FakeVerifier:
    def __init__(self, name: str) -> None:
        self.name = name

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=0,
            operations_tested=0,
            checks=(),
            findings=(),
            requests=0,
            duration_seconds=0.0,
            tool=self.name,
        )


async def silent(line: str) -> None:
    """Progress is not looked at."""


def of_kind(kind: ContractKind) -> Contract:
    return Contract(
        id=ContractId("documentation"),
        name="Documentation",
        kind=kind,
        version="1.0.0",
        provider="technical_writer",
        component="app",
        consumers=(),
        format=SpecificationFormat.JSON_SCHEMA,
        specification={},
        deliverables=(),
        acceptance=(),
    )


def test_each_kind_has_its_verifier_and_an_unknown_one_is_refused(fake_sandbox: Sandbox) -> None:
    verifier = KindVerifier(
        {
            ContractKind.DOCUMENT: FakeVerifier("documents"),
            ContractKind.REST: FakeVerifier("rest"),
        }
    )
    target = VerificationTarget(description="files", sandbox=fake_sandbox)
    made = asyncio.run(verifier.verify(of_kind(ContractKind.DOCUMENT), target, silent))
    assert made.tool == "documents"
    with pytest.raises(InvalidInput, match=r"'page'.*document, rest"):
        asyncio.run(verifier.verify(of_kind(ContractKind.PAGE), target, silent))


@pytest.fixture
def fake_sandbox(tmp_path: Path) -> Sandbox:
    class FakeSandbox:
        root = tmp_path

    made: Sandbox = FakeSandbox()  # type: ignore[assignment]
    return made
