"""Documents that models write are held against what the contract says they mention.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
import re
from pathlib import Path

from llm_runs import ANALYST, submitted, table
from model_double import Asked, Says, serving
from renaming import renamed_file

from maestro.bootstrap import connect
from maestro.settings import Settings


def test_a_document_without_the_parts_of_the_requirement_is_written_again(tmp_path: Path) -> None:
    def script(asked: Asked) -> Says:
        right = renamed_file(asked)
        if "does not mention" in asked.last:
            return right
        without = re.sub(r"(?m)^\| `R.*\n", "", right.text)
        return Says(text=re.sub(r"\d+ parts were", "0 parts were", without))

    async def scenario() -> list[dict[str, object]]:
        async with connect(Settings.load(database=tmp_path / "maestro.db")) as maestro:
            run_id = await submitted(maestro, table(double.url, ANALYST), ANALYST)
            result = await maestro.execute(run_id)
            assert result.status == "succeeded", result.reasons
            detail = await maestro.show(run_id)
        (row,) = [row for row in detail.steps if row.step_id == f"work.{ANALYST}"]
        return list(row.output["result"]["details"]["tries"])

    with serving(script) as double:
        first, second = asyncio.run(scenario())
    assert first["failed"] == [
        "requirements-document.document-mentions.docs-requirements-md: "
        "docs/requirements.md does not mention 'R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7', 'R8'"
    ]
    assert second["failed"] == []
    asked, asked_again = (one.last for one in double.asked)
    assert "R8 capability: filter books by status" in asked
    assert "has to mention each of these" in asked
    assert "does not mention 'R1'" in asked_again
    assert all("books" not in one.system for one in double.asked)
