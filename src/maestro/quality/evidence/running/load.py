"""How fast the started services answer, and how often they do not."""

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from maestro.domain.contract_paths import readable_paths
from maestro.domain.values import JsonScalar
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.contracts import contracts_of
from maestro.quality.evidence.running.workbench import Workbench, answer
from maestro.quality.project import ServedComponent

SESSION = Path(__file__).with_name("load_session.py")
REQUESTS = 1_000
"""Of each service. With less, p99 rests on fewer than ten replies."""
WORKERS = 4
SECONDS = 120.0
REPLY_SECONDS = 10.0
GRACE_SECONDS = 40.0
ANSWER_SECONDS = 5.0


async def put_under_load(bench: Workbench) -> Mapping[str, JsonScalar]:
    """Every service, one after the other; the worst of them counts."""
    asked = await _asked(bench)
    if not asked:
        raise NotMeasurable(
            "nothing says what to ask under load: name load.paths or contracts in maestro.yaml"
        )
    told = [await _service(bench, component, paths) for component, paths in asked]
    bench.measurement.version = f"1, httptools {version('httptools')}"
    bench.measurement.argv = (sys.executable, "-I", str(SESSION))
    bench.measurement.files_examined = sum(int(one["requests"]) for one in told)
    requests = min(int(one["requests"]) for one in told)
    if requests < REQUESTS:
        raise NotMeasurable(f"only {requests} of {REQUESTS} requests were done in {SECONDS:.0f} s")
    return {
        "performance.requests": requests,
        "performance.p50_ms": max(float(one["p50"]) for one in told),
        "performance.p95_ms": max(float(one["p95"]) for one in told),
        "performance.p99_ms": max(float(one["p99"]) for one in told),
        "performance.error_ratio": max(one["errors"] / one["requests"] for one in told),
    }


async def _asked(bench: Workbench) -> list[tuple[ServedComponent, tuple[str, ...]]]:
    """What each service is asked; a folder's contracts count for its only service."""
    components = bench.project.components
    read: tuple[str, ...] = ()
    if len(components) == 1 and not components[0].paths:
        base = components[0].launch.base_path
        contracts = await contracts_of(bench)
        read = tuple(base + path for one in contracts for path in readable_paths(one))
    return [(one, one.paths or read) for one in components if one.paths or read]


async def _service(
    bench: Workbench, component: ServedComponent, paths: tuple[str, ...]
) -> Mapping[str, Any]:
    async with bench.started(component.launch) as started:
        job = {
            "port": started.ports[0],
            "paths": list(paths),
            "requests": REQUESTS,
            "workers": WORKERS,
            "seconds": SECONDS,
            "reply_seconds": REPLY_SECONDS,
        }
        result = await bench.session(
            (sys.executable, "-I", str(SESSION), json.dumps(job)),
            timeout=SECONDS + GRACE_SECONDS,
            ports=started.ports,
        )
        await _still_there(component, started.url, started.server.log())
    told = answer(result)
    bench.measurement.detail.append(
        f"{component.name}: {told['requests']} GET requests on {', '.join(paths)}, {WORKERS} at "
        f"once, in {told['seconds']:.1f} s: p50 {told['p50']:.1f}, p95 {told['p95']:.1f}, p99 "
        f"{told['p99']:.1f} ms; answers: {json.dumps(told['outcomes'])}"
    )
    return told


async def _still_there(component: ServedComponent, url: str, log: str) -> None:
    """Raises ToolFailed when the service did not live through it."""
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            reply = await client.get(url + component.launch.ready_path)
    except httpx.HTTPError as error:
        raise ToolFailed(f"{component.name} died under load: …{log[-500:]}") from error
    if reply.status_code >= 500:
        raise ToolFailed(f"{component.name} answers {reply.status_code} after the load")
