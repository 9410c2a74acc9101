"""A property-based contract tester finds nothing wrong with the mock of a designed contract."""

import asyncio
import sys
from pathlib import Path

import yaml

from maestro.contracts.agree import agree
from maestro.contracts.design import design
from maestro.contracts.mocks import LiveMockProvider
from maestro.domain.contract import Contract
from maestro.domain.entities import DomainModel, Entity, Field, FieldType
from maestro.domain.requirement import Analysis, Complexity, Parallelizability, RequirementType
from maestro.domain.team import Member, Team

DOMAIN = DomainModel(
    title="Reviews",
    entities=(
        Entity(
            name="review",
            plural="reviews",
            fields=(
                Field(name="text", type=FieldType.TEXT, required=True),
                Field(name="stars", type=FieldType.INTEGER, minimum=1, maximum=5),
                Field(name="price", type=FieldType.DECIMAL),
                Field(name="mail", type=FieldType.EMAIL, unique=True),
                Field(name="day", type=FieldType.DATE),
                Field(name="state", type=FieldType.ENUM, required=True, values=("new", "old")),
                Field(name="answer_id", type=FieldType.REFERENCE, target="review"),
            ),
        ),
    ),
)


def api() -> Contract:
    analysis = Analysis(
        type=RequirementType.FEATURE_DEVELOPMENT,
        complexity=Complexity.SIMPLE,
        parallelizability=Parallelizability.FULLY_PARALLEL,
        expertise=(),
        effort_hours=1.0,
        risks=(),
        dependencies=(),
        rationale="",
        confidence=1.0,
        domain=DOMAIN,
        parts=(),
    )
    member = Member(role="backend", persona="backend_developer")
    return agree(design(analysis, Team(blueprint="x", members=(member,)))[0])


def test_the_mock_keeps_its_own_contract(tmp_path: Path) -> None:
    contract = api()
    specification = tmp_path / "openapi.yaml"
    specification.write_text(yaml.safe_dump(contract.specification))

    async def run() -> None:
        async with LiveMockProvider().serve(contract, consumer="qa_engineer") as mock:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "schemathesis.cli", "run", str(specification),
                "--url", mock.url, "--seed", "1", "--max-examples", "8",
                "--phases", "examples,fuzzing,stateful",
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            output, _ = await process.communicate()
            assert process.returncode == 0, output.decode()[-4000:]
            seen = {call.operation for call in mock.calls() if call.status < 300}
            assert {"POST /reviews", "GET /reviews/{review_id}"} <= seen
            assert any(not call.valid for call in mock.calls())
            assert all(call.status < 500 for call in mock.calls())

    asyncio.run(run())
