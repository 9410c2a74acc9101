"""Holds a really served web page against its contract, in a headless browser.

The page is code that an agent wrote, so the browser runs in the sandbox, driven by a process of its
own (page_session) that is given a job as a file and leaves its results as a file.
"""

import asyncio
import importlib.util
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from maestro.contracts.verification.acceptance import result_of, unverified
from maestro.contracts.verification.deliverables import examine_deliverables
from maestro.domain.contract import (
    AcceptanceCriterion,
    CheckResult,
    Contract,
    Finding,
    Severity,
    Verification,
)
from maestro.domain.values import JsonObject
from maestro.errors import InvalidInput, StepFailed
from maestro.ports import CommandResult, Reach, Report, VerificationTarget

CHECKS = frozenset(
    {
        "page_lists",
        "page_creates",
        "page_edits",
        "page_deletes",
        "page_filters",
        "page_searches",
    }
)
"""Checks of acceptance criteria that are done in the browser."""

SCRATCH = ".maestro-browser"
MAX_LOG = 800
"""Folder below the sandbox's root; gone afterwards."""

LEAST_SECONDS = 60.0
SECONDS_PER_CRITERION = 10.0
START_SECONDS = 30.0
REQUEST_SECONDS = 10.0

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLACES = (
    "/usr/lib/chromium/chromium",
    "/opt/google/chrome/chrome",
    "/snap/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def find_browser() -> Path | None:
    """A Chromium on PATH or in one of its usual places."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is not None:
        return Path(found)
    places = (Path(place) for place in _PLACES)
    return next((place for place in places if os.access(place, os.X_OK)), None)


@dataclass(frozen=True, slots=True)
class PageVerifier:
    """A ContractVerifier for pages: does what people would do, and looks whether it was stored."""

    browser: Path | None
    screenshots: Path | None = None
    """Folder for one picture per view; none are taken when None."""
    time_limit_seconds: float | None = None
    """Of the whole visit; grows with the number of criteria when None."""
    wait_seconds: float = 10.0
    """For one thing to appear or to go."""

    @property
    def available(self) -> bool:
        """Whether pages can be verified here; otherwise the caller records that they were not."""
        return self.browser is not None and importlib.util.find_spec("playwright") is not None

    async def verify(
        self, contract: Contract, target: VerificationTarget, report: Report
    ) -> Verification:
        """Without a browser the result has no checks, one warning, and so does not conform.

        Raises InvalidInput for a target without URL or a contract without views, StepFailed when
        the browser itself breaks.
        """
        if target.url is None:
            raise InvalidInput(f"contract {contract.id!r}: a page target needs the page's URL")
        job = _job(contract, target.url)
        if self.browser is None or not self.available:
            return _without_browser(contract, target)
        started = time.monotonic()
        files = await asyncio.to_thread(examine_deliverables, contract, target.sandbox.root)
        origins = await _origins(target.url)
        limit = self.time_limit_seconds or max(
            LEAST_SECONDS, SECONDS_PER_CRITERION * len(contract.acceptance)
        )
        await report(f"contract {contract.id}: visiting the page with {self.browser.name}")
        outcome = await self._visit(
            {
                **job,
                "browser": str(self.browser),
                "origins": origins,
                "seconds": limit,
                "wait_seconds": self.wait_seconds,
                "screenshots": self.screenshots is not None,
            },
            target,
            limit + START_SECONDS,
        )
        checks, findings = _results(contract, outcome)
        return Verification(
            contract=contract.id,
            target=target.description,
            operations_total=len(job["views"]),
            operations_tested=len(outcome["visited"]),
            checks=(*files.checks, *checks),
            findings=(*files.findings, *findings),
            requests=outcome["requests"],
            duration_seconds=time.monotonic() - started,
            tool=outcome["tool"],
        )

    async def _visit(
        self, job: JsonObject, target: VerificationTarget, limit: float
    ) -> Mapping[str, Any]:
        scratch = target.sandbox.root / SCRATCH
        ports = tuple(sorted({urlsplit(origin).port or 80 for origin in job["origins"]}))
        await asyncio.to_thread(_prepare, scratch, job)
        try:
            ended = await target.sandbox.run(
                (sys.executable, "-m", "maestro.contracts.verification.page_session", SCRATCH),
                timeout=limit,
                reach=Reach(connect=ports),
            )
            return await asyncio.to_thread(self._collect, scratch, ended)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)

    def _collect(self, scratch: Path, ended: CommandResult) -> Mapping[str, Any]:
        answer = scratch / "result.json"
        if ended.timed_out or ended.exit_code != 0 or not answer.is_file():
            how = "reached its time limit" if ended.timed_out else f"ended with {ended.exit_code}"
            tail = f"{ended.stdout}\n{ended.stderr}".strip()[-MAX_LOG:]
            raise StepFailed(f"the browser session {how} without a result: …{tail}")
        if self.screenshots is not None:
            self.screenshots.mkdir(parents=True, exist_ok=True)
            for picture in sorted(scratch.glob("*.png")):
                shutil.copyfile(picture, self.screenshots / picture.name)
        result: Mapping[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return result


def _job(contract: Contract, url: str) -> dict[str, Any]:
    views = contract.specification.get("views")
    if not isinstance(views, list | tuple) or not views:
        raise InvalidInput(f"contract {contract.id!r}: a page's specification needs 'views'")
    return {
        "url": url.rstrip("/") + "/",
        "token": uuid.uuid4().hex[:6],
        "views": [_view(contract, view) for view in views],
        "criteria": [
            {
                "id": criterion.id,
                "check": criterion.check,
                "entity": criterion.parameters.get("entity"),
                "field": criterion.parameters.get("field"),
            }
            for criterion in contract.acceptance
            if criterion.check in CHECKS
        ],
        "own_words": json.dumps(contract.specification),
    }


def _view(contract: Contract, view: Any) -> dict[str, Any]:
    if not isinstance(view, Mapping) or not view.get("entity") or not view.get("path"):
        raise InvalidInput(f"contract {contract.id!r}: view {view!r} needs 'entity' and 'path'")
    path = str(view["path"])
    return {
        "entity": str(view["entity"]),
        "plural": path.rstrip("/").rpartition("/")[2].replace("-", "_"),
        "path": path,
        "fields": list(view.get("fields") or ()),
    }


async def _origins(url: str) -> list[str]:
    """Where the page may send requests: to itself and to the APIs that its config.json names."""
    origins = [_origin(url)]
    timeout = httpx.Timeout(REQUEST_SECONDS)
    try:
        async with httpx.AsyncClient(timeout=timeout, trust_env=False) as http:
            answer = await http.get(urljoin(url.rstrip("/") + "/", "config.json"))
            apis = answer.json().get("apis", {}) if answer.is_success else {}
    except (httpx.HTTPError, ValueError, AttributeError):
        return origins  # the page will fail on it by itself, with a message people can see
    named = (urljoin(url, str(address)) for address in apis.values()) if apis else ()
    here = [o for o in map(_origin, named) if urlsplit(o).hostname in ("127.0.0.1", "localhost")]
    return list(dict.fromkeys([*origins, *here]))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _prepare(scratch: Path, job: JsonObject) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (scratch / "job.json").write_text(json.dumps(dict(job)), encoding="utf-8")


def _results(
    contract: Contract, outcome: Mapping[str, Any]
) -> tuple[list[CheckResult], list[Finding]]:
    told = {one["id"]: one for one in outcome["outcomes"]}
    checks: list[CheckResult] = []
    findings = [Finding(**found) for found in outcome["findings"]]
    for criterion in contract.acceptance:
        if criterion.check not in CHECKS:
            checks.append(unverified(criterion))
            continue
        one = told.get(criterion.id)
        passed = one is not None and one["passed"] is True
        detail = str(one["detail"]) if one else "the visit ended before this was tried"
        checks.append(result_of(criterion, passed=passed, detail=detail))
        if not passed and not (one and one["follows"]):
            findings.append(_complaint(criterion, detail))
    checks.append(
        CheckResult(
            id="page_quiet",
            statement="The page shows and logs no errors and asks only its own APIs.",
            passed=not outcome["findings"],
            detail=f"{outcome['requests']} requests, {len(outcome['findings'])} findings",
        )
    )
    return checks, findings


def _complaint(criterion: AcceptanceCriterion, detail: str) -> Finding:
    entity, field = criterion.parameters.get("entity"), criterion.parameters.get("field")
    return Finding(
        rule=str(criterion.check),
        message=detail,
        operation=f"{entity}.{field}" if field else str(entity),
        expected=criterion.statement,
        seen=detail,
    )


def _without_browser(contract: Contract, target: VerificationTarget) -> Verification:
    missing = Finding(
        rule="browser_missing",
        message="the page was not visited: no Chromium or no Playwright on this machine; "
        "install Chromium and: pip install 'maestro-conductor[browser]'",
        severity=Severity.WARNING,
    )
    return Verification(
        contract=contract.id,
        target=target.description,
        operations_total=len(contract.specification["views"]),
        operations_tested=0,
        checks=(),
        findings=(missing,),
        requests=0,
        duration_seconds=0.0,
    )
