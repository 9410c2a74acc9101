"""Models that have nothing to do, or do the same again and again.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
from pathlib import Path

from llm_runs import DATABASE, submitted, table
from model_double import Says, serving

from maestro.bootstrap import connect
from maestro.delivery.service import RunDetail
from maestro.domain.models import WorkStyle
from maestro.settings import Settings

BACKEND, SECURITY = "backend_developer", "security_specialist"


async def ended(folder: Path, url: str, style: WorkStyle, played: str, *others: str) -> RunDetail:
    async with connect(Settings.load(database=folder / "maestro.db")) as maestro:
        models = table(url, played, style=style)
        run_id = await submitted(maestro, models, *others, played)
        await maestro.execute(run_id)
        return await maestro.show(run_id)


def test_nobody_is_asked_for_files_that_a_given_program_makes(tmp_path: Path) -> None:
    with serving(lambda _: Says(text="never asked")) as double:
        detail = asyncio.run(ended(tmp_path, double.url, WorkStyle.FILES, SECURITY, BACKEND))
    assert detail.outcome.status == "succeeded", detail.outcome.reasons
    (row,) = [row for row in detail.steps if row.step_id == f"work.{SECURITY}"]
    result = row.output["result"]
    assert double.asked == []
    assert "had nothing to write" in result["summary"]
    assert {check["id"]: check["passed"] for check in result["checks"]} == {
        "deliverables.present": True,
        "deliverables.readable": True,
        "security-checks-pass": True,
    }


def test_a_model_that_repeats_one_call_is_not_asked_for_ever(tmp_path: Path) -> None:
    with serving(lambda _: Says(calls=(("list_files", {}),))) as double:
        detail = asyncio.run(ended(tmp_path, double.url, WorkStyle.TOOLS, DATABASE))
    assert detail.outcome.status == "blocked"
    tries = 2
    assert len(double.asked) == 4 * tries
