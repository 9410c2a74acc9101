"""One process that builds what a model plays: `python llm_attempt.py DATABASE RUN`."""

import asyncio
import sys
from pathlib import Path

from maestro.bootstrap import connect
from maestro.domain.values import RunId
from maestro.settings import Settings


async def main(database: str, run_id: str) -> None:
    async with connect(Settings.load(database=Path(database))) as maestro:
        await maestro.execute(RunId(run_id))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
