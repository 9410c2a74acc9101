"""`maestro backup`."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from maestro.cli import render
from maestro.cli.options import StoreOptions
from maestro.storage.backup import back_up


async def backup(
    folder: Annotated[Path, Parameter(help="An empty folder, or one that is not there yet.")],
    /,
    *,
    json: Annotated[bool, Parameter(negative="", help="Machine-readable output.")] = False,
    store: StoreOptions | None = None,
) -> int:
    """Copy database, artefacts and the audit log's key, while a server may be running.

    The copy is used where it is: maestro serve --db FOLDER/maestro.db
    """
    settings = (store or StoreOptions()).settings()
    made = await asyncio.to_thread(back_up, settings, folder.expanduser().absolute())
    if json:
        render.document(
            {
                "type": "backup",
                "database": str(made.database),
                "runs": made.runs,
                "artefacts": made.artefacts,
            }
        )
    else:
        render.line(f"copied {made.runs} runs and {made.artefacts} artefacts")
        render.line(f"use it with: --db {made.database}")
    return 0
