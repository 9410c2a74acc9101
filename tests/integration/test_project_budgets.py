"""What a project may spend stops its runs, by whichever command they are gone on with."""

import asyncio
from pathlib import Path

import pytest
from llm_runs import DATABASE, submitted, table
from model_double import serving
from renaming import renamed_file

from maestro.bootstrap import connect
from maestro.cli.main import main
from maestro.settings import Settings


def test_a_project_out_of_money_pauses_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "maestro.db"

    async def begun(url: str) -> str:
        async with connect(Settings.load(database=database), project="shop") as maestro:
            run_id = await submitted(maestro, table(url, DATABASE), DATABASE)
            assert (await maestro.execute(run_id)).status == "paused"
            return str(run_id)

    def typed(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*words, "--db", str(database)])
        printed = capsys.readouterr()
        return int(str(ended.value.code)), printed.out + printed.err

    with serving(renamed_file) as double:
        assert typed("projects", "budget", "shop", "--max-cost", "0.01")[0] == 0
        run = asyncio.run(begun(double.url))
        assert len(double.asked) == 1
        code, said = typed("runs", "resume", run)
        assert code == 4
        assert "maestro: budget: the budget of project 'shop' is used up: cost" in said
        assert len(double.asked) == 1
        code, said = typed("projects", "show", "shop")
        assert "of 0.01 USD" in said
        assert typed("projects", "budget", "shop", "--max-cost", "-1")[0] == 2
