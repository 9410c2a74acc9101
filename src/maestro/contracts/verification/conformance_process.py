"""Generated requests come from a process of their own.

Schemathesis and Hypothesis keep a processor busy; in a thread of ours they would slow down the
mocks and the engine that share the interpreter with them.

    python -I -m maestro.contracts.verification.conformance_process JOB_FILE PARENT_PID

writes JSON lines: {"say": text} while it works, then {"result": ...}, or {"error", "code"}.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maestro.contracts.verification.conformance import Conformance, ConformanceRun
from maestro.contracts.verification.interface import Interface
from maestro.domain.contract import CheckResult, Finding
from maestro.domain.encoding import decode, encode
from maestro.errors import InvalidInput, MaestroError, StepFailed
from maestro.ports import Report

GRACE_SECONDS = 60.0
"""Beyond its own limit, for loading, the last request and the answer."""
MAX_LINE_BYTES = 32_000_000
KEPT_LOG_BYTES = 20_000
PR_SET_PDEATHSIG = 1


async def run_conformance(run: ConformanceRun, report: Report) -> Conformance:
    """Executes `run` in a child process, which is ended whenever this returns.

    Raises InvalidInput for an untestable document, StepFailed when testing itself broke.
    """
    job = {
        "document": dict(run.interface.document),
        "url": run.url,
        "seed": run.seed,
        "excluded": sorted(run.excluded),
        "time_limit": run.time_limit,
        "headers": dict(run.headers),
        "examples_in_all": run.examples_in_all,
    }
    with tempfile.TemporaryDirectory(prefix="maestro-conformance-") as folder:
        file = Path(folder) / "job.json"
        await asyncio.to_thread(file.write_text, json.dumps(job), "utf-8")
        try:
            async with asyncio.timeout(run.time_limit + GRACE_SECONDS):
                return await _converse(file, report)
        except TimeoutError:
            raise StepFailed(
                f"contract tests did not end within {run.time_limit + GRACE_SECONDS:.0f} s"
            ) from None


async def _converse(job: Path, report: Report) -> Conformance:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "maestro.contracts.verification.conformance_process",
        str(job),
        str(os.getpid()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        cwd=job.parent,
        limit=MAX_LINE_BYTES,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    log = bytearray()
    listening = asyncio.ensure_future(_keep(process.stderr, log))
    try:
        async for line in process.stdout:
            told = json.loads(line)
            if "say" in told:
                await report(str(told["say"]))
            else:
                return _conformance(told)
        await listening
        raise StepFailed(
            f"contract tests ended without a result: …{log.decode('utf-8', 'replace')[-800:]}"
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
        listening.cancel()


async def _keep(stream: asyncio.StreamReader, log: bytearray) -> None:
    while chunk := await stream.read(65536):
        log += chunk
        del log[:-KEPT_LOG_BYTES]


def _conformance(told: Mapping[str, Any]) -> Conformance:
    if "error" in told:
        kind = InvalidInput if told["code"] == InvalidInput.code else StepFailed
        raise kind(str(told["error"]))
    result = told["result"]
    return Conformance(
        checks=tuple(decode(CheckResult, item) for item in result["checks"]),
        findings=tuple(decode(Finding, item) for item in result["findings"]),
        tested=frozenset(result["tested"]),
        requests=int(result["requests"]),
    )


def main() -> None:
    _end_with(int(sys.argv[2]))
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    run = ConformanceRun(
        interface=Interface(job["document"]),
        url=job["url"],
        seed=job["seed"],
        excluded=frozenset(job["excluded"]),
        time_limit=job["time_limit"],
        headers=job["headers"],
        examples_in_all=job["examples_in_all"],
    )
    try:
        found = run.execute(lambda line: _tell({"say": line}))
    except MaestroError as error:
        _tell({"error": str(error), "code": error.code})
        return
    _tell(
        {
            "result": {
                "checks": encode(found.checks),
                "findings": encode(found.findings),
                "tested": sorted(found.tested),
                "requests": found.requests,
            }
        }
    )


def _end_with(parent: int) -> None:
    """From now on the kernel ends this process when its parent dies, however that dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that wanted these tests is gone")


def _tell(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
