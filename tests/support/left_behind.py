"""A program: opens a sandbox in FOLDER, says it is up, and waits until it is killed.

python left_behind.py MECHANISM FOLDER MARKER
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.host import HostSandbox, prepare
from maestro.agents.sandboxes.owners import named
from maestro.agents.sandboxes.probe import strength_of

WAITING = (
    "import os,sys,time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork(): os._exit(0)\n"
    "open('up', 'w').write('x')\n"
    "time.sleep(300)"
)


async def main(mechanism: str, folder: Path, marker: str) -> None:
    scratch = folder / (named("") + "scratch")
    prepare(scratch)
    (folder / "root").mkdir()
    confinement = Confinement(mechanism=mechanism)
    sandbox = HostSandbox(folder / "root", scratch, confinement, strength_of(confinement, ()))
    run = asyncio.ensure_future(sandbox.run([sys.executable, "-c", WAITING, marker], timeout=100))
    while not (folder / "root" / "up").exists():
        await asyncio.sleep(0.02)
    sys.stdout.write("up\n")
    sys.stdout.flush()
    signal.alarm(100)
    await run


if __name__ == "__main__":
    os.environ["TMPDIR"] = sys.argv[2]
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
