"""HTML held against the standard: every HTML file, and every page as the application serves it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx

from maestro.domain.values import JsonScalar
from maestro.quality.evidence.programs import NotMeasurable, ToolFailed
from maestro.quality.evidence.running.workbench import Started, Workbench, answer, empty_sandbox
from maestro.quality.evidence.tooling import UnusableFile, read_files
from maestro.quality.metrics import DATA

SESSION = DATA / "html_validate" / "session.mjs"
SECONDS = 60.0
MAX_BYTES = 5_000_000
MAX_SHOWN = 40
_ERROR = 2
"""What html-validate calls an error; a warning is 1."""


async def validate_markup(bench: Workbench) -> Mapping[str, JsonScalar]:
    if bench.equipment.node is None:
        raise NotMeasurable("no Node was found; install the extra 'offline'")
    try:
        files = await asyncio.to_thread(read_files, bench.root)
    except UnusableFile as error:
        raise ToolFailed(str(error)) from error
    sources = {file.path: file.text for file in files if file.suffix in (".html", ".htm")}
    project = bench.project
    if project.application is not None and project.pages:
        async with bench.started(project.application, project.ports) as started:
            served = await _served(started, [page.path for page in project.pages])
        # A file that is served as it is counts once.
        sources |= {n: text for n, text in served.items() if text not in sources.values()}
    if not sources:
        raise NotMeasurable("the project has no HTML file and names no page")
    told = await _validated(bench, str(bench.equipment.node), sources)
    bench.measurement.version = str(told["version"])
    bench.measurement.files_examined = len(told["files"])
    if set(told["files"]) != set(sources):
        raise ToolFailed("not every file was validated")
    errors = [
        f"{name}:{m['line']}:{m['column']}: {m['rule']}: {m['message']}"
        for name, messages in told["files"].items()
        for m in messages
        if m["severity"] >= _ERROR
    ]
    bench.measurement.detail += errors[:MAX_SHOWN]
    return {"html.errors": len(errors)}


async def _validated(bench: Workbench, node: str, sources: Mapping[str, str]) -> Mapping[str, Any]:
    if sum(len(source) for source in sources.values()) > MAX_BYTES:
        raise ToolFailed(f"the HTML is larger than {MAX_BYTES} bytes in total")
    async with empty_sandbox(bench.equipment.sandboxes) as sandbox:
        job = sandbox.root / "sources.json"
        await asyncio.to_thread(job.write_text, json.dumps(sources), encoding="utf-8")
        argv = (node, str(SESSION), str(job))
        result = await sandbox.run(argv, timeout=SECONDS)
    bench.measurement.argv, bench.measurement.exit_code = argv[:2], result.exit_code
    bench.measurement.raw = result.stdout
    if result.timed_out or result.exit_code != 0:
        raise ToolFailed(f"html-validate broke ({result.exit_code}): {result.stderr[-500:]}")
    return answer(result)


async def _served(started: Started, paths: list[str]) -> dict[str, str]:
    """The source of each page, as it comes from the server; once for all views of one page."""
    found: dict[str, str] = {}
    async with httpx.AsyncClient(timeout=10.0, trust_env=False, follow_redirects=False) as client:
        for path in dict.fromkeys(path.partition("#")[0] for path in paths):
            found[f"GET {path}"] = await _page(client, started.url + path)
    return found


async def _page(client: httpx.AsyncClient, url: str) -> str:
    """Raises ToolFailed unless it is one whole HTML page."""
    place = httpx.URL(url).path
    try:
        async with client.stream("GET", url, headers={"accept": "text/html"}) as reply:
            content = bytearray()
            async for chunk in reply.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    raise ToolFailed(f"{place} is larger than {MAX_BYTES} bytes")
    except httpx.HTTPError as error:
        raise ToolFailed(f"{place} cannot be had: {type(error).__name__}") from error
    kind = reply.headers.get("content-type", "")
    if reply.status_code != 200 or not kind.startswith("text/html"):
        raise ToolFailed(f"{place} answered {reply.status_code} {kind!r} instead of a page")
    return content.decode("utf-8", errors="replace")
