"""python -m bench.sandbox [--rounds N]

Starts `/bin/true` in every mechanism of this host, one after the other in turns. Prints median and
90th percentile by the clock, and the processor time, which a busy machine does not change much.
The floors are the same command started bare, by bubblewrap alone, and by an interpreter that does
nothing but that.
"""

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from maestro.agents.sandboxes.confinement import Confinement
from maestro.agents.sandboxes.host import HostSandbox, prepare
from maestro.agents.sandboxes.probe import strength_of
from maestro.ports import Reach

TRUE = "/bin/true"
BARE_BUBBLEWRAP = (
    "bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib",
    "--symlink", "usr/lib64", "/lib64", "--symlink", "usr/bin", "/bin", "--proc", "/proc",
    "--dev", "/dev", "--die-with-parent", TRUE,
)  # fmt: skip
BARE_INTERPRETER = (sys.executable, "-I", "-S", "-c", f"import os; os.execv({TRUE!r}, [{TRUE!r}])")
Start = Callable[[], Awaitable[None]]


def bare(*argv: str) -> Start:
    async def start() -> None:
        process = await asyncio.create_subprocess_exec(*argv)
        if await process.wait() != 0:
            raise SystemExit(f"{argv[0]} ended with {process.returncode}")

    return start


def sandboxed(folder: Path, confinement: Confinement, reach: Reach) -> Start:
    scratch = folder / "scratch"
    (folder / "root").mkdir(parents=True)
    prepare(scratch)
    sandbox = HostSandbox(folder / "root", scratch, confinement, strength_of(confinement, ()))

    async def start() -> None:
        result = await sandbox.run([TRUE], timeout=60, reach=reach)
        if result.exit_code != 0:
            raise SystemExit(result.stderr)

    return start


def contenders(folder: Path) -> dict[str, Start]:
    named = Reach(connect=(1,), listen=(2,))
    cases = {
        "supervised, not confined": (Confinement(mechanism="off", groups=False), Reach()),
        "bubblewrap": (Confinement(mechanism="bubblewrap", groups=False), Reach()),
        "bubblewrap, control groups": (Confinement(mechanism="bubblewrap"), Reach()),
        "bubblewrap, control groups, named ports": (Confinement(mechanism="bubblewrap"), named),
        "Landlock": (Confinement(mechanism="landlock", groups=False), Reach()),
        "Landlock, control groups, named ports": (Confinement(mechanism="landlock"), named),
    }
    started = {
        name: sandboxed(folder / str(index), confinement, reach)
        for index, (name, (confinement, reach)) in enumerate(cases.items())
    }
    return {
        "floor: the command alone": bare(TRUE),
        "floor: bubblewrap alone": bare(*BARE_BUBBLEWRAP),
        "floor: an interpreter alone": bare(*BARE_INTERPRETER),
        **started,
    }


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of each start: by the clock, and of processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


async def measure(rounds: int) -> dict[str, Taken]:
    with tempfile.TemporaryDirectory() as folder:
        starts = contenders(Path(folder))
        taken = {name: Taken() for name in starts}
        for turn in range(rounds + 1):
            for name, start in starts.items():
                begin, used = time.perf_counter(), _processor_time()
                await start()
                if turn:  # the first one warms the caches
                    taken[name].clock.append((time.perf_counter() - begin) * 1000)
                    taken[name].processor.append((_processor_time() - used) * 1000)
    return taken


def _processor_time() -> float:
    """Of all processes that were started and have ended; the kernel counts it exactly."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    taken = asyncio.run(measure(parser.parse_args().rounds))
    head = f"{'start of /bin/true':42}{'median ms':>10}{'p90 ms':>10}{'processor ms':>14}"
    sys.stdout.write(head + "\n")
    for name, one in taken.items():
        p90 = statistics.quantiles(one.clock, n=10)[-1]
        middle = statistics.median(one.clock)
        used = statistics.median(one.processor)
        sys.stdout.write(f"{name:42}{middle:10.1f}{p90:10.1f}{used:14.1f}\n")


if __name__ == "__main__":
    main()
