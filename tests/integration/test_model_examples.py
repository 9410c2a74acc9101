"""What an earlier run made and its gates let pass stands beside a model's questions in later ones.

The double is a test double of providers (tests/support/model_double.py), not a model.
"""

import asyncio
from pathlib import Path

from llm_runs import ANALYST, BOOKS, gated, plan_of, submitted, table
from model_double import ModelDouble, Says, serving

from maestro.bootstrap import connect
from maestro.settings import Settings

DOGS = "Build a web app to manage dogs: a dog has a name, a size (small, large) and a birthday."
ACCEPTED = "as it was accepted in an earlier run"


def test_only_later_runs_of_the_same_project_see_it(tmp_path: Path) -> None:
    where = Settings.load(database=tmp_path / "maestro.db")

    async def built() -> None:
        async with connect(where, project="shop") as maestro:
            plan = gated(await plan_of(BOOKS, ANALYST), "requirements")
            result = await maestro.execute(await maestro.submit(BOOKS, plan=plan))
            assert result.status == "succeeded", result.reasons
            assert result.quality.gates_passed == 1

    async def asked(double: ModelDouble, project: str) -> str:
        before = len(double.asked)
        async with connect(where, project=project) as maestro:
            models = table(double.url, ANALYST, samples=1)
            await maestro.execute(await submitted(maestro, models, ANALYST, text=DOGS))
        first = double.asked[before]
        assert ACCEPTED not in first.system
        return first.last

    with serving(lambda _: Says(text="I shall not.", finish="refusal")) as double:
        asyncio.run(built())
        inside = asyncio.run(asked(double, "shop"))
        outside = asyncio.run(asked(double, "bank"))
    shown = inside.split(ACCEPTED)[1].split("</data>")[0]
    assert "<data>" in shown
    assert "author" in shown, "the earlier run was about books"
    assert ACCEPTED not in outside
